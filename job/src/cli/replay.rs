//! The flags of `replay`, and the checks that need several of them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint, value_parser};

use super::files::{
    Destination, LOG, is_taken_by, parse_file, parse_input, parse_results_destination,
};
use super::moment::parse_time;
use super::settings::{FileArg, SettingsArgs};
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// The flags of `replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge replay --from events.jsonl.gz --to results.jsonl --final-only
  streamgauge replay --from monday.jsonl tuesday.jsonl.zst --to none --summary json
  streamgauge replay --from log --data-dir data/site --to results.jsonl
  streamgauge replay --from log --data-dir data/site --to none --verify
  streamgauge replay --from log --to log --into again-

Several files are read one after the other as one. At their end every result
becomes final. The same events give the same results for every number of
workers and every length of epoch. A file is written as NAME.partial, which takes
its place when all is done; until then it is as it was.")]
pub struct ReplayArgs {
    /// The recorded events: files, one JSON object a line (.gz and .zst are decompressed), or `log`, the log of the data directory
    #[arg(long, value_name = "FILE|log", required = true, num_args = 1..,
          value_parser = parse_input, value_hint = ValueHint::FilePath)]
    pub from: Vec<PathBuf>,
    /// Where the results go: a file, `-` for stdout, `log` for topics (see --into), or `none`
    #[arg(long, value_name = "FILE|-|log|none", value_parser = parse_results_destination)]
    pub to: Destination,
    /// With `--to log`: the prefix of the topics, in the configured Kafka, that results, sessions, alerts and dead letters go to, which are made; without a Kafka a new data directory [default: none]
    #[arg(long, value_name = "PREFIX|DIR")]
    pub into: Option<String>,
    /// Write the alerts to this file [default: nowhere]
    #[arg(long, value_name = "FILE", value_parser = parse_file, value_hint = ValueHint::FilePath)]
    pub alerts: Option<PathBuf>,
    /// Write the rejected and partly late records to this file [default: nowhere]
    #[arg(long, value_name = "FILE", value_parser = parse_file, value_hint = ValueHint::FilePath)]
    pub dead_letters: Option<PathBuf>,
    /// Write each result once, as it is at the end [default: every change of it]
    #[arg(long)]
    pub final_only: bool,
    /// Results over days, too, in the time zone of the site (`site.time_zone`) [default: without; with --verify and `--to log` as `site.days` says]
    #[arg(long)]
    pub days: bool,
    /// Write a summary as the last line of stderr [default: none]
    #[arg(long, value_name = "FORMAT")]
    pub summary: Option<Summary>,
    /// Partitions that the records are spread over by their key
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = value_parser!(u32).range(1..=4096))]
    pub partitions: u32,
    /// Records that are processed together: fewer take less memory and publish
    /// changes more often, more are faster; what stands at the end is the same
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=10_000_000))]
    pub epoch_records: u32,
    /// The data directory of `--from log` [default: data/site or data/demo, whichever is here]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Of the log: epochs bound (with --rebind: records appended) at this time or later; RFC 3339, or ms since 1970 [default: all that is kept]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub from_time: Option<i64>,
    /// Of the log: those before this time [default: to the end]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until_time: Option<i64>,
    /// Of the log: from these offsets on, such as `0:100,3:7`; other partitions from their beginning; epochs are cut anew [default: from the beginning]
    #[arg(long, value_name = "P:OFFSET,…", value_parser = parse_offsets, conflicts_with = "from_time")]
    pub from_offsets: Option<Offsets>,
    /// Of the log: up to these offsets, not with them; other partitions to their end; epochs are cut anew [default: to the end]
    #[arg(long, value_name = "P:OFFSET,…", value_parser = parse_offsets, conflicts_with = "until_time")]
    pub until_offsets: Option<Offsets>,
    /// Of the log: cut epochs anew, as of a file, and not as they were bound when they were live
    #[arg(long)]
    pub rebind: bool,
    /// Of the log: compare with what was committed, results, sessions and alerts, and name the first record that differs
    #[arg(long, conflicts_with_all = ["from_time", "until_time", "from_offsets", "until_offsets", "rebind"])]
    pub verify: bool,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
    /// The flags for settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Offsets of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offsets(pub Vec<(u32, u64)>);

