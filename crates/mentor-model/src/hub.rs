//! From a folder or a Hugging Face Hub name to a folder with a checkpoint.

use crate::checkpoint::shard_names;
use crate::{Error, Result};
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use std::path::{Path, PathBuf};

/// Where and how to look for checkpoints by Hub name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubOptions {
    /// The cache in the Hub's own layout (`models--org--name/…`), usually `~/.cache/huggingface/hub`.
    pub cache_dir: PathBuf,
    /// The server.
    pub endpoint: String,
    /// An access token, for gated and private models.
    pub token: Option<String>,
    /// Look only into the cache.
    pub offline: bool,
    /// A branch, a tag or a commit.
    pub revision: String,
}

impl HubOptions {
    /// The public Hub with a cache folder of your choice.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            endpoint: "https://huggingface.co".into(),
            token: None,
            offline: false,
            revision: "main".into(),
        }
    }

    /// The environment as `huggingface_hub` reads it: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` and the home
    /// folder for the cache, `HF_TOKEN` or the `token` file of a login, `HF_ENDPOINT`, `HF_HUB_OFFLINE`.
    ///
    /// This is the one place of the crate that reads environment variables: call it from a program, not from a
    /// library.
    pub fn from_env() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user_cache = || {
            let home = || {
                PathBuf::from(
                    variable("HOME").or_else(|| variable("USERPROFILE")).unwrap_or_else(|| ".".into()),
                )
            };
            variable("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from)
        };
        let home = variable("HF_HOME").map_or_else(|| user_cache().join("huggingface"), PathBuf::from);
        let logged_in =
            || std::fs::read_to_string(home.join("token")).ok().map(|token| token.trim().to_owned());
        let mut options = Self::new(variable("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from));
        options.token = variable("HF_TOKEN").or_else(logged_in).filter(|token| !token.is_empty());
        options.endpoint = variable("HF_ENDPOINT").unwrap_or(options.endpoint);
        options.offline = variable("HF_HUB_OFFLINE")
            .is_some_and(|value| ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str()));
        options
    }
}

/// A file of a checkpoint, and whether one can do without.
const FILES: [(&str, bool); 4] = [
    ("config.json", true),
    ("tokenizer.json", false),
    ("tokenizer_config.json", false),
    ("generation_config.json", false),
];

/// The folder of a checkpoint, given the folder itself or the checkpoint's Hub name (`org/name`).
///
/// A folder is taken as it is. A name is looked up in the cache and, unless offline, downloaded: configuration,
/// weights (with all their shards) and tokenizer. Errors say what is missing and what to do.
pub fn resolve_checkpoint(name_or_dir: &str, hub: &HubOptions) -> Result<PathBuf> {
    let dir = Path::new(name_or_dir);
    if dir.is_dir() {
        if dir.join("config.json").is_file() {
            return Ok(dir.to_path_buf());
        }
        return Err(Error::Hub(format!("folder {name_or_dir} has no config.json: it is no checkpoint")));
    }
    if !is_hub_name(name_or_dir) {
        return Err(Error::Hub(format!(
            "{name_or_dir} is neither a folder nor a Hub name of the form `org/name`; check the spelling"
        )));
    }
    let repo = Repo::with_revision(name_or_dir.to_owned(), RepoType::Model, hub.revision.clone());
    // Links inside the cache are worked out from absolute paths.
    let cache_dir = std::path::absolute(&hub.cache_dir).map_err(Error::io(&hub.cache_dir))?;
    let cached = Cache::new(cache_dir.clone()).repo(repo.clone());
    let source = if hub.offline {
        Source { name: name_or_dir, hub, cached, remote: None }
    } else {
        let api = ApiBuilder::from_cache(Cache::new(cache_dir))
            .with_endpoint(hub.endpoint.clone())
            .with_token(hub.token.clone())
            .with_progress(false)
            .with_retries(2)
            .build()
            .map_err(|e| Error::Hub(format!("cannot set up downloads from {}: {e}", hub.endpoint)))?;
        Source { name: name_or_dir, hub, cached, remote: Some(api.repo(repo)) }
    };
    source.fetch()
}

/// `name` or `org/name` of letters, digits, `-`, `_` and `.`, as the Hub allows.
fn is_hub_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let good = |part: &&str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    parts.len() <= 2 && parts.iter().all(good)
}

struct Source<'a> {
    name: &'a str,
    hub: &'a HubOptions,
    cached: CacheRepo,
    /// Absent offline.
    remote: Option<ApiRepo>,
}

impl Source<'_> {
    fn fetch(&self) -> Result<PathBuf> {
        let mut folder = None;
        for (file, needed) in FILES {
            let found = self.get(file);
            if needed {
                folder = found?.parent().map(Path::to_path_buf);
            }
        }
        if self.get("model.safetensors").is_err() {
            let index = self.get("model.safetensors.index.json")?;
            let text = std::fs::read_to_string(&index).map_err(Error::io(&index))?;
            for shard in shard_names(&text).map_err(|message| Error::file(&index, message))? {
                self.get(&shard)?;
            }
        }
        folder.ok_or_else(|| Error::Hub(format!("{}: no folder in the cache", self.name)))
    }

    fn get(&self, file: &str) -> Result<PathBuf> {
        if let Some(path) = self.cached.get(file) {
            return Ok(path);
        }
        let Some(remote) = &self.remote else {
            return Err(Error::Hub(format!(
                "{} (revision {}): {file} is not in the cache {}; offline mode looks nowhere else. Run once online, unset \
                 HF_HUB_OFFLINE, or give a folder",
                self.name,
                self.hub.revision,
                self.hub.cache_dir.display()
            )));
        };
        remote.get(file).map_err(|e| Error::Hub(self.explain(file, &e)))
    }

    fn explain(&self, file: &str, error: &ApiError) -> String {
        let text = error.to_string();
        let remedy = if text.contains("404") {
            "there is no such model, revision or file"
        } else if text.contains("401") || text.contains("403") {
            "the model is private, gated or misspelt: set HF_TOKEN to a token that may read it"
        } else {
            "check the network, or give a folder"
        };
        format!(
            "{} (revision {}): cannot get {file} from {}: {text}; {remedy}",
            self.name, self.hub.revision, self.hub.endpoint
        )
    }
}
