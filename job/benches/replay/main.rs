//! What a replay costs: by stage, and under loads that a bad design would be slow
//! at.
//!
//! ```text
//! cargo bench -p streamgauge --bench replay -- stages [EVENTS]
//! cargo bench -p streamgauge --bench replay -- flat [EVENTS]
//! cargo bench -p streamgauge --bench replay -- memory
//! ```
//!
//! Costs are processor time of the whole process per event, each measured in a
//! process of its own (so that peak memory is its own, too), repeated and given
//! as the median; loads are compared by ratio within one run.

mod load;
mod measure;

use load::Load;
use measure::{Cost, Stage};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const EVENTS: u64 = 2_000_000;
const REPEAT: usize = 3;

fn main() -> ExitCode {
    // `cargo bench` adds a flag of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["measure", stage, file] => {
            let stage = Stage::from_name(stage).expect("a stage");
            println!("{}", measure::measure(stage, Path::new(file)).line());
        }
        ["stages", rest @ ..] => stages(events(rest)),
        ["flat", rest @ ..] => load::flat(events(rest)),
        ["memory"] => memory(),
        [] => stages(200_000),
        _ => {
            eprintln!("usage: replay [stages|flat] [EVENTS], or replay memory");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn events(rest: &[&str]) -> u64 {
    rest.first().and_then(|n| n.parse().ok()).unwrap_or(EVENTS)
}

fn stages(events: u64) {
    let file = Load::plain(events).write();
    println!(
        "{events} events of the simulator, µs of processor time an event (median of {REPEAT})"
    );
    let is_brief = |stage: &Stage| matches!(stage, Stage::Brief | Stage::BriefOnTwo);
    for stage in Stage::ALL.into_iter().filter(|stage| !is_brief(stage)) {
        let cost = median(stage, file.path());
        println!(
            "{:28} {:6.3} µs  {:6.0} MB peak  {:7.0} events/s",
            stage.name(),
            cost.cpu_us,
            cost.peak_mb,
            cost.rate
        );
    }
}

/// Prints that memory follows what is open, not how much has been read.
fn memory() {
    println!(
        "200 events a second, session gap 20 s, lateness 10 s, to none; peak MB (median of {REPEAT})"
    );
    for events in [500_000, 2_000_000] {
        let file = Load::quiet(events).write();
        for stage in [Stage::Brief, Stage::BriefOnTwo] {
            let peak_mb = median(stage, file.path()).peak_mb;
            println!("{events:9} events  {:16} {peak_mb:6.0} MB", stage.name());
        }
    }
}

/// The median cost of a stage, each run in its own process.
fn median(stage: Stage, file: &Path) -> Cost {
    let me: PathBuf = std::env::current_exe().expect("this program's path");
    let mut costs: Vec<Cost> = (0..REPEAT)
        .map(|_| {
            let output = Command::new(&me).args(["measure", stage.name()]).arg(file).output();
            let output = output.expect("the measuring process runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Cost::parse(&text)
                .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
        })
        .collect();
    costs.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
    costs[costs.len() / 2]
}