fn parse_offsets(text: &str) -> Result<Offsets, String> {
    let one = |part: &str| {
        let (partition, offset) = part.split_once(':')?;
        Some((partition.trim().parse().ok()?, offset.trim().parse().ok()?))
    };
    let all: Option<Vec<_>> = text.split(',').map(one).collect();
    all.map(Offsets).ok_or_else(|| "expected PARTITION:OFFSET,…, such as `0:100,3:7`".to_owned())
}

/// The form of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Summary {
    /// One JSON object
    Json,
}

/// Files that cannot be used together: wrong usage.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileConflict {
    /// Results go to a log that is not named, or one is named and they do not.
    #[error(
        "`--to log` and --into belong together: `--to log --into again-` writes to topics whose names begin with `again-`"
    )]
    Into,
    /// Results go to a log, once each.
    #[error(
        "--final-only is for files: a log has every change, and a compacted topic keeps the last"
    )]
    FinalToLog,
    /// A log and files, or flags of a log without one.
    #[error("{flag} is for `--from log` alone")]
    OfALog {
        /// The flag.
        flag: &'static str,
    },
    /// An output is also an input.
    #[error("{flag} would overwrite the input {}", .input.display())]
    Overwritten {
        /// The output's flag.
        flag: &'static str,
        /// The input.
        input: PathBuf,
    },
    /// Two outputs are one file.
    #[error("{flag} and {other_flag} are both {}", .path.display())]
    Twice {
        /// The flag of the one.
        flag: &'static str,
        /// The flag of the other.
        other_flag: &'static str,
        /// The file.
        path: PathBuf,
    },
}

impl ReplayArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        self.settings.put_on(&mut overrides);
        resolve(&overrides, surroundings)
    }

    /// Refuses files that cannot be used together. It looks at the file system,
    /// so that two names of one file are found out.
    ///
    /// # Errors
    /// One file is named for two outputs, or an output would overwrite an input.
    pub fn check_files(&self) -> Result<(), FileConflict> {
        let of_a_log = [
            ("a log among files", self.from.iter().any(|f| f == Path::new(LOG))),
            ("--data-dir", self.data_dir.is_some()),
            ("--from-time", self.from_time.is_some()),
            ("--until-time", self.until_time.is_some()),
            ("--from-offsets", self.from_offsets.is_some()),
            ("--until-offsets", self.until_offsets.is_some()),
            ("--rebind", self.rebind),
            ("--verify", self.verify),
        ];
        if !self.reads_log()
            && let Some((flag, _)) = of_a_log.into_iter().find(|(_, is_given)| *is_given)
        {
            return Err(FileConflict::OfALog { flag });
        }
        if (self.to == Destination::Log) != self.into.is_some() {
            return Err(FileConflict::Into);
        }
        if self.final_only && self.to == Destination::Log {
            return Err(FileConflict::FinalToLog);
        }
        let outputs = self.outputs();
        for (index, (flag, path)) in outputs.iter().enumerate() {
            if let Some(input) = self.from.iter().find(|input| is_taken_by(input, path)) {
                return Err(FileConflict::Overwritten { flag, input: input.clone() });
            }
            for (other_flag, other) in outputs.iter().skip(index + 1) {
                if is_taken_by(path, other) || is_taken_by(other, path) {
                    return Err(FileConflict::Twice { flag, other_flag, path: path.to_path_buf() });
                }
            }
        }
        Ok(())
    }

    /// Whether the log of a data directory is read.
    #[must_use]
    pub fn reads_log(&self) -> bool {
        self.from == [Path::new(LOG)]
    }

    /// The files that are written, each with its flag.
    fn outputs(&self) -> Vec<(&'static str, &Path)> {
        let results = match &self.to {
            Destination::File(path) => Some(path.as_path()),
            Destination::Stdout | Destination::Nowhere | Destination::Log => None,
        };
        let outputs = [
            ("--to", results),
            ("--alerts", self.alerts.as_deref()),
            ("--dead-letters", self.dead_letters.as_deref()),
        ];
        let given = outputs.into_iter();
        given.filter_map(|(flag, path)| Some((flag, path?))).collect()
    }
}
