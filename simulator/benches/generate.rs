//! How fast events are made: into memory, into a file, with all kinds of
//! damage, and for a large site. Prints events a second and microseconds an
//! event. `cargo bench --bench generate -- 2000000` sets the number of events.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use streamgauge_simulator::{Generator, Options, Output, SimulatorError};

fn main() -> Result<(), SimulatorError> {
    let events = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let plain = Options { events: Some(events), disorder_ms: 0, ..Options::default() };
    let damaged = Options {
        disorder_ms: 3_000,
        late_share: 0.01,
        duplicate_share: 0.01,
        malformed_share: 0.01,
        ..plain.clone()
    };
    let large = Options { rate: 50_000.0, users: 2_000_000, pages: 100_000, ..plain.clone() };
    run("memory", &plain, None)?;
    run("damaged", &damaged, None)?;
    run("large site", &large, None)?;
    for name in ["events.jsonl", "events.jsonl.zst", "events.jsonl.gz"] {
        run(name, &plain, Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)))?;
    }
    Ok(())
}

fn run(name: &str, options: &Options, path: Option<PathBuf>) -> Result<(), SimulatorError> {
    let began = Instant::now();
    let mut generator = Generator::new(options.clone())?;
    let opening = began.elapsed();
    let mut output = path.as_deref().map(Output::create).transpose()?;
    let mut value = Vec::with_capacity(4096);
    let (mut events, mut bytes) = (0_u32, 0_usize);
    let began = Instant::now();
    while generator.next_event(&mut value).is_some() {
        if let Some(output) = &mut output {
            output.write_record(&value)?;
        }
        events += 1;
        bytes += value.len();
        value.clear();
    }
    output.map(Output::finish).transpose()?;
    report(name, events, bytes, opening, began.elapsed());
    if let Some(path) = path {
        // A file left behind in the build folder harms nobody.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn report(name: &str, events: u32, bytes: usize, opening: Duration, took: Duration) {
    let rate = f64::from(events) / took.as_secs_f64();
    println!(
        "{name:<18} {rate:>10.0} events/s {:>7.3} us/event {:>7.1} bytes/event, opened in {:.1} ms",
        1e6 / rate,
        bytes as f64 / f64::from(events),
        opening.as_secs_f64() * 1e3,
    );
}
