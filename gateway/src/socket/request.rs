//! What clients of version 1 ask for, and what is wrong with it.
//!
//! A request is judged as a whole before anything is done: it is served or refused.

use crate::catalogue::{PAGE_VIEWS, REVENUE_CURRENCY, SINGLES};
use crate::state::Channel;
use crate::wire::MOST_ROWS;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longest text that is echoed.
const MOST_ECHOED: usize = 64;
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 100..=60_000;
/// How often updates come by default, ms.
const INTERVAL_MS: u64 = 1_000;

#[derive(Deserialize)]
struct Raw {
    action: Option<String>,
    metrics: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    interval_ms: Option<u64>,
    history: Option<u64>,
    resume: Option<BTreeMap<String, Point>>,
}

/// Where a client was.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Point {
    pub(crate) stream: String,
    pub(crate) seq: String,
}

/// What is named in a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub(crate) metrics: Vec<&'static str>,
    pub(crate) channels: Vec<Channel>,
}

/// A request that can be served.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Auth,
    Subscribe { named: Named, interval_ms: u64, rows: usize, resume: Vec<(Channel, Point)> },
    Unsubscribe(Named),
    List,
    Ping,
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) detail: Option<Value>,
    pub(crate) retryable: bool,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, retryable: false }
    }

    fn knowing(self, detail: Value) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Too many requests.
    pub(crate) fn rate(per_s: u32) -> Self {
        let message = format!("more than {per_s} requests per second: wait a moment");
        Self { retryable: true, ..Self::new("rate_limited", message) }
    }
}

/// Names of all single values.
pub(crate) fn metric_names() -> Vec<&'static str> {
    let mut names: Vec<_> = SINGLES.iter().map(|single| single.flat).collect();
    names.extend([PAGE_VIEWS, REVENUE_CURRENCY]);
    names
}

/// Names of all channels.
pub(crate) fn channel_names() -> Vec<&'static str> {
    Channel::ALL.map(Channel::name).into()
}

/// Reads a request: its id, and what is asked for. None if it is no request at all.
pub(crate) fn parse(text: &str, most: usize) -> Option<(Value, Result<Action, Refusal>)> {
    let value: Value = serde_json::from_str(text).ok()?;
    let object = value.as_object()?;
    let id = match object.get("id") {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Number(n)) => Value::Number(n.clone()),
        Some(Value::String(text)) if text.len() <= MOST_ECHOED => Value::String(text.clone()),
        Some(_) => {
            let message = "id: expected a number or a text of at most 64 bytes";
            return Some((Value::Null, Err(Refusal::new("bad_request", message))));
        }
    };
    let action = Raw::deserialize(&value)
        .map_err(|error| Refusal::new("bad_request", short(&error.to_string())))
        .and_then(|raw| raw.action(most));
    Some((id, action))
}

impl Raw {
    fn action(self, most: usize) -> Result<Action, Refusal> {
        match self.action.as_deref() {
            Some("auth") => Ok(Action::Auth),
            Some("subscribe") => self.subscribe(most),
            Some("unsubscribe") => Ok(Action::Unsubscribe(self.named(most)?)),
            Some("list") => Ok(Action::List),
            Some("ping") => Ok(Action::Ping),
            other => {
                let known = ["auth", "subscribe", "unsubscribe", "list", "ping"];
                let message = match other {
                    Some(name) => format!("unknown action {:?}", short(name)),
                    None => "action is missing".into(),
                };
                Err(Refusal::new("unknown_action", message).knowing(json!({ "known": known })))
            }
        }
    }

    fn subscribe(self, most: usize) -> Result<Action, Refusal> {
        let named = self.named(most)?;
        let interval_ms = self.interval_ms.unwrap_or(INTERVAL_MS);
        if interval_ms != 0 && !INTERVALS_MS.contains(&interval_ms) {
            let message = format!("interval_ms {interval_ms}: 0 (every change) or 100 to 60000");
            return Err(Refusal::new("bad_interval", message));
        }
        let rows = match self.history.unwrap_or(0) {
            0 => 0,
            1..=60 => 60,
            _ => MOST_ROWS,
        };
        let resume = self.resume.unwrap_or_default();
        let resume = resume.into_iter().filter_map(|(n, p)| Some((Channel::of(&n)?, p))).collect();
        Ok(Action::Subscribe { named, interval_ms, rows, resume })
    }

    fn named(&self, most: usize) -> Result<Named, Refusal> {
        let metrics = self.metrics.as_deref().unwrap_or_default();
        let channels = self.channels.as_deref().unwrap_or_default();
        let number = metrics.len() + channels.len();
        if number == 0 {
            let message = "name metrics, channels or both: {\"action\":\"list\"} tells which";
            return Err(Refusal::new("bad_request", message));
        }
        if number > most {
            let message = format!("{number} names in one request: at most {most}");
            return Err(Refusal::new("too_many_subscriptions", message));
        }
        let known = metric_names();
        let metric = |name: &String| {
            known.iter().find(|known| *known == name).copied().ok_or_else(|| {
                let message = format!("unknown metric {:?}", short(name));
                Refusal::new("unknown_metric", message).knowing(json!({ "known": known }))
            })
        };
        let channel = |name: &String| {
            Channel::of(name).ok_or_else(|| {
                let message = format!("unknown channel {:?}", short(name));
                let detail = json!({ "known": channel_names() });
                Refusal::new("unknown_channel", message).knowing(detail)
            })
        };
        Ok(Named {
            metrics: metrics.iter().map(metric).collect::<Result<_, _>>()?,
            channels: channels.iter().map(channel).collect::<Result<_, _>>()?,
        })
    }
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(2 * MOST_ECHOED)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_served_or_refused() {
        let check = |text: &str, expected: Option<&str>| {
            let code = parse(text, 64).map(|(_, action)| action.map_or_else(|r| r.code, |_| "ok"));
            assert_eq!(code, expected, "{text}");
        };
        check(r#"{"action":"subscribe","metrics":["activeUsers"]}"#, Some("ok"));
        check(r#"{"action":"subscribe","channels":["alerts"],"interval_ms":0}"#, Some("ok"));
        check(r#"{"action":"subscribe","channels":["alerts"],"token":7}"#, Some("ok"));
        check(
            r#"{"action":"subscribe","channels":["alerts"],"interval_ms":99}"#,
            Some("bad_interval"),
        );
        check(
            r#"{"action":"subscribe","channels":["alerts"],"interval_ms":-1}"#,
            Some("bad_request"),
        );
        check(r#"{"action":"subscribe","metrics":["foo"]}"#, Some("unknown_metric"));
        check(r#"{"action":"subscribe","channels":["geo"]}"#, Some("unknown_channel"));
        check(r#"{"action":"subscribe"}"#, Some("bad_request"));
        check(r#"{"action":"unsubscribe","metrics":"activeUsers"}"#, Some("bad_request"));
        check(r#"{"action":"dance"}"#, Some("unknown_action"));
        check("{}", Some("unknown_action"));
        check(r#"{"action":"ping","id":{}}"#, Some("bad_request"));
        check(r#"{"action":"ping","id":"x"}"#, Some("ok"));
        check("[]", None);
        check("nonsense", None);
        let many = vec!["\"activeUsers\""; 65].join(",");
        let many = format!(r#"{{"action":"subscribe","metrics":[{many}]}}"#);
        check(&many, Some("too_many_subscriptions"));
    }
}
