//! One entry of a section that the file may repeat, while it is read.
//!
//! It deliberately knows nothing of what the entries mean.

use toml::de::{DeTable, DeValue};

use super::file::{Source, read_value, unknown_key};
use super::problem::{Origin, Problem, shown};
use super::schema::{self, Section};
use super::settings::default_value;
use super::value::Value;

/// All entries of a section; what is none goes to `problems`.
pub(super) fn entries<'a>(
    source: &'a Source<'a>,
    section: &'static Section,
    value: &'a DeValue<'a>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Vec<Entry<'a>> {
    let wrong_shape = |origin: Origin| Problem::BadShape {
        subject: format!("`{}`", section.name),
        origin,
        reason: format!("it may be repeated: write [[{}]]", section.name),
    };
    let DeValue::Array(items) = value else {
        problems.push(wrong_shape(origin.clone()));
        return Vec::new();
    };
    let mut entries = Vec::new();
    for item in items.iter() {
        let origin = source.at(item.span().start);
        match item.get_ref() {
            DeValue::Table(table) => entries.push(Entry { source, section, table, origin }),
            _ => problems.push(wrong_shape(origin)),
        }
    }
    entries
}

/// One entry.
pub(super) struct Entry<'a> {
    source: &'a Source<'a>,
    section: &'static Section,
    table: &'a DeTable<'a>,
    /// Where it begins.
    pub(super) origin: Origin,
}

impl Entry<'_> {
    /// Notes the keys that the section does not have.
    pub(super) fn refuse_unknown(&self, problems: &mut Vec<Problem>) {
        for (name, _) in self.table {
            if !self.section.keys.iter().any(|key| key.name == name.get_ref()) {
                let origin = self.source.at(name.span().start);
                problems.push(unknown_key(self.section.name, name.get_ref(), origin));
            }
        }
    }

    /// Whether a key is written.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// The value of a key, or its default.
    pub(super) fn read(&self, name: &str, problems: &mut Vec<Problem>) -> Option<Value> {
        let (section, key) = schema::find(&format!("{}.{name}", self.section.name))?;
        let path = schema::path(section, key);
        let Some(value) = self.table.get(name) else {
            if key.default.is_none() {
                problems.push(Problem::MissingKey { key: path, origin: self.origin.clone() });
                return None;
            }
            return Some(default_value(key));
        };
        match read_value(key.kind, value.get_ref()) {
            Ok(value) => Some(value),
            Err(refused) => {
                problems.push(refused.problem(&path, key.secret, self.place(name)));
                None
            }
        }
    }

    /// The line of a key, or of the entry where the key is not written.
    pub(super) fn place(&self, name: &str) -> Origin {
        let key = self.table.keys().find(|key| key.get_ref() == name);
        key.map_or_else(|| self.origin.clone(), |key| self.source.at(key.span().start))
    }
}

/// How the entries of a section are told apart.
pub(super) struct Named<T> {
    /// The section.
    pub(super) section: &'static str,
    /// What one of them is called.
    pub(super) word: &'static str,
    /// Most of them that there may be.
    pub(super) most: usize,
    /// The name of one.
    pub(super) name: fn(&T) -> &str,
    /// Where one stands.
    pub(super) origin: fn(&T) -> &Origin,
    /// What two may not have in common.
    pub(super) same: fn(&T) -> String,
    /// What is said of names that only seem to differ.
    pub(super) hint: &'static str,
}

impl<T> Named<T> {
    /// Adds an entry, unless another is like it or there are too many.
    pub(super) fn add(&self, all: &mut Vec<T>, new: T, problems: &mut Vec<Problem>) {
        let Self { section, word, most, name, origin, same, hint } = self;
        if let Some(other) = all.iter().find(|other| same(other) == same(&new)) {
            let other = origin(other);
            problems.push(Problem::BadValue {
                key: format!("{section}.name"),
                origin: origin(&new).clone(),
                value: shown(name(&new)),
                reason: format!("the {word} in {other} has the same name{hint}"),
                nearest: None,
            });
        } else if all.len() == *most {
            problems.push(Problem::BadShape {
                subject: format!("`{section}`"),
                origin: origin(&new).clone(),
                reason: format!("there are more than {most} {word}s, the most there may be"),
            });
        } else {
            all.push(new);
        }
    }
}
