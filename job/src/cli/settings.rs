//! The flags that set configuration keys, shared by the commands.
//!
//! Invariant: the help of such a flag is the key's line of the table with its
//! default, so that help, file and reference say the same.
//!
//! It deliberately checks no values: that is the configuration's part.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::config::Overrides;
use crate::config::schema::flag_help;

/// `--config`, which every command that reads the configuration has.
#[derive(Debug, Clone, Default, Args)]
pub struct FileArg {
    /// Read this configuration file [default: streamgauge.toml, if it is there] [env:
    /// STREAMGAUGE_CONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// `--config` of commands that have commands of their own: before or behind those.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalFileArg {
    /// Read this configuration file [default: streamgauge.toml, if it is there] [env:
    /// STREAMGAUGE_CONFIG]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// The flags for what the results are made of.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// `time.allowed_disorder`.
    #[arg(long, value_name = "DURATION", help = flag_help("time.allowed_disorder"))]
    pub allowed_disorder: Option<String>,
    /// `time.lateness`.
    #[arg(long, value_name = "DURATION", help = flag_help("time.lateness"))]
    pub lateness: Option<String>,
    /// `time.session_gap`.
    #[arg(long, value_name = "DURATION", help = flag_help("time.session_gap"))]
    pub session_gap: Option<String>,
    /// `input.dedup`.
    #[arg(long, value_name = "off|on", help = flag_help("input.dedup"))]
    pub dedup: Option<String>,
    /// `input.bots`.
    #[arg(long, value_name = "include|exclude", help = flag_help("input.bots"))]
    pub bots: Option<String>,
    /// `job.workers`.
    #[arg(long, value_name = "N", help = flag_help("job.workers"))]
    pub workers: Option<String>,
}

impl SettingsArgs {
    /// Puts the flags that were given on `overrides`.
    pub(super) fn put_on(&self, overrides: &mut Overrides) {
        let flags = [
            ("time.allowed_disorder", "--allowed-disorder", &self.allowed_disorder),
            ("time.lateness", "--lateness", &self.lateness),
            ("time.session_gap", "--session-gap", &self.session_gap),
            ("input.dedup", "--dedup", &self.dedup),
            ("input.bots", "--bots", &self.bots),
            ("job.workers", "--workers", &self.workers),
        ];
        for (path, flag, value) in flags {
            overrides.put(path, flag, value.as_ref());
        }
    }
}
