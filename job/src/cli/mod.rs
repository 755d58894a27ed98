//! The command line: what can be asked for, and with which flags.
//!
//! Flags that set a configuration key are kept as text and go through
//! [`crate::config`] with the other layers, so that they are checked by the
//! same rules and refused in the same words. Flags of one command only are
//! checked here.
//!
//! Invariant: every command's help says what it does, the defaults of its flags
//! and an example.
//!
//! It deliberately runs nothing but `config`, `check` and `completions`, which
//! need no dataflow.

mod explain;
mod files;
mod gateway;
mod import;
mod inspect;
mod job;
mod look;
mod moment;
mod replay;
mod run;
mod settings;
mod simulate;
#[cfg(test)]
mod tests;
mod topics;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub use explain::ExplainArgs;
pub use files::Destination;
pub use gateway::GatewayArgs;
pub use import::ImportArgs;
pub use inspect::{CheckArgs, ConfigArgs};
pub use job::{JobArgs, LaunchArgs, WrongPlace};
pub use look::{
    CheckpointAction, CheckpointArgs, DlqAction, DlqArgs, DlqFilter, DlqReplayArgs, DoctorArgs,
};
pub use moment::parse_time;
pub use replay::{FileConflict, Offsets, ReplayArgs, Summary};
pub use run::RunArgs;
pub use settings::{FileArg, SettingsArgs};
pub use simulate::SimulateArgs;
pub use topics::{TopicsAction, TopicsArgs};

/// The command's exit code when it has done what it was asked for.
pub const DONE: u8 = 0;
/// The exit code when something failed on the way.
pub const FAILED: u8 = 1;
/// The exit code of wrong usage (as clap's) and of a wrong configuration.
pub const WRONG_USAGE: u8 = 2;
/// The exit code by which a process tells `launch` that another start would not help.
pub const POINTLESS: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  streamgauge                            everything at once, with simulated visitors
  streamgauge replay --from log.jsonl.gz --to -
  streamgauge config --defaults          every key, to start a configuration file from

Every configuration key can be set in streamgauge.toml, in the environment
(STREAMGAUGE_TIME__LATENESS=10m for `lateness` in [time]) and, the commonest
ones, by flags. Flags go over the environment, that over the file, that over
the defaults. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.";

/// Real-time, exact website analytics.
///
/// Page views, users, sessions, conversions, top lists and an alert on bounces from
/// recorded or simulated events, correct to the event however late it comes. Without
/// a command it does `run`.
#[derive(Debug, Parser)]
#[command(
    name = "streamgauge",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do; `run` if it is not said.
    #[command(subcommand)]
    command: Option<Command>,
    /// The flags of `run`, for when it is not said.
    #[command(flatten)]
    run: RunArgs,
}

impl Cli {
    /// The command with its flags.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.run))
    }
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything: simulated visitors, the dataflow and its results
    Run(RunArgs),
    /// Run the dataflow alone, over a data directory
    Job(JobArgs),
    /// Run the dataflow in several processes of this machine, and watch them
    Launch(LaunchArgs),
    /// Serve WebSockets, REST and the live page alone, over a data directory
    Gateway(GatewayArgs),
    /// Make up events of a busy site and write them to a file or to stdout
    Simulate(SimulateArgs),
    /// Read a web server's access log as events
    Import(ImportArgs),
    /// Say why events were rejected, and put them back
    Dlq(DlqArgs),
    /// Say which records a result was made from, and whether it agrees with them
    Explain(ExplainArgs),
    /// Say what is wrong and what to do about it
    Doctor(DoctorArgs),
    /// Look at the checkpoints of a data directory
    Checkpoint(CheckpointArgs),
    /// Make and check the topics of a Kafka
    Topics(TopicsArgs),
    /// Compute all results of recorded events, as fast as it goes
    Replay(ReplayArgs),
    /// Say whether the configuration is valid, then exit
    Check(CheckArgs),
    /// Print the effective configuration as TOML, each key explained
    Config(ConfigArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
}

/// The flags of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  streamgauge completions bash > ~/.local/share/bash-completion/completions/streamgauge
  streamgauge completions fish > ~/.config/fish/completions/streamgauge.fish")]
pub struct CompletionsArgs {
    /// The shell to complete for
    pub shell: Shell,
}

impl CompletionsArgs {
    /// What `completions` prints.
    pub fn output(&self) -> Vec<u8> {
        let mut script = Vec::new();
        let mut commands = <Cli as CommandFactory>::command();
        clap_complete::generate(self.shell, &mut commands, "streamgauge", &mut script);
        script
    }
}
