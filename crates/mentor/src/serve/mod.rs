//! A reward as an HTTP service: our own form, `OpenRLHF`'s and NeMo-Gym's.
//!
//! [`answer`] says what is replied, [`http::serve`] speaks HTTP on one connection; whoever has a listener and threads puts
//! the two together (`cargo xtask serve-reward` does).

pub mod http;

use mentor_reward::Reward;
use mentor_reward::wire::{self, WireError, nemo_gym, openrlhf};
use serde_json::{Value, json};

use http::{Reply, Request};

/// What can be asked for.
pub const ROUTES: [(&str, &str, &str); 5] = [
    ("GET", "/", "the reward and this list"),
    ("POST", "/score", "attempts as the filter `score` reads them, one or a list"),
    ("POST", "/get_reward", "OpenRLHF: query, prompts, labels"),
    ("POST", "/seed_session", "NeMo-Gym: nothing to set up"),
    ("POST", "/verify", "NeMo-Gym: responses_create_params, response, and what it is held against"),
];

/// The reply to a request: a result, or an error that names the field at fault.
pub fn answer(reward: &Reward, request: &Request) -> Reply {
    let Some((method, path, _)) = ROUTES.iter().find(|(_, path, _)| *path == request.path) else {
        let paths: Vec<&str> = ROUTES.iter().map(|(_, path, _)| *path).collect();
        return Reply::error(404, &format!("no {}; there are {}", request.path, paths.join(", ")));
    };
    if *method != request.method {
        return Reply::error(405, &format!("{path} takes {method}, not {}", request.method));
    }
    let posted = |of: &dyn Fn(&Value) -> Result<Value, WireError>| match serde_json::from_slice(&request.body)
    {
        Ok(body) => of(&body).map_or_else(|error| Reply::error(400, &error.to_string()), Reply::ok),
        Err(error) => Reply::error(400, &format!("the body is not JSON: {error}")),
    };
    match *path {
        "/score" => posted(&|body| wire::score_json(body, Some(reward))),
        "/get_reward" => posted(&|body| openrlhf::answer(body, reward)),
        "/seed_session" => Reply::ok(nemo_gym::seed_session()),
        "/verify" => posted(&|body| nemo_gym::verify(body, reward)),
        _ => Reply::ok(about(reward)),
    }
}

fn about(reward: &Reward) -> Value {
    let routes =
        ROUTES.iter().map(|(method, path, what)| json!({"method": method, "path": path, "what": what}));
    json!({
        "reward": reward.name,
        "minimum": reward.minimum(),
        "maximum": reward.maximum(),
        "routes": routes.collect::<Vec<Value>>(),
    })
}
