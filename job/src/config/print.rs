//! The effective configuration as text: valid TOML that explains itself, and
//! one line in words.
//!
//! Invariant: what [`to_toml`] writes is read back as the same configuration,
//! secrets apart.
//!
//! It deliberately prints nothing itself.

use super::kind::MAX_DURATION_MS;
use super::problem::Origin;
use super::schema::{self, ALERT, FUNNEL, Key, SECTIONS, Section, WEBHOOK};
use super::settings::MASK;
use super::value::Value;
use super::{Config, format_duration};

/// The whole configuration as a file: each key with its explanation, and with
/// its source where that is not the default.
pub fn to_toml(config: &Config) -> String {
    let mut text =
        String::from("# The effective configuration. A value without a source is the default.\n");
    if config.funnels.is_empty() {
        // A key of the top must stand before the first section.
        text.push_str(&format!("\n# No funnels.\n{FUNNEL} = []\n"));
    }
    for section in &SECTIONS {
        if section.name == FUNNEL {
            let funnels = config.funnels.iter();
            push_all(&mut text, section, funnels.map(|f| (&f.origin, |key: &Key| f.value(key))));
            continue;
        }
        if section.name == ALERT {
            let alerts = config.alerts.iter();
            push_all(&mut text, section, alerts.map(|a| (&a.origin, |key: &Key| a.value(key))));
            continue;
        }
        if section.name == WEBHOOK {
            let webhooks = config.webhooks.iter();
            push_all(&mut text, section, webhooks.map(|w| (&w.origin, |key: &Key| w.value(key))));
            continue;
        }
        text.push_str(&format!("\n# {}\n[{}]\n", section.doc, section.name));
        let own = |s: &&super::Setting| s.section.name == section.name;
        for setting in config.settings.iter().filter(own) {
            push_doc(&mut text, setting.key);
            push_line(&mut text, setting.key, &setting.value, &setting.origin);
        }
    }
    text
}

/// The entries of a repeated section: each key says once, where it first stands, what it
/// means.
fn push_all<'a, V: Fn(&Key) -> Option<Value>>(
    text: &mut String,
    section: &Section,
    entries: impl Iterator<Item = (&'a Origin, V)>,
) {
    let mut explained = Vec::new();
    let mut entries = entries.enumerate().peekable();
    if entries.peek().is_none() {
        push_absent(text, section);
    }
    for (index, (origin, value)) in entries {
        text.push('\n');
        if index == 0 {
            text.push_str(&format!("# {}\n", section.doc));
        }
        text.push_str(&format!("[[{}]]{}\n", section.name, from(origin)));
        for key in section.keys {
            let Some(value) = value(key) else {
                continue;
            };
            if !explained.contains(&key.name) {
                explained.push(key.name);
                push_doc(text, key);
            }
            // The header has named the source of the whole entry.
            push_line(text, key, &value, &Origin::Default);
        }
    }
}

/// A section that may be repeated, and is not there: what it would be, as comments.
fn push_absent(text: &mut String, section: &Section) {
    text.push_str(&format!("\n# {} There is none.\n# [[{}]]\n", section.doc, section.name));
    for key in section.keys {
        push_doc(text, key);
        push_unset(text, key);
    }
}

fn push_unset(text: &mut String, key: &Key) {
    let default = key.default.and_then(|default| key.kind.parse(default).ok());
    let default = default.map_or_else(|| "…".to_owned(), |default| default.to_toml());
    text.push_str(&format!("# {} = {default}\n", key.name));
}

fn push_doc(text: &mut String, key: &Key) {
    text.push_str(&format!("# {} Values: {}.\n", key.doc, key.kind.values()));
}

fn push_line(text: &mut String, key: &Key, value: &Value, origin: &Origin) {
    // A secret that is not set is no secret.
    let value = match key.secret && *value != Value::Text(String::new()) {
        true => Value::Text(MASK.to_owned()).to_toml(),
        false => value.to_toml(),
    };
    text.push_str(&format!("{} = {value}{}\n", key.name, from(origin)));
}

