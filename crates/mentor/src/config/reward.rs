//! The three ways in which an arm names its reward.

use std::fmt;

use anyhow::{Context, Result, bail};
use mentor_reward::Reward;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::outside::{Endpoint, OutsideReward};
use crate::rewards::Source;

/// A reward by name, written out, or asked of another program.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RewardChoice {
    /// One of [`Reward::preset_names`].
    Preset(String),
    /// A table.
    Table(Reward),
    /// Another program: `{ url = "http://127.0.0.1:8765/score" }`.
    Outside(Endpoint),
}

/// By hand, since an untagged enum would not say which key of a table is at fault.
impl<'de> Deserialize<'de> for RewardChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = RewardChoice;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a preset's name, a reward table, or { url = … }")
            }

            fn visit_str<E>(self, name: &str) -> Result<RewardChoice, E> {
                Ok(RewardChoice::Preset(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<RewardChoice, A::Error> {
                // The first key tells: the two kinds of table have none in common.
                let key: Option<String> = table.next_key()?;
                let is_outside = key.as_deref().is_some_and(|key| ENDPOINT_KEYS.contains(&key));
                let table = MapAccessDeserializer::new(Begun { key, rest: table });
                if is_outside {
                    Endpoint::deserialize(table).map(RewardChoice::Outside)
                } else {
                    Reward::deserialize(table).map(RewardChoice::Table)
                }
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

/// The keys of an [`Endpoint`].
const ENDPOINT_KEYS: [&str; 4] = ["url", "timeout", "retries", "remote"];

/// A table of which the first key has been read.
struct Begun<A> {
    key: Option<String>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Begun<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.key.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

impl RewardChoice {
    /// Where its scores come from. Nobody is asked yet.
    pub fn open(&self) -> Result<Source> {
        match self {
            Self::Outside(endpoint) => {
                endpoint.check("reward")?;
                Ok(Source::Outside(OutsideReward::new(endpoint)))
            }
            Self::Preset(_) | Self::Table(_) => self.resolve().map(Source::Table),
        }
    }

    /// The table itself; another program has none.
    pub fn resolve(&self) -> Result<Reward> {
        match self {
            Self::Outside(endpoint) => bail!(
                "its scores come from {}, and nothing here can say how: look at their `parts` in rollouts.jsonl",
                endpoint.url
            ),
            Self::Table(reward) => {
                reward.check("reward")?;
                Ok(reward.clone())
            }
            Self::Preset(name) => Reward::preset(name).with_context(|| {
                format!(
                    "reward `{name}` is not known; use one of {} or a table",
                    Reward::preset_names().join(", ")
                )
            }),
        }
    }
}
