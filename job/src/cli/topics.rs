//! The flags of `topics`.

use clap::{Args, Subcommand};

use super::settings::GlobalFileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};

/// The flags of `topics`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge topics create --brokers 127.0.0.1:9092
  streamgauge topics check
  streamgauge topics describe

The topic of events has 12 partitions and is kept for 7 days; processed-metrics has 6,
compacted and kept for a day; sessions 6, 7 days; cep-alerts 3, 3 days; dead-letters 3, 7
days; live-metrics 1, an hour; bindings 1, as long as it is needed; job-status and settings
1, compacted. There are 3 replicas of each, or as many as there are brokers. `create` makes
what is missing and changes nothing that is there. `check` names every difference, and ends
with 1 if there is one.")]
pub struct TopicsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: TopicsAction,
    /// `kafka.brokers`.
    #[arg(long, global = true, value_name = "HOST:PORT,…", help = flag_help("kafka.brokers"))]
    pub brokers: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: GlobalFileArg,
}

/// What can be done with topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum TopicsAction {
    /// Make those that are missing
    Create,
    /// Say how they differ from what they should be
    Check,
    /// Say what they are: partitions, replicas, settings
    Describe,
}

impl TopicsArgs {
    /// The effective configuration. Whoever asks for topics means a Kafka.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        overrides.put("log.kind", "topics", Some(&"kafka".to_owned()));
        overrides.put("kafka.brokers", "--brokers", self.brokers.as_ref());
        resolve(&overrides, surroundings)
    }
}
