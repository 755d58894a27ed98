//! The flags of `explain`.

use clap::{Args, ValueHint, value_parser};
use std::path::PathBuf;

use super::files::parse_input;
use super::settings::{FileArg, SettingsArgs};
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// The flags of `explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge explain 'PAGE_VIEWS_PER_SECOND|1703123455000|1703123460000|' --data-dir data/site
  streamgauge explain 'SESSION|1703123455120||session=s1,user=u1' --json
  streamgauge explain 'DAY_PAGES|1703116800000|1703203200000|' --data-dir data/site
  streamgauge explain 81a4c8467e7bccccb424eaa6a606bd8c --from events.jsonl.gz

KEY is metricType|windowStart|windowEnd|dimensions, as results and /api/v1 have it, or the
alertId of an alert. The log of the data directory is read again, also while a job is at
work on it, as its epochs were bound and with the settings that they were bound with; the
result is computed again and compared with what is published.

What it costs: a result made from events reads the log from its window on until nothing
can change it any more, some seconds for a million events. One over sessions reads all of
the log up to there three times, for sessions may have begun at any time before. An alert of
a threshold rule costs what the results of its windows do; it names their keys.

It exits with 0 if the result agrees, or if there is nothing to compare it with, with 1
if it differs or there is none, and with 2 if KEY is no key.")]
pub struct ExplainArgs {
    /// The key of a result, or the id of an alert
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Explain what these files give, one JSON object a line (.gz and .zst are decompressed) [default: the log of the data directory]
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "data_dir",
          value_parser = parse_input, value_hint = ValueHint::FilePath)]
    pub from: Vec<PathBuf>,
    /// Of files: partitions that the records are spread over by their key
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = value_parser!(u32).range(1..=4096))]
    pub partitions: u32,
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Records that are listed at most, or sessions and records of each; all are counted
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Read on to the end of the log, to list what came too late as well
    #[arg(long)]
    pub late: bool,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
    /// The flags for settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl ExplainArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        self.settings.put_on(&mut overrides);
        overrides.put("data.directory", "--data-dir", self.data_dir.as_ref());
        resolve(&overrides, surroundings)
    }
}
