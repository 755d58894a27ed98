//! What values a key takes, and reading one from a text.
//!
//! Values of the file come here as texts too, so that a setting means the same
//! and is refused in the same words wherever it comes from.
//!
//! Invariant: every [`Value`] that leaves here is within its kind's bounds; no
//! sum of a few durations and a timestamp can overflow 64 bits.
//!
//! It deliberately knows nothing of keys, sources and files.

use super::duration;
use super::suggest::nearest;
use super::value::{Refusal, Value};
use crate::day::Days;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::webhook::{Url, UrlRefusal};

/// The longest duration there is: 366 days in ms.
pub const MAX_DURATION_MS: i64 = 366 * 86_400_000;

/// The text of a rate without a limit.
pub const MAX_RATE: &str = "max";

/// What values a key takes, bounds included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number that may have decimals.
    Decimal {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// A length of time, in ms.
    Duration {
        /// The shortest.
        min_ms: i64,
        /// The longest.
        max_ms: i64,
    },
    /// Events a second, from 1 on, or `max`.
    Rate {
        /// The largest that is not `max`.
        max: i64,
    },
    /// true or false.
    Flag,
    /// An address and a port.
    Address,
    /// Any text but an empty one.
    Text,
    /// Any text.
    AnyText,
    /// A number with at most six decimals, kept as it is written, or an empty text.
    Limit,
    /// The name of a time zone.
    TimeZone,
    /// A list of texts, in the file only.
    Steps,
    /// A name of lower-case letters, digits, `_` and `-`.
    Name,
    /// Where HTTP requests can be sent to.
    Url,
    /// A list of texts, in the file only; not all need to be given.
    List {
        /// The texts that there are; any if there are none.
        of: &'static [&'static str],
    },
}

/// The longest name, in bytes.
const MOST_NAME_BYTES: usize = 64;

/// What was probably meant by an address: a port alone, or a name for this machine.
fn mend_address(text: &str) -> Option<String> {
    let port = text.rsplit_once(':').map_or(text, |(_, port)| port);
    port.parse::<u16>().ok().map(|port| format!("127.0.0.1:{port}"))
}

impl Kind {
    /// What values it takes, for people.
    pub fn values(self) -> String {
        match self {
            Kind::Choice(words) => format!("`{}`", words.join("` or `")),
            Kind::Integer { min, max: i64::MAX } => format!("a whole number from {min} on"),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Decimal { min, max } => format!("a number from {min} to {max}"),
            Kind::Duration { min_ms, max_ms } => format!(
                "a duration from `{}` to `{}`",
                duration::format(min_ms),
                duration::format(max_ms)
            ),
            Kind::Rate { max } => format!("a whole number from 1 to {max}, or `{MAX_RATE}`"),
            Kind::Flag => "`true` or `false`".into(),
            Kind::Address => "an address and a port, such as `127.0.0.1:8082`".into(),
            Kind::Text => "a text".into(),
            Kind::AnyText => "a text, or an empty one".into(),
            Kind::TimeZone => "the name of a time zone, such as `Europe/Berlin`".into(),
            Kind::Limit => "a number with at most six decimals, below 9 · 10¹²".into(),
            Kind::Steps | Kind::List { of: [] } => "a list of texts".into(),
            Kind::Name => format!("1 to {MOST_NAME_BYTES} of `a-z`, `0-9`, `_` and `-`"),
            Kind::Url => "a URL that begins with `https://` or `http://`".into(),
            Kind::List { of } => format!("a list of `{}`", of.join("`, `")),
        }
    }

