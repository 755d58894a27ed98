//! The value of every key that is not repeated, with the place it came from.
//!
//! Layers are put on from the lowest to the highest: defaults, file, variables,
//! flags. Every layer is checked in full, so a bad value is reported even where
//! a higher layer would hide it.
//!
//! Invariant: there is exactly one setting for each such key of the table, in
//! the table's order, and its value is of the key's kind.

use super::kind::Kind;
use super::problem::{Origin, Problem, shown};
use super::schema::{self, Key, Section};
use super::value::{Refusal, Value};
use std::fmt;

/// What stands in place of a secret value.
pub(super) const MASK: &str = "********";

/// One key with its value, which `Debug` does not show if it is secret.
#[derive(Clone)]
pub struct Setting {
    /// The section of the key.
    pub section: &'static Section,
    /// The key.
    pub key: &'static Key,
    /// Its value.
    pub value: Value,
    /// Where the value came from.
    pub origin: Origin,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = if self.key.secret { &MASK } else { &self.value };
        write!(f, "{} = {value:?} from {:?}", schema::path(self.section, self.key), self.origin)
    }
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// The lowest layer.
    pub(super) fn defaults() -> Settings {
        let plain = schema::keys().filter(|(section, _)| !section.repeated);
        Settings(
            plain
                .map(|(section, key)| Setting {
                    section,
                    key,
                    value: default_value(key),
                    origin: Origin::Default,
                })
                .collect(),
        )
    }

    /// Puts a value of a higher layer on `path`, or notes why it is refused.
    /// `path` must be a key of the table that is not repeated.
    pub(super) fn put(
        &mut self,
        path: &str,
        origin: Origin,
        read: impl FnOnce(Kind) -> Result<Value, Refused>,
        problems: &mut Vec<Problem>,
    ) {
        let setting = self
            .0
            .iter_mut()
            .find(|setting| schema::path(setting.section, setting.key) == path)
            .expect("the caller has found the key in the table");
        match read(setting.key.kind) {
            Ok(value) => {
                setting.value = value;
                setting.origin = origin;
            }
            Err(refused) => problems.push(refused.problem(path, setting.key.secret, origin)),
        }
    }

    /// The setting of `path`.
    pub fn get(&self, path: &str) -> Option<&Setting> {
        self.iter().find(|setting| schema::path(setting.section, setting.key) == path)
    }

    /// All settings in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    fn value(&self, path: &str) -> &Value {
        &self.get(path).expect("a key of the table").value
    }

    /// The whole number, or the ms, of `path`.
    pub(super) fn integer(&self, path: &str) -> i64 {
        match self.value(path) {
            Value::Integer(number) | Value::DurationMs(number) => *number,
            other => unreachable!("{path} is a number in the table, not {other:?}"),
        }
    }

    /// The decimal of `path`.
    pub(super) fn decimal(&self, path: &str) -> f64 {
        match self.value(path) {
            Value::Decimal(number) => *number,
            other => unreachable!("{path} is a decimal in the table, not {other:?}"),
        }
    }

    /// The word of `path`; none for a rate that is a number.
    pub(super) fn word(&self, path: &str) -> Option<&str> {
        match self.value(path) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A refused value as it was written, with the refusal. It may be a secret.
pub(super) struct Refused {
    pub(super) value: String,
    pub(super) refusal: Refusal,
}

impl Refused {
    /// The problem of it; a secret value is not shown, nor anything like it.
    pub(super) fn problem(self, path: &str, secret: bool, origin: Origin) -> Problem {
        Problem::BadValue {
            key: path.to_owned(),
            origin,
            // That there is none is no secret.
            value: match secret && !self.value.is_empty() {
                true => MASK.into(),
                false => shown(&self.value),
            },
            reason: self.refusal.reason,
            nearest: self.refusal.nearest.filter(|_| !secret),
        }
    }
}

/// Reads a text of a variable or flag.
pub(super) fn from_text(text: &str) -> impl FnOnce(Kind) -> Result<Value, Refused> {
    move |kind| kind.parse(text).map_err(|refusal| Refused { value: text.to_owned(), refusal })
}

/// The default of a key that has one.
pub(super) fn default_value(key: &Key) -> Value {
    let text = key.default.expect("the key has a default");
    key.kind.parse(text).expect("a default is valid")
}
