//! The configuration: flags over environment over file over defaults, checked
//! once, as plain values that the rest of the program can rely on.
//!
//! Why here: everything that can be set is described in one table
//! ([`schema`]), and every value remembers where it came from, so that
//! `streamgauge config` and each refusal can say so.
//!
//! Invariant: a [`Config`] is valid. Durations are in ms, at most 366 days, and
//! unsigned in meaning; no sum of a few of them and a timestamp overflows.
//!
//! It deliberately reads neither the process's environment nor its arguments:
//! they are given ([`Surroundings`], [`Overrides`]), so that tests can.

mod alert;
mod alert_file;
mod duration;
mod entry;
mod environment;
mod file;
mod funnel;
mod funnel_file;
mod influxdb;
mod kafka;
mod kind;
mod print;
mod problem;
pub mod schema;
mod settings;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod typed;
mod value;
mod webhook;
mod webhook_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use alert::Alert;
pub use duration::{format as format_duration, parse as parse_duration};
pub use environment::CONFIG_VARIABLE;
pub use funnel::{EventType, Funnel, Step};
pub use kafka::{MOST_PREFIX_BYTES, is_prefix};
pub use kind::{Kind, MAX_DURATION_MS, MAX_RATE};
pub use print::{reference, summary, to_toml};
pub use problem::{Origin, Problem, Problems};
pub use settings::{Setting, Settings};
pub use typed::{
    Bots, Checkpoint, Data, Dedup, Gateway, Input, Job, Log, Rate, Simulator, Site, Store, Time,
};
pub use value::{Refusal, Value};
pub use webhook::Webhook;

pub(crate) use suggest::nearest;

use settings::from_text;
use streamgauge_ingest::log::KafkaSettings;
use streamgauge_sink::store::InfluxSettings;

/// The file that is read if it is in the working directory and no other is named.
pub const DEFAULT_FILE: &str = "streamgauge.toml";

/// The effective configuration, valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[input]`.
    pub input: Input,
    /// `[time]`.
    pub time: Time,
    /// `[site]`.
    pub site: Site,
    /// Every `[[funnel]]`, or the default one.
    pub funnels: Vec<Funnel>,
    /// Every `[[alert]]`.
    pub alerts: Vec<Alert>,
    /// `[simulator]`.
    pub simulator: Simulator,
    /// `[job]`.
    pub job: Job,
    /// `[data]`.
    pub data: Data,
    /// `[log]`.
    pub log: Log,
    /// `[kafka]`, if events are there.
    pub kafka: Option<KafkaSettings>,
    /// The prefix of the topics of results, if they are in the Kafka, too.
    pub results_in_kafka: Option<String>,
    /// `[checkpoint]`.
    pub checkpoint: Checkpoint,
    /// `[store]`.
    pub store: Store,
    /// `[influxdb]`, if the history is there.
    pub influxdb: Option<InfluxSettings>,
    /// `[gateway]`.
    pub gateway: Gateway,
    /// Every `[[webhook]]`.
    pub webhooks: Vec<Webhook>,
    /// Every value of the above but what the file may repeat, with where it came from.
    pub settings: Settings,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
}

/// What the process finds around it. It has no `Debug`: variables have secrets.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The environment; names and values that are not UTF-8 with replacements.
    pub variables: BTreeMap<String, String>,
    /// The working directory; empty is the process's own.
    pub directory: PathBuf,
}

/// What the flags of the command line set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config`.
    pub file: Option<PathBuf>,
    values: Vec<(&'static str, &'static str, String)>,
}

impl Overrides {
    /// Overrides that read this file and set nothing yet.
    pub fn with_file(file: Option<PathBuf>) -> Overrides {
        Overrides { file, values: Vec::new() }
    }

    /// Sets the key `path`, such as `time.lateness`, if the flag was given.
    pub fn put(&mut self, path: &'static str, flag: &'static str, text: Option<&String>) {
        if let Some(text) = text {
            self.values.push((path, flag, text.clone()));
        }
    }
}

/// The effective configuration, or everything that is wrong with it.
pub fn resolve(overrides: &Overrides, surroundings: &Surroundings) -> Result<Config, Problems> {
    let mut settings = Settings::defaults();
    let mut problems = Vec::new();
    let mut repeated = file::Repeated::default();
    let file = file_to_read(overrides, surroundings);
    if let Some(name) = &file {
        let shown = name.display().to_string();
        match std::fs::read_to_string(surroundings.directory.join(name)) {
            Ok(text) => {
                let source = file::Source::new(&shown, &text);
                repeated = file::apply(&source, &mut settings, &mut problems);
            }
            Err(error) => {
                problems.push(Problem::Unreadable { path: shown, reason: error.to_string() })
            }
        }
    }
    environment::apply(&surroundings.variables, &mut settings, &mut problems);
    webhook_file::put_secrets(&surroundings.variables, &mut repeated.webhooks, &mut problems);
    for (path, flag, text) in &overrides.values {
        let origin = Origin::Flag { flag };
        settings.put(path, origin, from_text(text), &mut problems);
    }
    let file::Repeated { funnels, alerts, webhooks } = repeated;
    let funnels = funnels.unwrap_or_else(|| vec![Funnel::checkout()]);
    if problems.is_empty() {
        alert_file::check_funnels(&alerts, &funnels, &mut problems);
        webhook_file::check_rules(&webhooks, &alerts, &mut problems);
    }
    let kafka = kafka::read(&settings, &mut problems);
    let results_in_kafka = kafka.as_ref().and_then(|_| kafka::results(&settings));
    let influxdb = influxdb::read(&settings, &mut problems);
    Problems::none_of(problems)?;
    let config = Config::of(settings, funnels, alerts, file);
    Ok(Config { webhooks, kafka, results_in_kafka, influxdb, ..config })
}

/// The flag's file, else the variable's, else the default one if it is there.
fn file_to_read(overrides: &Overrides, surroundings: &Surroundings) -> Option<PathBuf> {
    let named = overrides.file.clone();
    let variable = || surroundings.variables.get(CONFIG_VARIABLE).map(PathBuf::from);
    let default = || {
        // `exists` is false where a link leads nowhere: a broken one is not
        // taken for none.
        let path = surroundings.directory.join(DEFAULT_FILE);
        let there = path.symlink_metadata().is_ok();
        there.then(|| Path::new(DEFAULT_FILE).to_owned())
    };
    named.or_else(variable).or_else(default)
}

impl Config {
    /// The configuration without file, environment and flags.
    pub fn defaults() -> Config {
        Config::of(Settings::defaults(), vec![Funnel::checkout()], Vec::new(), None)
    }

    fn of(
        settings: Settings,
        funnels: Vec<Funnel>,
        alerts: Vec<Alert>,
        file: Option<PathBuf>,
    ) -> Config {
        Config {
            input: typed::input(&settings),
            time: typed::time(&settings),
            site: typed::site(&settings),
            simulator: typed::simulator(&settings),
            job: typed::job(&settings),
            data: typed::data(&settings),
            log: typed::log(&settings),
            checkpoint: typed::checkpoint(&settings),
            store: typed::store(&settings),
            gateway: typed::gateway(&settings),
            webhooks: Vec::new(),
            kafka: None,
            results_in_kafka: None,
            influxdb: None,
            funnels,
            alerts,
            settings,
            file,
        }
    }
}
