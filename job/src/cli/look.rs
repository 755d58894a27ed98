//! The flags of what looks into a data directory: `checkpoint`, `dlq` and `doctor`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::files::{Destination, parse_events_destination, parse_input};
use super::moment::parse_time;
use super::settings::GlobalFileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// Which data directory.
#[derive(Debug, Clone, Default, Args)]
pub struct DirectoryArgs {
    /// `data.directory`.
    #[arg(long, global = true, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: GlobalFileArg,
}

impl DirectoryArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        overrides.put("data.directory", "--data-dir", self.data_dir.as_ref());
        resolve(&overrides, surroundings)
    }
}

/// The flags of `checkpoint`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge checkpoint list --data-dir data/site
  streamgauge checkpoint verify --data-dir data/site

`list` and `show` tell what manifests say; `verify` reads everything they name.")]
pub struct CheckpointArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: CheckpointAction,
    /// Where they are.
    #[command(flatten)]
    pub directory: DirectoryArgs,
}

/// What can be done with checkpoints.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum CheckpointAction {
    /// One line for each, the newest first
    List,
    /// Read and check every byte of each
    Verify,
    /// What one of them holds
    Show {
        /// Its epoch, as `list` tells it
        epoch: u64,
    },
}

/// The flags of `doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge doctor --data-dir data/site
  streamgauge doctor --json

It looks at the configuration, the file limit, the disk, brokers and topics of a Kafka, the
clock, the job, how far the watermark is and which partition holds it up, checkpoints, and
the history (an InfluxDB, and what waits for it), and says with each finding what to do. It
changes nothing. It ends with 1 if there is a problem.")]
pub struct DoctorArgs {
    /// One JSON object a line for each finding [default: text]
    #[arg(long)]
    pub json: bool,
    /// Where to look.
    #[command(flatten)]
    pub directory: DirectoryArgs,
}

/// The flags of `dlq`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge dlq list --data-dir data/site
  streamgauge dlq list --since 2026-01-01T12:00:00Z
  streamgauge dlq show --reason malformed --limit 5
  streamgauge dlq replay --reason future
  streamgauge dlq replay --reason malformed --to rejected.jsonl
  streamgauge dlq replay rejected.jsonl
  streamgauge dlq webhooks --redeliver

`list` counts rejected events by reason and partition, `show` prints them, the newest
last, as JSON lines with their first bytes. They are kept for 7 days. `replay` takes the
whole records from the log, as long as that keeps them, and puts them back at its end, or
into a file; mended, that is put back by its name. Late events are left out: they would be
late again. What was put back once is put back once more by a second call. `webhooks` prints the
alerts that no receiver took, as JSON lines; they are kept until they are sent again, the
newest 100000.")]
pub struct DlqArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: DlqAction,
    /// Where they are.
    #[command(flatten)]
    pub directory: DirectoryArgs,
}

/// What can be done with dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DlqAction {
    /// How many there are, by reason and partition, and when the last came
    List(DlqFilter),
    /// The dead letters themselves
    Show {
        /// Which.
        #[command(flatten)]
        filter: DlqFilter,
        /// At most so many, the newest
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Puts rejected events back into the log, or into a file to be mended
    Replay(DlqReplayArgs),
    /// The alerts that could not be delivered to webhooks
    Webhooks {
        /// Only those of this webhook [default: all]
        #[arg(long, value_name = "NAME")]
        webhook: Option<String>,
        /// At most so many, the newest
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Send them once more, all of them, whatever the limit, instead of printing them
        #[arg(long)]
        redeliver: bool,
    },
}

/// The flags of `dlq replay`.
#[derive(Debug, Clone, Args)]
pub struct DlqReplayArgs {
    /// Mended events, one JSON object a line, to be put back; .gz and .zst, too [default: what was rejected, as it is in the log]
    #[arg(value_name = "FILE", value_parser = parse_input, conflicts_with_all = ["to", "reason", "partition", "since"])]
    pub files: Vec<PathBuf>,
    /// Which.
    #[command(flatten)]
    pub filter: DlqFilter,
    /// Where rejected events go: the log, a file (.gz and .zst are compressed), or `-` for stdout
    #[arg(long, value_name = "log|FILE|-", default_value = "log", value_parser = parse_events_destination)]
    pub to: Destination,
}

/// Which dead letters.
#[derive(Debug, Clone, Default, Args)]
pub struct DlqFilter {
    /// Only those of this reason, such as `malformed` or `late` [default: all]
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only those of this partition [default: all]
    #[arg(long, value_name = "P")]
    pub partition: Option<u32>,
    /// Only those rejected since: RFC 3339, or ms since 1970 [default: all that are kept]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<i64>,
}
