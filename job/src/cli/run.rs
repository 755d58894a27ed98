//! The flags of `run`, the command that is done when none is named.

use clap::Args;

use super::settings::FileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// The flags of `run`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  streamgauge run
  streamgauge run --rate 2000 --workers 4
  streamgauge run --no-simulator --data-dir /var/lib/streamgauge

Events, results and checkpoints are kept in the data directory; Ctrl-C ends it, and
the next run goes on where this one was, also if it was killed. Every 5 s a line on
stdout tells the values of the last windows that are final, how many events were
read a second, and how far the watermark is behind the clock. A value for which
there is no final window yet is `—`.")]
pub struct RunArgs {
    /// `simulator.rate`.
    #[arg(long, value_name = "R|max", help = flag_help("simulator.rate"))]
    pub rate: Option<String>,
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// `gateway.listen`.
    #[arg(long, value_name = "ADDRESS:PORT", help = flag_help("gateway.listen"))]
    pub listen: Option<String>,
    /// Make up no events: they come from your own producers
    #[arg(long)]
    pub no_simulator: bool,
    /// `job.workers`.
    #[arg(long, value_name = "N", help = flag_help("job.workers"))]
    pub workers: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
}

impl RunArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        overrides.put("simulator.rate", "--rate", self.rate.as_ref());
        overrides.put("data.directory", "--data-dir", self.data_dir.as_ref());
        overrides.put("gateway.listen", "--listen", self.listen.as_ref());
        overrides.put("job.workers", "--workers", self.workers.as_ref());
        resolve(&overrides, surroundings)
    }
}
