//! `streamgauge doctor`: what is wrong, and what to do about it.
//!
//! Each part looks at one thing and tells findings; nothing is changed, and nothing is
//! waited for longer than it takes to say that it does not answer.

mod clocks;
mod events;
mod history;
mod lag;
mod machine;
mod pipeline;

use super::site::{SystemClock, USUAL, directory_that_is_there};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use streamgauge::cli::{CheckArgs, DoctorArgs};
use streamgauge::config::{Config, Surroundings, summary};
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::EventLog;
use streamgauge_sink::results::ResultLog;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// To be known.
    Note,
    /// It can come to harm.
    Warning,
    /// It does not work.
    Problem,
}

impl Level {
    const fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok      ",
            Self::Note => "note    ",
            Self::Warning => "warning ",
            Self::Problem => "PROBLEM ",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at.
    pub(super) about: &'static str,
    /// What it is like.
    pub(super) what: String,
    /// What to do; nothing where all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) todo: String,
}

/// All that was found. Each is told at once: the next one may have to be waited for.
struct Findings {
    is_json: bool,
    count: usize,
    problems: usize,
    /// Why no more could be told.
    failed: Option<io::Error>,
}

impl Findings {
    const fn new(is_json: bool) -> Self {
        Self { is_json, count: 0, problems: 0, failed: None }
    }

    /// What is not as it should be comes with what to do.
    pub(super) fn add(
        &mut self,
        level: Level,
        about: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) {
        let finding = Finding { level, about, what: what.into(), todo: todo.into() };
        self.count += 1;
        self.problems += usize::from(level == Level::Problem);
        if self.failed.is_none() {
            self.failed = tell(self.is_json, &finding).err();
        }
    }

    /// An error if there is a problem among them.
    fn judge(self) -> Result<()> {
        if let Some(error) = self.failed {
            return Err(error).context("cannot write the output");
        }
        if self.problems > 0 {
            bail!("{} of {} findings are problems", self.problems, self.count);
        }
        Ok(())
    }

    pub(super) fn ok(&mut self, about: &'static str, what: impl Into<String>) {
        self.add(Level::Ok, about, what, "");
    }
}

/// What is looked at.
pub(super) struct Patient<'a> {
    pub(super) config: &'a Config,
    pub(super) directory: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log: Option<Arc<dyn EventLog>>,
    pub(super) results: Option<Arc<dyn ResultLog>>,
    /// When the last record of each partition was appended, ms, as far as that is known.
    pub(super) last_appended_ms: Vec<Option<i64>>,
}

impl<'a> Patient<'a> {
    fn new(config: &'a Config, directory: PathBuf) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let last_appended_ms = Vec::new();
        Self { config, directory, clock, log: None, results: None, last_appended_ms }
    }
}

pub(crate) fn doctor(args: &DoctorArgs, around: &Surroundings) -> Result<()> {
    let config = args.directory.resolve(around)?;
    let mut patient = Patient::new(&config, directory_that_is_there(&config)?);
    let mut findings = Findings::new(args.json);
    findings.ok("configuration", summary(&config));
    machine::look(&patient, &mut findings);
    events::directory(&patient, &mut findings);
    events::look(&mut patient, &mut findings);
    pipeline::look(&patient, &mut findings);
    history::look(&patient, &mut findings);
    findings.judge()
}

/// `streamgauge check`: the configuration, and the connections that it names.
pub(crate) fn check(args: &CheckArgs, around: &Surroundings) -> Result<()> {
    let (text, config) = args.output(around)?;
    io::stdout().lock().write_all(text.as_bytes())?;
    let there = directory_that_is_there(&config).unwrap_or_else(|_| USUAL.into());
    let mut patient = Patient::new(&config, there);
    let mut findings = Findings::new(false);
    if config.kafka.is_some() {
        events::look(&mut patient, &mut findings);
    }
    if let Some(settings) = &config.influxdb {
        history::bucket(settings, &mut findings);
    }
    findings.judge()
}

fn tell(is_json: bool, finding: &Finding) -> io::Result<()> {
    let mut text = match is_json {
        true => serde_json::to_string(finding)?,
        false => {
            let Finding { level, about, what, todo } = finding;
            let advice = if todo.is_empty() { "" } else { "\n        -> " };
            format!("{}{about}: {what}{advice}{todo}", level.mark())
        }
    };
    text.push('\n');
    io::stdout().lock().write_all(text.as_bytes())
}

/// A length of time for people.
pub(super) fn time(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < 10_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        ms if ms < 120_000 => format!("{} s", ms / 1_000),
        ms if ms < 7_200_000 => format!("{} min", ms / 60_000),
        ms if ms < 172_800_000 => format!("{} h", ms / 3_600_000),
        ms => format!("{} days", ms / 86_400_000),
    }
}
