//! `streamgauge`: reads the command line and does what it says.
//!
//! Invariant: the exit code is 0 for done, 1 for failed, 2 for wrong usage or a
//! wrong configuration; stdout carries results only, all else goes to stderr.

mod commands;
mod process;

use anyhow::{Context, Result};
use clap::Parser;
use commands::{Interrupted, Pointless};
use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use streamgauge::cli::{
    Cli, Command, DONE, FAILED, FileConflict, POINTLESS, WRONG_USAGE, WrongPlace,
};
use streamgauge::cluster::{self, ClusterError};
use streamgauge::config::{Problems, Surroundings};
use streamgauge::explain::KeyError;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    abort_on_panic();
    process::prepare();
    match run(Cli::parse().command(), &surroundings()) {
        Ok(()) => ExitCode::from(DONE),
        // The reader of the output has seen enough: `… | head` is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(DONE),
        // It was asked to end, and had not begun.
        Err(error) if error.is::<Interrupted>() => ExitCode::from(DONE),
        Err(error) => {
            let advice = commands::what_to_do(&error).map(|todo| format!("; {todo}"));
            let said = told(&error) + &advice.unwrap_or_default();
            // Without a stderr there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {said}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let is_other = |e: &ClusterError| matches!(e, ClusterError::Differs { .. });
    let is_wrong_usage = error.is::<Problems>()
        || error.is::<FileConflict>()
        || error.is::<KeyError>()
        || error.is::<WrongPlace>()
        || error.downcast_ref().is_some_and(is_other);
    match is_wrong_usage {
        true => WRONG_USAGE,
        false if error.is::<Pointless>() => POINTLESS,
        false => FAILED,
    }
}

/// An error and its causes, each but those that the one before has told of already.
fn told(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

/// A worker that panics leaves the others waiting for it for ever, so a panic
/// anywhere ends the process. That of a connection to another process is no fault of
/// this one, and is told in other words.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        cluster::of_panic(panic.payload());
        print(panic);
        std::process::abort();
    }));
}

fn run(command: Command, around: &Surroundings) -> Result<()> {
    match command {
        Command::Config(args) => print(args.output(around)?.as_bytes()),
        Command::Check(args) => commands::check(&args, around),
        Command::Completions(args) => print(&args.output()),
        Command::Run(args) => commands::run(&args, around),
        Command::Job(args) => commands::job(&args, around),
        Command::Launch(args) => commands::launch(&args, around),
        Command::Gateway(args) => commands::gateway(&args, around),
        Command::Import(args) => commands::import(&args, around),
        Command::Doctor(args) => commands::doctor(&args, around),
        Command::Dlq(args) => commands::dlq(&args, around),
        Command::Explain(args) => commands::explain(&args, around),
        Command::Checkpoint(args) => commands::checkpoint(&args, around),
        Command::Topics(args) => commands::topics(&args, around),
        Command::Simulate(args) => commands::simulate(&args, around),
        Command::Replay(args) => commands::replay(&args, around),
    }
}

fn print(output: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(output).and_then(|()| out.flush()).context("cannot write the output")
}

/// The process's environment; the working directory is the process's own.
fn surroundings() -> Surroundings {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    Surroundings {
        variables: env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
        directory: PathBuf::new(),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
