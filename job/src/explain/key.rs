//! What is asked for: the key of a result, or the id of an alert.

use super::kind::{DAYS_MS, KINDS, Kind, Of};
use crate::config::nearest;
use std::fmt;
use streamgauge_sink::record::percent_decode;

/// Hex digits of an `alertId`.
const ALERT_ID_DIGITS: usize = 32;

/// The identity of a result or of an alert.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) text: String,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A result of a window.
    Window { kind: &'static Kind, start_ms: i64, end_ms: i64, dimension: Option<String> },
    /// A session.
    Session { kind: &'static Kind, start_ms: i64, user: String, session: String },
    /// An alert, by its id.
    Alert,
}

/// What is no key: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is no key: {reason}")]
pub struct KeyError {
    /// What was given.
    pub key: String,
    /// What is wrong with it, and what it should be.
    pub reason: String,
}

impl Key {
    /// Takes a key apart: `metricType|windowStart|windowEnd|k=v`, or an `alertId`.
    ///
    /// # Errors
    /// If it is neither, of a type that is not known, or of a window that its type does
    /// not have.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match parse(text) {
            Ok(what) => Ok(Self { text: text.to_owned(), what }),
            Err(reason) => Err(KeyError { key: text.to_owned(), reason }),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse(text: &str) -> Result<What, String> {
    let parts: Vec<_> = text.split('|').collect();
    if parts.len() == 1 && text.len() == ALERT_ID_DIGITS && text.bytes().all(is_lower_hex) {
        return Ok(What::Alert);
    }
    let Some(kind) = Kind::find(parts[0]) else {
        return Err(unknown_type(parts[0]));
    };
    let name = kind.metric.name();
    let [_, start, end, dimensions] = parts[..] else {
        return Err(format!("expected {}", form(kind)));
    };
    let time = |text: &str| {
        let ms = text.parse::<i64>().ok().filter(|ms| ms.to_string() == text);
        ms.ok_or_else(|| format!("`{text}` is no time in ms since 1970; expected {}", form(kind)))
    };
    let start_ms = time(start)?;
    if kind.of == Of::Session {
        let pair = dimensions.split_once(',');
        let value = |text: &str, name| percent_decode(text.strip_prefix(name)?);
        let found = pair.and_then(|(s, u)| Some((value(s, "session=")?, value(u, "user=")?)));
        let Some((session, user)) = found.filter(|_| end.is_empty()) else {
            return Err(format!("expected {}", form(kind)));
        };
        return Ok(What::Session { kind, start_ms, user, session });
    }
    let end_ms = time(end)?;
    check_window(kind, start_ms, end_ms)?;
    let dimension = match (kind.dimension, dimensions) {
        (None, "") => None,
        (None, _) => return Err(format!("{name} has no dimensions; expected {}", form(kind))),
        (Some(dimension), text) => {
            let value = text.strip_prefix(dimension).and_then(|rest| rest.strip_prefix('='));
            let value = value.filter(|v| !v.contains([',', '='])).and_then(percent_decode);
            let value = value.filter(|value| !value.is_empty());
            Some(value.ok_or_else(|| format!("expected {}", form(kind)))?)
        }
    };
    Ok(What::Window { kind, start_ms, end_ms, dimension })
}

/// Refuses what is no window of a type. Which days there are depends on the settings, so
/// of a day it is looked at its length alone.
fn check_window(kind: &Kind, start_ms: i64, end_ms: i64) -> Result<(), String> {
    let name = kind.metric.name();
    let length_ms = end_ms.checked_sub(start_ms);
    if kind.is_of_days() {
        return match length_ms.filter(|ms| DAYS_MS.contains(ms)) {
            Some(_) => Ok(()),
            None => Err(format!("{name} has windows of one day, in the time zone of the site")),
        };
    }
    if length_ms == Some(kind.window_ms) && end_ms % kind.step_ms == 0 {
        return Ok(());
    }
    let first_ms = start_ms.div_euclid(kind.step_ms) * kind.step_ms;
    Err(format!(
        "{name} has windows of {} s that end at multiples of {} s: the one that holds \
         {start_ms} first is {first_ms}|{}|…",
        kind.window_ms / 1_000,
        kind.step_ms / 1_000,
        first_ms + kind.window_ms,
    ))
}

fn is_lower_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}

/// How the key of a type is written.
fn form(kind: &Kind) -> String {
    let name = kind.metric.name();
    match (kind.of, kind.dimension) {
        (Of::Session, _) => format!("{name}|START||session=ID,user=ID"),
        (_, Some(dimension)) => format!("{name}|START|END|{dimension}=…"),
        _ => format!("{name}|START|END| with the last bar"),
    }
}

fn unknown_type(name: &str) -> String {
    let names = KINDS.iter().map(|kind| kind.metric.name());
    match nearest(name, names) {
        Some(near) => format!("there is no type `{name}`; did you mean {near}?"),
        None => {
            let example = "PAGE_VIEWS_PER_SECOND|1703123455000|1703123460000|";
            format!(
                "expected metricType|windowStart|windowEnd|dimensions as results have it, such \
                 as {example}, or the alertId of an alert ({ALERT_ID_DIGITS} hex digits)"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, expected: Result<&str, &str>) {
        let parsed = Key::parse(key);
        match (&parsed, expected) {
            (Ok(key), Ok(expected)) => {
                let found = match &key.what {
                    What::Window { kind, end_ms, dimension, .. } => {
                        format!("{:?} {end_ms} {dimension:?}", kind.metric)
                    }
                    What::Session { start_ms, user, session, .. } => {
                        format!("{start_ms} {user} {session}")
                    }
                    What::Alert => "alert".to_owned(),
                };
                assert_eq!(found, expected, "{key}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.reason.contains(expected), "{key}: {error}");
            }
            _ => panic!("{key}: {parsed:?}"),
        }
    }

    #[test]
    fn keys_are_taken_apart() {
        check("DEVICES|-60000|0|", Ok("Devices 0 None"));
        check("REVENUE_PER_USER|0|60000|currency=USD", Ok("RevenuePerUser 60000 Some(\"USD\")"));
        check("FUNNEL|0|3600000|funnel=a%3D%25 b", Ok("Funnel 3600000 Some(\"a=% b\")"));
        check("SESSION|5||session=s%2C1,user=u", Ok("5 u s,1"));
        check("81a4c8467e7bccccb424eaa6a606bd8c", Ok("alert"));
        check("DAY_PAGES|0|86400000|", Ok("DayPages 86400000 None"));
        check("DAY_VISITORS|7200000|97200000|", Ok("DayVisitors 97200000 None"));
        check("DAY_REVENUE|0|82800000|currency=EUR", Ok("DayRevenue 82800000 Some(\"EUR\")"));
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_it_should_be() {
        check("DEVICE|0|60000|", Err("did you mean DEVICES?"));
        check("BOUNCERATE|0|5000|", Err("did you mean BOUNCE_RATE?"));
        check("what is this", Err("or the alertId"));
        check("", Err("such as PAGE_VIEWS_PER_SECOND|"));
        check("DEVICES|0|60000", Err("DEVICES|START|END| with the last bar"));
        check("DEVICES|0||", Err("is no time"));
        check("DEVICES|+0|60000|", Err("is no time"));
        check("DEVICES|0|60000|a=b", Err("no dimensions"));
        check("DEVICES|5000|65000|", Err("0|60000|"));
        check("DEVICES|0|5000|", Err("windows of 60 s"));
        check("REVENUE_PER_USER|0|60000|", Err("currency="));
        check("REVENUE_PER_USER|0|60000|currency=A,x=y", Err("currency="));
        check("DAY_PAGES|0|5000|", Err("windows of one day"));
        check("DAY_PAGES|86400000|0|", Err("windows of one day"));
        check("DAY_PAGES|0|176400001|", Err("windows of one day"));
        check("DAY_PAGES|0|86400000|currency=EUR", Err("no dimensions"));
        check("DAY_REVENUE|0|86400000|", Err("currency="));
        check("DAY_PAGE|0|86400000|", Err("did you mean DAY_PAGES?"));
        check("SESSION|0|5|session=s,user=u", Err("SESSION|START||"));
        check("SESSION|0||user=u", Err("SESSION|START||"));
        check("81A4c8467e7bccccb424eaa6a606bd8c", Err("or the alertId"));
    }
}
