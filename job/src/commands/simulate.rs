//! `streamgauge simulate`: made-up events into a file or to stdout.
//!
//! Records leave at the moments intended for them, by the clock since the
//! beginning: after a delay they catch up, so a rate holds on average. One that
//! is held back leaves when it is due, also if that is minutes after the others.
//!
//! Invariant: what is written are whole records, and a signal does not change
//! that: the file is finished as after the last one, its format's end included.

use super::events::{Appender, Events};
use super::interrupt::on_interrupt;
use super::site::{USUAL, directory, event_log};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::cli::{Destination, SimulateArgs};
use streamgauge::config::{Rate, Surroundings};
use streamgauge_simulator::{Generator, Pace};

/// A reader who waits for paced records gets them so late at most.
const LONGEST_BUFFERED: Duration = Duration::from_millis(50);
/// Shorter waits would cost more than they space records out.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// Records between two looks at the bar where nothing waits.
const SHOWN_RECORDS: u64 = 1 << 12;

pub(crate) fn simulate(args: &SimulateArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, writer) = (Arc::clone(&stop), thread::current());
    on_interrupt(move || {
        asked.store(true, Ordering::SeqCst);
        writer.unpark();
    })?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let began = Instant::now();
    let bar = bar(args.events);
    bar.set_message("letting the first visitors in");
    bar.tick();
    let is_stopped = || stop.load(Ordering::Relaxed);
    let generator = Generator::new_unless(args.options(&config, now_ms), is_stopped)?;
    let output = match &args.to {
        Destination::Log => {
            Events::Log(Appender::new(event_log(&directory(&config, USUAL), &config)?))
        }
        to => Events::file(to)?,
    };
    let simulation = Simulation {
        generator,
        output,
        pace: match config.simulator.rate {
            Rate::PerSecond(_) => Pace::REAL_TIME,
            Rate::Max => Pace::MAX,
        },
        stop: &stop,
        bar,
        began,
        started: Instant::now(),
        flushed: Duration::ZERO,
        written: Written::default(),
    };
    let text = simulation.run()?;
    // Without a stderr there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
    Ok(())
}

/// Shown on a terminal only.
fn bar(events: Option<u64>) -> ProgressBar {
    let (bar, style) = match events {
        Some(events) => {
            (ProgressBar::new(events), "{bar:30} {percent:>3}% {msg} {elapsed} (left: {eta})")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
    };
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar
}

/// What has been written so far.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    events: u64,
    bytes: u64,
}

struct Simulation<'a> {
    /// None if it was asked to stop before the shop was open.
    generator: Option<Generator>,
    output: Events,
    pace: Pace,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    began: Instant,
    /// When the shop was open: moments of records are counted from here.
    started: Instant,
    /// When the output was last handed on, since the beginning.
    flushed: Duration,
    written: Written,
}

impl Simulation<'_> {
    /// Writes until the last event or until it is asked to stop, finishes the
    /// output, and gives the closing line.
    fn run(mut self) -> Result<String> {
        let generator = self.generator.take();
        let result = generator.map_or(Ok(()), |generator| self.write(generator));
        self.bar.finish_and_clear();
        result?;
        self.output.finish()?;
        let Written { events, bytes } = self.written;
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = events as f64 / seconds.max(1e-9);
        let interrupted = if self.stop.load(Ordering::SeqCst) { "interrupted: " } else { "" };
        Ok(format!(
            "{interrupted}wrote {events} events, {bytes} bytes, in {seconds:.3} s ({rate:.0} a second)\n"
        ))
    }

    fn write(&mut self, mut generator: Generator) -> Result<()> {
        let mut value = Vec::new();
        while let Some(emitted) = generator.next_event(&mut value) {
            if let Some(intended) = self.pace.intended(&emitted) {
                self.wait_until(intended)?;
            }
            // An event whose moment has not come was only waited for.
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            self.output.write(&String::from_utf8_lossy(emitted.key.as_bytes()), &value)?;
            self.written.events += 1;
            self.written.bytes += value.len() as u64 + 1;
            value.clear();
            if self.written.events.is_multiple_of(SHOWN_RECORDS) {
                self.show();
            }
        }
        Ok(())
    }

    /// Returns at `intended`, or as soon as it is asked to stop.
    fn wait_until(&mut self, intended: Duration) -> Result<()> {
        loop {
            let now = self.started.elapsed();
            if now >= intended || self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if intended > self.flushed + self.output.longest_held(LONGEST_BUFFERED) {
                self.output.flush()?;
                self.flushed = now;
                self.show();
            }
            thread::park_timeout((intended - now).max(SHORTEST_WAIT));
        }
    }

    fn show(&self) {
        let rate = self.written.events as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        self.bar.set_position(self.written.events);
        self.bar.set_message(format!("{} events, {rate:.0}/s", self.written.events));
    }
}
