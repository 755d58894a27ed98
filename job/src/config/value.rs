//! Valid values, and what is said of one that is not.
//!
//! Invariant: a [`Value`] is within the bounds of the [`Kind`](super::Kind) that
//! made it.

use super::duration;

/// A valid value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of [`Kind::Choice`](super::Kind::Choice) and [`Kind::Text`](super::Kind::Text); `max` of [`Kind::Rate`](super::Kind::Rate).
    Text(String),
    /// Of [`Kind::Integer`](super::Kind::Integer) and [`Kind::Rate`](super::Kind::Rate).
    Integer(i64),
    /// Of [`Kind::Decimal`](super::Kind::Decimal); finite.
    Decimal(f64),
    /// Of [`Kind::Limit`](super::Kind::Limit): the number as it is written, or nothing.
    Number(String),
    /// Of [`Kind::Duration`](super::Kind::Duration), in ms.
    DurationMs(i64),
    /// Of [`Kind::Flag`](super::Kind::Flag).
    Flag(bool),
    /// Of [`Kind::Steps`](super::Kind::Steps).
    Texts(Vec<String>),
}

/// Why a value is refused, as a lower-case fragment, and the nearest valid one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: String,
    /// The nearest valid value, if there is one.
    pub nearest: Option<String>,
}

impl Refusal {
    /// A refusal without a nearest value.
    pub fn new(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), nearest: None }
    }

    pub(super) fn or_else_try(self, nearest: Option<impl Into<String>>) -> Refusal {
        Refusal { nearest: nearest.map(Into::into), ..self }
    }
}

impl Value {
    /// The value as it stands in the file: valid TOML on one line.
    pub fn to_toml(&self) -> String {
        match self {
            Value::Text(text) => quoted(text),
            Value::Number(text) if text.is_empty() => quoted(text),
            Value::Number(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Decimal(number) => format!("{number:?}"),
            Value::DurationMs(ms) => quoted(&duration::format(*ms)),
            Value::Flag(flag) => flag.to_string(),
            Value::Texts(texts) => {
                let parts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                format!("[{}]", parts.join(", "))
            }
        }
    }
}

/// A TOML string on one line: control characters are escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_toml() {
        let check = |value: Value, expected: &str| assert_eq!(value.to_toml(), expected);
        check(Value::Text("a\"b\n".into()), r#""a\"b\u000A""#);
        check(Value::Decimal(1.0), "1.0");
        check(Value::DurationMs(600_000), "\"10m\"");
        check(Value::Texts(vec!["/a".into(), "*".into()]), "[\"/a\", \"*\"]");
    }
}
