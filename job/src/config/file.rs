//! Reading the configuration file: TOML to checked settings and funnels, each
//! with its line.
//!
//! Invariant: every key and section of the file is either taken or reported;
//! nothing is skipped in silence.
//!
//! It deliberately opens no file (the text is given) and knows no key by name
//! but for the sections that may be repeated.

use toml::de::{DeTable, DeValue};

use super::alert::Alert;
use super::alert_file;
use super::funnel::Funnel;
use super::funnel_file;
use super::kind::Kind;
use super::problem::{Origin, Problem};
use super::schema::{self, ALERT, FUNNEL, SECTIONS, Section, WEBHOOK};
use super::settings::{Refused, Settings};
use super::suggest::nearest;
use super::value::{Refusal, Value};
use super::webhook::Webhook;
use super::webhook_file;

/// The text of a file, its name for messages, and where its lines begin.
pub(super) struct Source<'a> {
    path: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Source<'a> {
        Source { path, text }
    }

    /// The place of the byte `offset`.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        Origin::File {
            path: self.path.to_owned(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        }
    }
}

/// The sections that a file may repeat.
#[derive(Default)]
pub(super) struct Repeated {
    /// Its funnels, if it has that section.
    pub(super) funnels: Option<Vec<Funnel>>,
    /// Its alert rules.
    pub(super) alerts: Vec<Alert>,
    /// Its webhooks.
    pub(super) webhooks: Vec<Webhook>,
}

/// Puts the file on `settings`; gives what it repeats.
pub(super) fn apply(
    source: &Source<'_>,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) -> Repeated {
    let mut repeated = Repeated::default();
    let (document, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        // What was recovered may be half of what was meant: judge none of it.
        problems.extend(errors.iter().map(|error| Problem::Syntax {
            origin: source.at(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        }));
        return repeated;
    }
    for (name, value) in document.get_ref() {
        let origin = source.at(name.span().start);
        match (schema::section(name.get_ref()), value.get_ref()) {
            (Some(section), value) if section.name == FUNNEL => {
                let funnels = funnel_file::read_all(source, section, value, &origin, problems);
                repeated.funnels = Some(funnels);
            }
            (Some(section), value) if section.name == ALERT => {
                repeated.alerts = alert_file::read_all(source, section, value, &origin, problems);
            }
            (Some(section), value) if section.name == WEBHOOK => {
                repeated.webhooks =
                    webhook_file::read_all(source, section, value, &origin, problems);
            }
            (Some(section), DeValue::Table(table)) => {
                read_section(source, section, table, settings, problems);
            }
            (Some(section), _) => problems.push(Problem::BadShape {
                subject: format!("`{}`", section.name),
                origin,
                reason: format!("it is a section: write [{}]", section.name),
            }),
            (None, DeValue::Table(_) | DeValue::Array(_)) => {
                problems.push(unknown_section(name.get_ref(), origin));
            }
            (None, _) => problems.push(unknown_key("", name.get_ref(), origin)),
        }
    }
    repeated
}

fn read_section(
    source: &Source<'_>,
    section: &'static Section,
    table: &DeTable<'_>,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in table {
        let origin = source.at(name.span().start);
        match section.keys.iter().find(|key| key.name == name.get_ref()) {
            Some(key) => settings.put(
                &schema::path(section, key),
                origin,
                |kind| read_value(kind, value.get_ref()),
                problems,
            ),
            None => problems.push(unknown_key(section.name, name.get_ref(), origin)),
        }
    }
}

