//! `config` and `check`: the configuration printed, and judged in words.
//!
//! It deliberately connects to nothing and prints nothing itself: `check` tries its
//! connections elsewhere.

use clap::Args;

use super::settings::{FileArg, SettingsArgs};
use crate::config::{
    Config, Overrides, Problems, Surroundings, reference, resolve, summary, to_toml,
};

/// The flags of `config`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  streamgauge config --defaults > streamgauge.toml   a new file to start from
  streamgauge config --lateness 1h                   where each value comes from")]
pub struct ConfigArgs {
    /// Print the defaults, whatever is configured [default: what is in force]
    #[arg(long, conflicts_with = "reference")]
    pub defaults: bool,
    /// Print a table of all keys in Markdown instead
    #[arg(long)]
    pub reference: bool,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
    /// The flags for settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// The flags of `check`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  streamgauge check
  streamgauge check --config other.toml

It exits with 2 if the configuration is not valid, with everything that is wrong in one list.
Where it names a Kafka or an InfluxDB, those are tried, too: with 1 if one cannot be used.
`streamgauge doctor` looks at more.")]
pub struct CheckArgs {
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
    /// The flags for settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl ConfigArgs {
    /// What `config` prints.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration, if it is to be printed.
    pub fn output(&self, surroundings: &Surroundings) -> Result<String, Problems> {
        if self.reference {
            return Ok(reference());
        }
        let config = match self.defaults {
            true => Config::defaults(),
            false => effective(&self.file, &self.settings, surroundings)?,
        };
        Ok(to_toml(&config))
    }
}

impl CheckArgs {
    /// What `check` prints where all is well, and what it has found to be so.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn output(&self, surroundings: &Surroundings) -> Result<(String, Config), Problems> {
        let config = effective(&self.file, &self.settings, surroundings)?;
        Ok((format!("configuration is valid: {}\n", summary(&config)), config))
    }
}

fn effective(
    file: &FileArg,
    settings: &SettingsArgs,
    surroundings: &Surroundings,
) -> Result<Config, Problems> {
    let mut overrides = Overrides::with_file(file.config.clone());
    settings.put_on(&mut overrides);
    resolve(&overrides, surroundings)
}
