//! `streamgauge run`: the whole of it in one process, over a log in memory: the
//! simulator writes, the job reads in paced epochs, and the numbers are told.

mod numbers;
mod shop;

use super::cores;
use super::interrupt::on_interrupt;
use anyhow::{Context, Result};
use numbers::Numbers;
use shop::{Flow, Shop};
use std::io::{self, Write};
use std::sync::atomic::Ordering;
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
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::judge::Released;
use streamgauge_ingest::log::MemoryLog;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{Pacing, Source};
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_simulator::Generator;

const PARTITIONS: u32 = 12;
/// What the log in memory holds at most.
const LOG_BYTES: usize = 64 << 20;
/// When the first line of numbers is told: a sign of life.
const TELL_FIRST: Duration = Duration::from_secs(1);
/// How often a line of numbers is told.
const TELL: Duration = Duration::from_secs(5);

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
    let flow = Arc::new(Flow::default());
    let asked = Arc::clone(&flow);
    on_interrupt(move || asked.stop.store(true, Ordering::SeqCst))?;
    greet(&config);
    let started = Instant::now();
    let options = shop::options(&config, clock.now_ms());
    let Some(generator) = Generator::new_unless(options, || flow.is_stopped())? else {
        return Ok(());
    };
    let numbers = Arc::new(Mutex::new(Numbers::default()));
    let dataflow = Settings {
        windows: windows(&config),
        funnels: funnels(&config),
        output: Output { provisional: true, digests: false },
    };
    let counts = thread::scope(|scope| {
        let (flow, rate) = (&*flow, config.simulator.rate);
        let shop = Shop::new(generator, rate, started, &log, flow);
        let shop = scope.spawn(move || shop.run());
        let told = Arc::clone(&numbers);
        let job = Job {
            config: &config,
            input: &input,
            log: &log,
            clock: &*clock,
            flow,
            numbers: &numbers,
        };
        let counts = run_dataflow(
            &dataflow,
            config.job.worker_threads(cores()),
            |feeder| job.read(feeder),
            move |changes| told.lock().unwrap_or_else(PoisonError::into_inner).apply(&changes),
            |_, _| {},
        );
        // Whatever ended the job ends the shop, too.
        flow.stop.store(true, Ordering::SeqCst);
        shop.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        counts
    })?;
    tell(&format!(
        "read {} records: {} accepted, {} rejected, {} duplicates",
        counts.read,
        counts.accepted,
        counts.rejected(),
        counts.duplicates
    ));
    Ok(())
}

fn greet(config: &Config) {
    let rate = match config.simulator.rate {
        Rate::PerSecond(n) => format!("{n} events a second"),
        Rate::Max => "as many events as can be processed".to_owned(),
    };
    tell(&format!(
        "simulating a shop with {rate}, in memory; every {} s a line tells the numbers of the \
         last windows that are final. Ctrl-C ends it, and nothing is kept.",
        TELL.as_secs()
    ));
}

fn tell(text: &str) {
    // Without a stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// The job's side: what is read, and how.
struct Job<'a> {
    config: &'a Config,
    input: &'a InputSettings,
    log: &'a MemoryLog,
    clock: &'a dyn Clock,
    flow: &'a Flow,
    numbers: &'a Mutex<Numbers>,
}

impl Job<'_> {
    /// Feeds the dataflow in paced epochs until asked to stop and all is read.
    fn read(&self, mut feeder: Feeder) -> Result<SourceCounts> {
        let pacing = Pacing { epoch_ms: self.config.time.epoch_ms, settings_hash: 0 };
        let mut live = Source::new(self.log, self.clock, self.input, pacing, None)?;
        let mut ticks = Ticks::new(live_pace(self.config));
        let (mut told, mut due) = ((Instant::now(), 0), TELL_FIRST);
        loop {
            let is_closed = self.flow.closed.load(Ordering::SeqCst);
            let epoch = live.next_epoch()?;
            let records = epoch.as_ref().map_or(0, |e| e.binding.counts.read);
            if let Some(epoch) = epoch {
                epoch.release(&mut |released| match released {
                    Released::Rows(epoch, batch) => {
                        feeder.rows(epoch, batch);
                    }
                    Released::DeadLetters(_, _) => {}
                    Released::Close(close) => {
                        feeder.close(close.epoch, ticks.next(close));
                    }
                });
            }
            let read = live.counts().read;
            self.flow.read.store(read, Ordering::SeqCst);
            if is_closed && records == 0 {
                return Ok(live.counts().clone());
            }
            let since = told.0.elapsed();
            if since >= due {
                self.print((read - told.1) as f64 / since.as_secs_f64())?;
                (told, due) = ((Instant::now(), read), TELL);
            }
            let wait_ms = u64::try_from(live.wait_ms()).unwrap_or(1);
            thread::sleep(Duration::from_millis(wait_ms));
        }
    }

    /// Prints the line of numbers; `rate` is records read a second.
    fn print(&self, rate: f64) -> Result<()> {
        let line = {
            let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.line(rate, self.clock.now_ms())
        };
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        written.context("cannot write the line of numbers to standard output")
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