/// A comment with the source, unless it is the default.
fn from(origin: &Origin) -> String {
    match origin {
        Origin::Default => String::new(),
        other => format!("  # from {other}"),
    }
}

/// The reference of all keys as a Markdown table, for the documentation.
pub fn reference() -> String {
    let mut text = String::from("| key | values | default | meaning |\n|---|---|---|---|\n");
    for (section, key) in schema::keys() {
        let name = schema::path(section, key);
        let default = match key.default {
            None => "required".to_owned(),
            Some("") => "none".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let doc = key.doc.replace('|', "\\|");
        let values = key.kind.values().replace('|', "\\|");
        text.push_str(&format!("| `{name}` | {values} | {default} | {doc} |\n"));
    }
    let longest = format_duration(MAX_DURATION_MS);
    text.push_str(&format!(
        "\nDurations are written `250ms`, `5s`, `10m`, `1h30m`; none is longer than `{longest}`.\n"
    ));
    text
}

/// The configuration in a few words, for `check`.
pub fn summary(config: &Config) -> String {
    let file = match &config.file {
        Some(path) => format!("{} over the defaults", path.display()),
        None => "the defaults".to_owned(),
    };
    let changed = config.settings.iter();
    let changed = changed.filter(|s| !matches!(s.origin, Origin::Default | Origin::File { .. }));
    let overridden = match changed.count() {
        0 => String::new(),
        1 => ", 1 value set by environment or flag".to_owned(),
        count => format!(", {count} values set by environment or flags"),
    };
    let names: Vec<&str> = config.funnels.iter().map(|f| f.name.as_str()).collect();
    let funnels = match names.as_slice() {
        [] => "no funnels".to_owned(),
        [name] => format!("funnel {name}"),
        names => format!("{} funnels ({})", names.len(), names.join(", ")),
    };
    let rules = match config.alerts.len() {
        0 => String::new(),
        1 => format!(", alert rule {}", config.alerts[0].rule.name),
        count => format!(", {count} alert rules"),
    };
    let workers = match config.job.workers {
        0 => "one worker for each core".to_owned(),
        1 => "1 worker".to_owned(),
        count => format!("{count} workers"),
    };
    let names: Vec<&str> = config.webhooks.iter().map(|w| w.endpoint.name.as_str()).collect();
    let webhooks = match names.as_slice() {
        [] => String::new(),
        [name] => format!(", webhook {name}"),
        names => format!(", {} webhooks ({})", names.len(), names.join(", ")),
    };
    let events = match &config.kafka {
        Some(kafka) if config.results_in_kafka.is_some() => {
            format!(", events in the topic {} of Kafka, results in topics of it", kafka.topic)
        }
        Some(kafka) => format!(", events in the topic {} of Kafka", kafka.topic),
        None => String::new(),
    };
    let history = match &config.influxdb {
        Some(influxdb) => format!(", history in the bucket {} of InfluxDB", influxdb.bucket),
        None => String::new(),
    };
    format!(
        "{file}{overridden}; allowed disorder {}, lateness {}, session gap {}, dedup {}, bots {}, {funnels}{rules}, {workers}{webhooks}{events}{history}",
        format_duration(config.time.allowed_disorder_ms),
        format_duration(config.time.lateness_ms),
        format_duration(config.time.session_gap_ms),
        config.input.dedup.word(),
        match config.input.bots {
            super::Bots::Include => "included",
            super::Bots::Exclude => "excluded",
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind;

    #[test]
    fn secrets_are_masked() {
        let key = Key {
            name: "token",
            kind: Kind::Text,
            default: None,
            doc: "Opens a door.",
            secret: true,
        };
        let mut text = String::new();
        let flag = Origin::Flag { flag: "--token" };
        push_line(&mut text, &key, &Value::Text("hunter2".into()), &flag);
        assert_eq!(text, format!("token = \"{MASK}\"  # from flag --token\n"));
    }
}