/// Reads a value of the file; its TOML type must suit the kind, so that a
/// number in quotes or a word without them is not taken by chance.
pub(super) fn read_value(kind: Kind, value: &DeValue<'_>) -> Result<Value, Refused> {
    let refused = |text: String, refusal: Refusal| Refused { value: text, refusal };
    let wrong_type = |text: String| {
        let mut refusal = Refusal::new(format!("expected {}", in_file(kind)));
        refusal.nearest = match kind.parse(&text) {
            Ok(value) => Some(value.to_toml()),
            Err(other) => other.nearest,
        };
        refused(text, refusal)
    };
    match (kind, value) {
        (
            Kind::Choice(_)
            | Kind::Duration { .. }
            | Kind::Address
            | Kind::Text
            | Kind::AnyText
            | Kind::TimeZone
            | Kind::Name
            | Kind::Url,
            DeValue::String(text),
        )
        | (Kind::Rate { .. }, DeValue::String(text)) => {
            let number = matches!(kind, Kind::Rate { .. }) && text.parse::<i64>().is_ok();
            if number {
                return Err(wrong_type(text.to_string()));
            }
            kind.parse(text).map_err(|r| refused(text.to_string(), r))
        }
        (
            Kind::Integer { .. } | Kind::Rate { .. } | Kind::Decimal { .. } | Kind::Limit,
            DeValue::Integer(int),
        ) => {
            let text = match i64::from_str_radix(int.as_str(), int.radix()) {
                Ok(number) => number.to_string(),
                Err(_) => int.as_str().to_owned(),
            };
            kind.parse(&text).map_err(|r| refused(text, r))
        }
        (Kind::Decimal { .. } | Kind::Limit, DeValue::Float(float)) => {
            kind.parse(float.as_str()).map_err(|r| refused(float.as_str().to_owned(), r))
        }
        (Kind::Limit, DeValue::String(text)) if text.is_empty() => Ok(Value::Number(String::new())),
        (Kind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
        (Kind::Steps | Kind::List { .. }, DeValue::Array(items)) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                other => Err(wrong_type(plain(other))),
            });
            let texts = texts.collect::<Result<_, _>>()?;
            kind.list(texts).map_err(|(text, refusal)| refused(text, refusal))
        }
        (_, other) => Err(wrong_type(plain(other))),
    }
}

/// How a value of that kind is written in the file.
fn in_file(kind: Kind) -> String {
    match kind {
        Kind::Choice(words) => format!("\"{}\"", words.join("\" or \"")),
        Kind::Duration { .. } => "a duration in quotes, such as \"5s\"".into(),
        Kind::Address => "an address and a port in quotes, such as \"127.0.0.1:8082\"".into(),
        Kind::Text | Kind::AnyText | Kind::TimeZone => "a text in quotes".into(),
        Kind::Name => "a name in quotes".into(),
        Kind::Url => "a URL in quotes, such as \"https://example.com/alerts\"".into(),
        Kind::Steps | Kind::List { .. } => "a list of texts in quotes".into(),
        Kind::Flag => "true or false without quotes".into(),
        Kind::Rate { .. } => "a whole number without quotes, or \"max\"".into(),
        Kind::Integer { .. } | Kind::Decimal { .. } | Kind::Limit => {
            format!("{} without quotes", kind.values())
        }
    }
}

/// A scalar as it was meant, anything else by the name of its type.
fn plain(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(int) => int.as_str().to_owned(),
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        other => other.type_str().to_owned(),
    }
}

/// An unknown key of a section (empty for the top of the file), with the
/// nearest one: in the section, else the same name in another, else any.
pub(super) fn unknown_key(section: &str, name: &str, origin: Origin) -> Problem {
    let own = schema::section(section)
        .and_then(|own| nearest(name, own.keys.iter().map(|key| key.name)))
        .map(|key| format!("{section}.{key}"));
    let elsewhere = || {
        let wanted = nearest(name, schema::keys().map(|(_, key)| key.name))?;
        let (section, key) = schema::keys().find(|(_, key)| key.name == wanted)?;
        Some(schema::path(section, key))
    };
    Problem::UnknownKey {
        key: if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") },
        origin,
        nearest: own.or_else(elsewhere),
    }
}

fn unknown_section(name: &str, origin: Origin) -> Problem {
    Problem::UnknownSection {
        section: name.to_owned(),
        origin,
        nearest: nearest(name, SECTIONS.iter().map(|section| section.name)).map(str::to_owned),
    }
}
