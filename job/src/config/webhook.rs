//! Webhooks as they are configured, checked in full.
//!
//! Invariant: no two webhooks have names that differ only in `-` and `_`, as variables
//! know no `-`.

use std::time::Duration;

use super::environment::PREFIX;
use super::problem::Origin;
use super::schema::{Key, WEBHOOK};
use super::value::Value;
use streamgauge_sink::webhook::Endpoint;

/// What the names of variables with secrets end with.
const SECRET: &str = "__SECRET";

/// Where alerts are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to, which, and how long that is tried.
    pub endpoint: Endpoint,
    /// Where it is configured.
    pub origin: Origin,
}

impl Webhook {
    /// The variable that has its secret: `STREAMGAUGE_WEBHOOK__ON_CALL__SECRET`.
    pub(super) fn secret_variable(&self) -> String {
        let name = self.endpoint.name.replace('-', "_");
        format!("{PREFIX}{WEBHOOK}__{name}{SECRET}").to_ascii_uppercase()
    }

    /// The value of a key of its section, as the file has it; none of a secret that
    /// there is not.
    pub(super) fn value(&self, key: &Key) -> Option<Value> {
        let endpoint = &self.endpoint;
        let duration = |time: Duration| i64::try_from(time.as_millis()).ok().map(Value::DurationMs);
        match key.name {
            "name" => Some(Value::Text(endpoint.name.clone())),
            "url" => Some(Value::Text(endpoint.url.as_str().to_owned())),
            "secret" => endpoint.secret.as_ref().map(|s| Value::Text(s.expose().to_owned())),
            "rules" => Some(Value::Texts(endpoint.rules.clone())),
            "severities" => Some(Value::Texts(endpoint.severities.clone())),
            "timeout" => duration(endpoint.timeout),
            "give_up_after" => duration(endpoint.give_up_after),
            "max_attempts" => Some(Value::Integer(endpoint.max_attempts.into())),
            _ => None,
        }
    }
}

/// Whether a variable could have the secret of some webhook.
pub(super) fn is_secret_variable(name: &str) -> bool {
    let start = format!("{PREFIX}{WEBHOOK}__").to_ascii_uppercase();
    let middle = name.strip_prefix(&start).and_then(|rest| rest.strip_suffix(SECRET));
    middle.is_some_and(|name| !name.is_empty())
}