    /// Reads a value from the text of a variable or flag.
    pub fn parse(self, text: &str) -> Result<Value, Refusal> {
        let refusal = || Refusal::new(format!("expected {}", self.values()));
        match self {
            Kind::Choice(words) => match words.contains(&text) {
                true => Ok(Value::Text(text.into())),
                false => Err(refusal().or_else_try(nearest(text, words.iter().copied()))),
            },
            Kind::Integer { .. } => match text.parse::<i64>() {
                Ok(number) => self.integer(number),
                Err(_) => Err(refusal().or_else_try(mend_number(text))),
            },
            Kind::Decimal { min, max } => match text.parse::<f64>() {
                Ok(number) if number.is_nan() => Err(refusal()),
                Ok(number) if number < min => Err(refusal().or_else_try(Some(min.to_string()))),
                Ok(number) if number > max => Err(refusal().or_else_try(Some(max.to_string()))),
                // Adding zero makes minus zero plain zero.
                Ok(number) => Ok(Value::Decimal(number + 0.0)),
                Err(_) => Err(refusal()),
            },
            Kind::Duration { min_ms, max_ms } => match duration::parse(text) {
                Ok(ms) => self.duration(ms),
                Err(reason) => Err(Refusal::new(reason).or_else_try(
                    duration::mend(text).map(|ms| duration::format(ms.clamp(min_ms, max_ms))),
                )),
            },
            Kind::Rate { .. } if text == MAX_RATE => Ok(Value::Text(text.into())),
            Kind::Rate { .. } => match text.parse::<i64>() {
                Ok(number) => self.integer(number),
                Err(_) => {
                    let word = nearest(text, [MAX_RATE]).map(str::to_owned);
                    Err(refusal().or_else_try(word.or_else(|| mend_number(text))))
                }
            },
            Kind::Flag => match text {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => Err(refusal().or_else_try(mend_flag(text))),
            },
            Kind::Address => match text.parse::<std::net::SocketAddr>() {
                Ok(_) => Ok(Value::Text(text.into())),
                Err(_) => Err(refusal().or_else_try(mend_address(text))),
            },
            Kind::Text if text.is_empty() => Err(Refusal::new("empty")),
            Kind::Text => Ok(Value::Text(text.into())),
            Kind::AnyText => Ok(Value::Text(text.into())),
            Kind::TimeZone if Days::of(text).is_some() => Ok(Value::Text(text.into())),
            Kind::TimeZone => {
                let zones = Days::zones();
                let meant = nearest(text, zones.iter().map(String::as_str));
                Err(refusal().or_else_try(meant))
            }
            Kind::Limit if text.is_empty() || Decimal::parse(text).is_some() => {
                Ok(Value::Number(text.into()))
            }
            Kind::Name => match is_name(text) {
                true => Ok(Value::Text(text.into())),
                false => Err(refusal().or_else_try(mend_name(text))),
            },
            Kind::Url => match Url::parse(text) {
                Ok(_) => Ok(Value::Text(text.into())),
                Err(UrlRefusal { reason, nearest }) => {
                    Err(Refusal::new(reason).or_else_try(nearest))
                }
            },
            Kind::List { .. } if text.is_empty() => Ok(Value::Texts(Vec::new())),
            Kind::Limit | Kind::Steps | Kind::List { .. } => Err(refusal()),
        }
    }

    /// A list of the file, held against the texts that there are.
    pub(super) fn list(self, texts: Vec<String>) -> Result<Value, (String, Refusal)> {
        let Kind::List { of } = self else { return Ok(Value::Texts(texts)) };
        let known = |text: &&String| !of.is_empty() && !of.contains(&text.as_str());
        match texts.iter().find(|text| text.is_empty() || known(text)) {
            None => Ok(Value::Texts(texts)),
            Some(text) => {
                let refusal = Refusal::new(format!("expected {}", self.values()));
                let upper = text.to_ascii_uppercase();
                let near = nearest(&upper, of.iter().copied());
                Err((text.clone(), refusal.or_else_try(near)))
            }
        }
    }

    /// A number of the file, or of a text, held against the bounds.
    fn integer(self, number: i64) -> Result<Value, Refusal> {
        let (min, max) = match self {
            Kind::Integer { min, max } => (min, max),
            Kind::Rate { max } => (1, max),
            _ => return Err(Refusal::new(format!("expected {}", self.values()))),
        };
        match number.clamp(min, max) {
            same if same == number => Ok(Value::Integer(number)),
            bound => Err(Refusal::new(format!("expected {}", self.values()))
                .or_else_try(Some(bound.to_string()))),
        }
    }

