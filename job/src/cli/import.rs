//! The flags of `import`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use super::files::{Destination, parse_events_destination, parse_input};
use super::settings::FileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};
use streamgauge_ingest::access_log;

/// The flags of `import`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge import --format combined access.log access.log.2.gz --to log
  streamgauge import --format common access.log --to events.jsonl.gz

A GET that was answered with a page is a PAGE_VIEW; errors, redirects and what belongs
to pages (styles, scripts, images) are counted and left away, and so is what cannot be
read, with the place of the first of each kind. A visitor is a hash of address and user
agent; no address is kept. A job reads history in the log at once. The store keeps results
for its retention before the newest of them: import history before live events.")]
pub struct ImportArgs {
    /// How the lines look
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Format,
    /// Access logs, in the order of their times; .gz and .zst, too
    #[arg(required = true, value_name = "FILE", value_parser = parse_input)]
    pub files: Vec<PathBuf>,
    /// Where the events go: the log of the data directory, a file (.gz and .zst are compressed), or `-` for stdout
    #[arg(long, value_name = "log|FILE|-", value_parser = parse_events_destination)]
    pub to: Destination,
    /// Hashed with the addresses: without it nobody can tell whose a hash is
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub salt: String,
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
}

/// How the lines of an access log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With referrer and user agent, as Apache and nginx write it
    Combined,
    /// Without them
    Common,
}

impl From<Format> for access_log::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Combined => Self::Combined,
            Format::Common => Self::Common,
        }
    }
}

impl ImportArgs {
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
