//! What the subcommands do that do more than look at the configuration.

mod checkpoint;
mod dlq;
mod doctor;
mod events;
mod explain;
mod gateway;
mod history;
mod import;
mod interrupt;
mod job;
mod kafka;
#[cfg(unix)]
mod launch;
mod log;
mod patience;
mod replay;
mod results;
mod run;
mod serve;
mod simulate;
mod site;
mod topics;
mod webhooks;

pub(crate) use checkpoint::checkpoint;
pub(crate) use dlq::dlq;
pub(crate) use doctor::{check, doctor};
pub(crate) use explain::explain;
pub(crate) use gateway::gateway;
pub(crate) use import::import;
pub(crate) use interrupt::Interrupted;
pub(crate) use job::{Pointless, job};
pub(crate) use kafka::what_to_do;
#[cfg(unix)]
pub(crate) use launch::launch;
pub(crate) use replay::replay;
pub(crate) use run::run;
pub(crate) use simulate::simulate;
pub(crate) use topics::topics;

/// Its children are given open sockets, which is the way of Unix.
#[cfg(not(unix))]
pub(crate) fn launch(
    _: &streamgauge::cli::LaunchArgs,
    _: &streamgauge::config::Surroundings,
) -> anyhow::Result<()> {
    anyhow::bail!("`launch` is for Unix; start each `job` by itself")
}

/// Processor cores, if the system tells; else one.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
