//! The flags of `job`.

use clap::Args;

use super::settings::FileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// The flags of `job`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  streamgauge job --data-dir data/site --workers 2
  streamgauge simulate --to log --data-dir data/site    events for it, in another terminal
  streamgauge gateway --data-dir data/site              and what shows its results")]
pub struct JobArgs {
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// `job.workers`.
    #[arg(short = 'w', long, value_name = "N", help = flag_help("job.workers"))]
    pub workers: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
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
}
