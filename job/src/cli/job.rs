//! The flags of `job` and `launch`.

use clap::{ArgAction, Args, ValueHint};
use std::path::PathBuf;
use thiserror::Error;

use super::settings::FileArg;
use crate::cluster::{HostsError, hosts};
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// More processes than anybody has machines for.
const MOST_PROCESSES: u64 = 1_000;

/// The flags of `job`.
#[derive(Debug, Clone, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  streamgauge job --data-dir data/site --workers 2
  streamgauge simulate --to log --data-dir data/site    events for it, in another terminal
  streamgauge gateway --data-dir data/site              and what shows its results

Two processes with two workers each, on two machines; both have the same host file and
the same configuration, the data directory is that of process 0:
  streamgauge job -n 2 -p 0 -h hosts.txt -w 2 --data-dir data/site
  streamgauge job -n 2 -p 1 -h hosts.txt -w 2
The host file has a line for each process, in their order, with where it listens:
  10.0.0.1:2101
  10.0.0.2:2101
What goes between them is not encrypted, and whoever reaches these ports can take part:
keep them within your own network. When a process dies, or gives no sign of life for 5 s
(`silence` in [job]), all end with exit code 1; started again they go on from the last
checkpoint, also if -n or -w is another. A signal at any of them ends all, with a
checkpoint. `streamgauge launch` starts and watches them on one machine."
)]
pub struct JobArgs {
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// How many processes the job has
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=MOST_PROCESSES))]
    pub processes: u64,
    /// Which of the processes this is, from 0 on; 0 has the data directory
    #[arg(short = 'p', long, value_name = "INDEX", default_value_t = 0)]
    pub process: u64,
    /// A file with where each process listens, a line each [default: localhost, ports from 2101 on]
    #[arg(short = 'h', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub hostfile: Option<PathBuf>,
    /// `job.workers`.
    #[arg(short = 'w', long, value_name = "N", help = flag_help("job.workers"))]
    pub workers: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
    /// Where the processes listen, when `launch` says it [default: none]
    #[arg(long, value_name = "LIST", hide = true, value_delimiter = ',')]
    pub launched: Vec<String>,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// Flags that do not go together.
#[derive(Debug, Error)]
pub enum WrongPlace {
    /// The processes are not where they are said to be.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// Nobody would do anything.
    #[error("--workers 0: all processes must have the same number of workers, so say it: 1 to 256")]
    NoWorkers,
}

impl JobArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        overrides.put("data.directory", "--data-dir", self.data_dir.as_ref());
        overrides.put("job.workers", "--workers", self.workers.as_ref());
        resolve(&overrides, surroundings)
    }

    /// Which process this is, and where all of them listen; none if it is the only one.
    ///
    /// # Errors
    /// If there is no such process, or the host file cannot be used.
    pub fn place(&self) -> Result<Option<(usize, Vec<String>)>, WrongPlace> {
        let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let (process, processes) = (whole(self.process), whole(self.processes));
        if processes > 1 && self.workers.as_deref() == Some("0") {
            return Err(WrongPlace::NoWorkers);
        }
        if process < processes && self.launched.len() == processes && self.is_launched() {
            return Ok(Some((process, self.launched.clone())));
        }
        let hosts = hosts(self.hostfile.as_deref(), process, processes)?;
        Ok((processes > 1).then_some((process, hosts)))
    }

    /// Whether `launch` has started this process: it is its only reader then, and the
    /// socket to listen on is the standard input.
    #[must_use]
    pub fn is_launched(&self) -> bool {
        !self.launched.is_empty()
    }
}

/// The flags of `launch`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge launch --processes 2 --workers 2 --data-dir data/site
  streamgauge simulate --to log --data-dir data/site    events for it, in another terminal

Each process is a `streamgauge job` on a free port of this machine, with W workers, or its
share of the cores; what one says comes with its number. When one ends that was not asked to, the others are ended, too, and all
are started again from the last checkpoint, after a random part of 0.5 s, 1 s, 2 s … up
to 30 s. Two crashes while the same epoch was computed end it all: that epoch and its
offsets are named, and nothing is skipped. What another start would not help (a wrong
configuration, another job at work) is not tried again. Ctrl-C, or SIGTERM, ends all of
them with a checkpoint.")]
pub struct LaunchArgs {
    /// How many processes
    #[arg(short = 'n', long, value_name = "P", default_value_t = 2,
          value_parser = clap::value_parser!(u64).range(1..=MOST_PROCESSES))]
    pub processes: u64,
    /// `job.workers`.
    #[arg(short = 'w', long, value_name = "W", help = flag_help("job.workers"))]
    pub workers: Option<String>,
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
}

impl LaunchArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        overrides.put("data.directory", "--data-dir", self.data_dir.as_ref());
        overrides.put("job.workers", "--workers", self.workers.as_ref());
        resolve(&overrides, surroundings)
    }

    /// Checks what no configuration can.
    ///
    /// # Errors
    /// If there would be no workers.
    pub fn check(&self) -> Result<(), WrongPlace> {
        if self.workers.as_deref() == Some("0") { Err(WrongPlace::NoWorkers) } else { Ok(()) }
    }
}
