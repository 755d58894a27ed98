//! `streamgauge run`.
use anyhow::{Result, bail};
use streamgauge::cli::RunArgs;
use streamgauge::config::Surroundings;
pub(crate) fn run(args: &RunArgs, around: &Surroundings) -> Result<()> {
    args.resolve(around)?;
    bail!("later")
}
