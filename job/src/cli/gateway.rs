//! The flags of `gateway`.

use clap::Args;

use super::settings::FileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// The flags of `gateway`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  streamgauge gateway --data-dir data/site
  streamgauge gateway --data-dir data/site --listen 0.0.0.0:8082

The page is at /, WebSockets at /ws, REST under /api/v1, and /healthz, /readyz,
/metrics are for machines.")]
pub struct GatewayArgs {
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// `gateway.listen`.
    #[arg(long, value_name = "ADDRESS:PORT", help = flag_help("gateway.listen"))]
    pub listen: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
}

impl GatewayArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        overrides.put("data.directory", "--data-dir", self.data_dir.as_ref());
        overrides.put("gateway.listen", "--listen", self.listen.as_ref());
        resolve(&overrides, surroundings)
    }
}
