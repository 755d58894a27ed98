//! `streamgauge simulate`.
use anyhow::{Result, bail};
use streamgauge::cli::SimulateArgs;
use streamgauge::config::Surroundings;
pub(crate) fn simulate(args: &SimulateArgs, around: &Surroundings) -> Result<()> {
    args.resolve(around)?;
    bail!("later")
}