    fn duration(self, ms: i64) -> Result<Value, Refusal> {
        let Kind::Duration { min_ms, max_ms } = self else {
            return Err(Refusal::new(format!("expected {}", self.values())));
        };
        match ms.clamp(min_ms, max_ms) {
            same if same == ms => Ok(Value::DurationMs(ms)),
            bound => Err(Refusal::new(format!("expected {}", self.values()))
                .or_else_try(Some(duration::format(bound)))),
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    (1..=MOST_NAME_BYTES).contains(&text.len()) && text.chars().all(plain)
}

/// A name in lower case, with `-` in place of what it cannot have.
fn mend_name(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let plain = |c: char| if is_name(c.encode_utf8(&mut [0; 4])) { c } else { '-' };
    let name: String = lower.chars().map(plain).take(MOST_NAME_BYTES).collect();
    is_name(&name).then_some(name)
}

/// `10_000`, `10,000` and the like without their separators.
fn mend_number(text: &str) -> Option<String> {
    let mut plain = text.to_owned();
    plain.retain(|c| !matches!(c, '_' | ',' | '\'' | ' '));
    plain.parse::<i64>().ok().map(|number| number.to_string())
}

fn mend_flag(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "1" | "true" => Some("true"),
        "no" | "off" | "0" | "false" => Some("false"),
        other => nearest(other, ["true", "false"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Kind = Kind::Duration { min_ms: 20, max_ms: 1_000 };

    #[test]
    fn valid_texts_are_read() {
        let check = |kind: Kind, text: &str, expected: Value| {
            assert_eq!(kind.parse(text), Ok(expected), "{text}");
        };
        check(Kind::Choice(&["off", "on"]), "on", Value::Text("on".into()));
        check(Kind::Integer { min: 0, max: 9 }, "9", Value::Integer(9));
        check(Kind::Decimal { min: 0.0, max: 1.0 }, "0.5", Value::Decimal(0.5));
        check(SECONDS, "20ms", Value::DurationMs(20));
        check(SECONDS, "1s", Value::DurationMs(1_000));
        check(Kind::Rate { max: 9 }, "max", Value::Text("max".into()));
        check(Kind::Rate { max: 9 }, "1", Value::Integer(1));
        check(Kind::Flag, "true", Value::Flag(true));
        check(Kind::Text, "a b", Value::Text("a b".into()));
        check(Kind::Name, "on-call_2", Value::Text("on-call_2".into()));
        check(Kind::Url, "https://a.b/c", Value::Text("https://a.b/c".into()));
        check(Kind::List { of: &["A"] }, "", Value::Texts(Vec::new()));
    }

    #[test]
    fn invalid_texts_are_refused_with_the_nearest_valid_one() {
        let check = |kind: Kind, text: &str, nearest: Option<&str>| {
            let refusal = kind.parse(text).expect_err(text);
            assert_eq!(refusal.nearest.as_deref(), nearest, "{text}: {refusal:?}");
            if let Some(nearest) = nearest {
                assert!(kind.parse(nearest).is_ok(), "{nearest} for {text}");
            }
        };
        check(Kind::Choice(&["off", "on"]), "onn", Some("on"));
        check(Kind::Choice(&["off", "on"]), "ON", Some("on"));
        check(Kind::Choice(&["include", "exclude"]), "drop", None);
        check(Kind::Integer { min: 0, max: 9 }, "10", Some("9"));
        check(Kind::Integer { min: 1, max: 9 }, "-1", Some("1"));
        check(Kind::Integer { min: 1, max: 9_999 }, "1_000", Some("1000"));
        check(Kind::Integer { min: 1, max: 9 }, "many", None);
        check(Kind::Integer { min: 1, max: 9 }, "99999999999999999999", None);
        check(Kind::Decimal { min: 0.0, max: 1.0 }, "1.5", Some("1"));
        check(Kind::Decimal { min: 0.0, max: 1.0 }, "-0.1", Some("0"));
        check(Kind::Decimal { min: 0.0, max: 1.0 }, "NaN", None);
        check(Kind::Decimal { min: 0.0, max: 1.0 }, "inf", Some("1"));
        check(Kind::Decimal { min: 0.0, max: 1.0 }, "1%", None);
        check(SECONDS, "10ms", Some("20ms"));
        check(SECONDS, "10 min", Some("1s"));
        check(SECONDS, "soon", None);
        check(SECONDS, "", None);
        check(Kind::Rate { max: 9 }, "0", Some("1"));
        check(Kind::Rate { max: 9 }, "MAX", Some("max"));
        check(Kind::Flag, "yes", Some("true"));
        check(Kind::Flag, "2", None);
        check(Kind::Text, "", None);
        check(Kind::Name, "On call", Some("on-call"));
        check(Kind::Name, "ü", Some("-"));
        check(Kind::Name, "", None);
        check(Kind::Url, "a.b/c", Some("https://a.b/c"));
        check(Kind::Url, "https://", None);
    }
}
