//! `streamgauge run`: the whole of it in one process, over a log in memory: the
//! simulator writes, the job reads in paced epochs, and the numbers are told.

mod numbers;

use super::cores;
use super::interrupt::on_interrupt;
use anyhow::{Context, Result};
use numbers::Numbers;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use streamgauge::cli::RunArgs;
use streamgauge::config::{Config, Rate, Surroundings};
use streamgauge::dataflow::Settings;
use streamgauge::publish::Output;
use streamgauge::run::{Feeder, run as run_dataflow};
use streamgauge::settings::{funnels, input_settings, windows};
use streamgauge::time::{Pace, Ticks};
use streamgauge_ingest::binding::MemoryBindings;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::judge::Released;
use streamgauge_ingest::log::{EventLog, MemoryLog, NewRecord};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::Live;
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_simulator::{Generator, Options, Pace as SimulatorPace};

const PARTITIONS: u32 = 12;
/// What the log in memory holds at most.
const LOG_BYTES: usize = 64 << 20;
/// Bindings kept: a replay within the process could use them.
const BINDINGS: usize = 10_000;
/// How often a line of numbers is told.
const TELL: Duration = Duration::from_secs(5);
/// Records that the simulator appends at once at most.
const APPEND_RECORDS: usize = 512;
/// How long the simulator sleeps at most: it must notice that it is to stop.
const NAP: Duration = Duration::from_millis(20);

struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

pub(crate) fn run(args: &RunArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let input = input_settings(&config, PARTITIONS);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = MemoryLog::new(PARTITIONS, LOG_BYTES, Arc::clone(&clock));
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    on_interrupt(move || asked.store(true, Ordering::SeqCst))?;
    let generator = Generator::new(simulator_options(&config, clock.now_ms()))?;
    let numbers = Arc::new(Mutex::new(Numbers::default()));
    let dataflow = Settings {
        windows: windows(&config),
        funnels: funnels(&config),
        output: Output { provisional: true, digests: false },
    };
    eprintln!(
        "simulating a shop at {} events a second, in memory; the numbers of the last final \
         window follow every {} s. Ctrl-C ends it.",
        rate_text(config.simulator.rate),
        TELL.as_secs()
    );
    thread::scope(|scope| {
        let (stop, log) = (&*stop, &log);
        let simulator = scope.spawn(move || simulate(generator, config.simulator.rate, log, stop));
        let told = Arc::clone(&numbers);
        let workers = config.job.worker_threads(cores());
        let source = run_dataflow(
            &dataflow,
            workers,
            |feeder| read(feeder, &config, &input, log, &*clock, stop, &numbers),
            move |changes| told.lock().unwrap_or_else(PoisonError::into_inner).apply(&changes),
            |_, _| {},
        );
        // Whatever ended the job ends the simulator, too.
        stop.store(true, Ordering::SeqCst);
        simulator.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let counts = source?;
        eprintln!(
            "read {} records: {} accepted, {} rejected, {} duplicates",
            counts.read,
            counts.accepted,
            counts.rejected(),
            counts.duplicates
        );
        Ok(())
    })
}

fn rate_text(rate: Rate) -> String {
    match rate {
        Rate::PerSecond(n) => n.to_string(),
        Rate::Max => "as many as possible".to_owned(),
    }
}

fn simulator_options(config: &Config, start_ms: i64) -> Options {
    let s = &config.simulator;
    Options {
        events: None,
        rate: match s.rate {
            Rate::PerSecond(n) => f64::from(n),
            Rate::Max => 10_000.0,
        },
        users: s.users,
        seed: s.seed,
        start_ms,
        disorder_ms: u64::try_from(s.disorder_ms).unwrap_or(0),
        late_share: s.late_share,
        duplicate_share: s.duplicate_share,
        malformed_share: s.malformed_share,
        skew: s.skew,
        ..Options::default()
    }
}

/// Appends events when they are due, until asked to stop.
fn simulate(
    mut generator: Generator,
    rate: Rate,
    log: &MemoryLog,
    stop: &AtomicBool,
) -> Result<()> {
    let pace = if rate == Rate::Max { SimulatorPace::MAX } else { SimulatorPace::REAL_TIME };
    let started = Instant::now();
    let mut bytes = Vec::new();
    let mut records: Vec<(u32, std::ops::Range<usize>)> = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let start = bytes.len();
        let Some(emitted) = generator.next_event(&mut bytes) else {
            break;
        };
        let wait = pace.wait(&emitted, started.elapsed());
        if !wait.is_zero() || records.len() >= APPEND_RECORDS {
            let value = bytes.split_off(start);
            append(log, &bytes, &records)?;
            (bytes, records) = (value, Vec::new());
            sleep(wait, stop);
        }
        let end = bytes.len();
        let start = records.last().map_or(0, |(_, r)| r.end);
        records.push((
            partition_of(&String::from_utf8_lossy(emitted.key.as_bytes()), PARTITIONS),
            start..end,
        ));
    }
    append(log, &bytes, &records)
}

fn append(log: &MemoryLog, bytes: &[u8], records: &[(u32, std::ops::Range<usize>)]) -> Result<()> {
    let new = |(partition, range): &(u32, std::ops::Range<usize>)| NewRecord {
        partition: *partition,
        key: &[],
        value: &bytes[range.clone()],
    };
    let new: Vec<_> = records.iter().map(new).collect();
    log.append(&new).context("cannot append to the log")?;
    Ok(())
}

fn sleep(wait: Duration, stop: &AtomicBool) {
    let until = Instant::now() + wait;
    while !stop.load(Ordering::SeqCst) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        thread::sleep(left.min(NAP));
    }
}

/// Feeds the dataflow in paced epochs until asked to stop and all is read.
fn read(
    mut feeder: Feeder,
    config: &Config,
    input: &InputSettings,
    log: &MemoryLog,
    clock: &dyn Clock,
    stop: &AtomicBool,
    numbers: &Mutex<Numbers>,
) -> Result<SourceCounts> {
    let bindings = MemoryBindings::new(BINDINGS);
    let mut live = Live::new(log, &bindings, clock, input, config.time.epoch_ms)?;
    let mut ticks = Ticks::new(live_pace(config));
    let mut last = (Instant::now(), 0);
    loop {
        let stopping = stop.load(Ordering::SeqCst);
        let records = live.epoch(&mut |released| match released {
            Released::Rows(epoch, batch) => {
                feeder.rows(epoch, batch);
            }
            Released::DeadLetters(_, _) => {}
            Released::Close(close) => {
                feeder.close(close.epoch, ticks.next(close));
            }
        })?;
        if stopping && records == 0 {
            return Ok(live.counts().clone());
        }
        if last.0.elapsed() >= TELL {
            let read = live.counts().read;
            let seconds = last.0.elapsed().as_secs_f64();
            let rate = (read - last.1) as f64 / seconds;
            let numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
            println!("{}", numbers.line(rate, clock.now_ms()));
            last = (Instant::now(), read);
        }
        let wait_ms = u64::try_from(live.wait_ms()).unwrap_or(1);
        thread::sleep(Duration::from_millis(wait_ms));
    }
}

/// The pace of live publishing, in epochs.
fn live_pace(config: &Config) -> Pace {
    let epochs = config.time.corrections_ms / config.time.epoch_ms;
    Pace {
        provisional: true,
        provisional_epochs: config.time.provisional_epochs,
        correction_epochs: u64::try_from(epochs).unwrap_or(1).max(1),
    }
}
