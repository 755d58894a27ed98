//! The flags of `simulate`.

use clap::Args;

use super::files::{Destination, parse_events_destination};
use super::moment::parse_time;
use super::settings::FileArg;
use crate::config::schema::flag_help;
use crate::config::{Config, Overrides, Problems, Surroundings, resolve};
use crate::settings::simulator_options;
use streamgauge_simulator::Options;

/// The flags of `simulate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamgauge simulate --to events.jsonl --events 100000 --rate max \\
      --start 2026-01-01T00:00:00Z
  streamgauge simulate --to log --data-dir data/site --rate 200
  streamgauge simulate --to - --rate 50 --late-share 0.01 | head")]
pub struct SimulateArgs {
    /// Where the events go, one JSON object a line: a file (.gz and .zst are compressed), `-` for stdout, or `log`, the log of the data directory
    #[arg(long, value_name = "FILE|-|log", value_parser = parse_events_destination)]
    pub to: Destination,
    /// How many events to make [default: until it is stopped]
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,
    /// The time of the beginning: RFC 3339, or ms since 1970 [default: now, to the second]
    #[arg(long, value_name = "TIME", value_parser = parse_start)]
    pub start: Option<i64>,
    /// `simulator.rate`.
    #[arg(long, value_name = "R|max", help = flag_help("simulator.rate"))]
    pub rate: Option<String>,
    /// `simulator.users`.
    #[arg(long, value_name = "U", help = flag_help("simulator.users"))]
    pub users: Option<String>,
    /// `simulator.seed`.
    #[arg(long, value_name = "S", help = flag_help("simulator.seed"))]
    pub seed: Option<String>,
    /// `simulator.disorder`; a plain number is ms.
    #[arg(long, value_name = "MS", help = flag_help("simulator.disorder"))]
    pub disorder: Option<String>,
    /// `simulator.late_share`.
    #[arg(long, value_name = "P", help = flag_help("simulator.late_share"))]
    pub late_share: Option<String>,
    /// `simulator.duplicate_share`.
    #[arg(long, value_name = "P", help = flag_help("simulator.duplicate_share"))]
    pub duplicate_share: Option<String>,
    /// `simulator.malformed_share`.
    #[arg(long, value_name = "P", help = flag_help("simulator.malformed_share"))]
    pub malformed_share: Option<String>,
    /// `simulator.skew`.
    #[arg(long, value_name = "Z", help = flag_help("simulator.skew"))]
    pub skew: Option<String>,
    /// `data.directory`.
    #[arg(long, value_name = "DIR", help = flag_help("data.directory"))]
    pub data_dir: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileArg,
}

impl SimulateArgs {
    /// The effective configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn resolve(&self, surroundings: &Surroundings) -> Result<Config, Problems> {
        let mut overrides = Overrides::with_file(self.file.config.clone());
        let disorder = self.disorder.as_ref().map(|text| with_unit(text));
        let flags = [
            ("simulator.rate", "--rate", &self.rate),
            ("simulator.users", "--users", &self.users),
            ("simulator.seed", "--seed", &self.seed),
            ("simulator.disorder", "--disorder", &disorder),
            ("simulator.late_share", "--late-share", &self.late_share),
            ("simulator.duplicate_share", "--duplicate-share", &self.duplicate_share),
            ("simulator.malformed_share", "--malformed-share", &self.malformed_share),
            ("simulator.skew", "--skew", &self.skew),
            ("data.directory", "--data-dir", &self.data_dir),
        ];
        for (path, flag, value) in flags {
            overrides.put(path, flag, value.as_ref());
        }
        resolve(&overrides, surroundings)
    }

    /// What the simulator is asked for; it begins at `now_ms` if no start is given.
    pub fn options(&self, config: &Config, now_ms: i64) -> Options {
        let start_ms = self.start.unwrap_or(now_ms - now_ms.rem_euclid(1_000));
        Options { events: self.events, ..simulator_options(config, start_ms) }
    }
}

/// Reads a time with room for events after it.
fn parse_start(text: &str) -> Result<i64, String> {
    match parse_time(text)? {
        ms if ms <= Options::LATEST_START_MS => Ok(ms),
        _ => Err("after the year 9000, too close to the last year an event can have".into()),
    }
}

/// `--disorder` is the one duration that may be a plain number: of ms.
fn with_unit(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { format!("{text}ms") } else { text.to_owned() }
}
