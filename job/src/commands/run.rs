//! `streamgauge run`: the whole of it in one process, over a data directory: the
//! simulator writes events, the job reads them, and the numbers are told.

mod numbers;
mod shop;

use super::cores;
use super::history::HistoryFeed;
use super::interrupt::on_interrupt;
use super::job::{Parts, run_job, told};
use super::serve::{listen, serve};
use super::site::{JobLock, OF_DEMO, Site, USUAL, directory};
use super::webhooks::Webhooks;
use anyhow::{Context, Result};
use numbers::Numbers;
use shop::{Flow, Shop};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::cli::RunArgs;
use streamgauge::config::{Config, Rate, Surroundings};
use streamgauge::live::named;
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_simulator::Generator;
use streamgauge_sink::results::Topic;

/// When the first line of numbers is told: a sign of life.
const TELL_FIRST: Duration = Duration::from_secs(1);
/// How often a line of numbers is told.
const TELL: Duration = Duration::from_secs(5);
/// How often is looked whether one is due.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &RunArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let usual = if args.no_simulator { USUAL } else { OF_DEMO };
    let directory = directory(&config, usual);
    let listener = listen(&config)?;
    let site = Site::open_to_stay(&directory, &config)?;
    let _lock = JobLock::take(&directory)?;
    let history = HistoryFeed::open(&site, &config)?;
    let webhooks = Webhooks::open(&site, &config)?;
    let flow = Arc::new(Flow::default());
    let asked = Arc::clone(&flow);
    on_interrupt(move || asked.stop.store(true, Ordering::SeqCst))?;
    greet(&config, args, &site, listener.local_addr()?);
    let run = Run {
        config: &config,
        site: &site,
        webhooks: &webhooks,
        flow: &flow,
        stop: Arc::default(),
        over: AtomicBool::new(false),
        shop_ended: AtomicBool::new(args.no_simulator),
    };
    let counts = run.everything(!args.no_simulator, listener, history)?;
    tell(&told(&counts));
    Ok(())
}

fn greet(config: &Config, args: &RunArgs, site: &Site, address: SocketAddr) {
    let rate = match config.simulator.rate {
        Rate::PerSecond(n) => format!("{n} events a second"),
        Rate::Max => "as many events as can be processed".to_owned(),
    };
    let what = match args.no_simulator {
        true => "waiting for events".to_owned(),
        false => format!("simulating a shop with {rate}"),
    };
    tell(&format!(
        "{what}, in {}; live numbers are at http://{address}, and every {} s a line tells those of \
         the last windows that are final. Ctrl-C ends it, and the next run goes on.",
        site.directory.display(),
        TELL.as_secs()
    ));
}

fn tell(text: &str) {
    // Without a stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Everything, each part in a thread of its own.
struct Run<'a> {
    config: &'a Config,
    site: &'a Site,
    webhooks: &'a Webhooks,
    flow: &'a Flow,
    /// Asks the job to end.
    stop: Arc<AtomicBool>,
    /// The job has ended: what shows its results ends, too.
    over: AtomicBool,
    /// The shop appends no more.
    shop_ended: AtomicBool,
}

impl Run<'_> {
    fn everything(
        &self,
        simulates: bool,
        listener: TcpListener,
        history: HistoryFeed,
    ) -> Result<SourceCounts> {
        let store = history.status();
        thread::scope(|scope| {
            let gateway = named(scope, "gateway", || {
                let (site, config, webhooks) = (self.site, self.config, self.webhooks);
                let served = serve(site, config, webhooks, store, listener, &self.over);
                self.flow.stop.store(true, Ordering::SeqCst);
                served
            });
            named(scope, "history", || history.run(self.site, self.config, &self.over, &tell));
            named(scope, "webhooks", || self.webhooks.run(self.site, &self.over, &tell));
            let shop = simulates.then(|| named(scope, "simulator", || self.shop()));
            let numbers = named(scope, "numbers", || {
                let told = self.tell_numbers();
                // Nobody to tell them to: no reason to go on.
                self.flow.stop.store(true, Ordering::SeqCst);
                told
            });
            scope.spawn(|| {
                self.flow.wait_until_stopped();
                // What the shop has made is appended before the job ends.
                while !self.shop_ended.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(2));
                }
                self.stop.store(true, Ordering::SeqCst);
            });
            let job = run_job(&Parts {
                config: self.config,
                site: self.site,
                workers: self.config.job.worker_threads(cores()),
                place: None,
                stop: &self.stop,
                read: &self.flow.read,
                tell: &tell,
            });
            self.over.store(true, Ordering::SeqCst);
            // Whatever ended the job ends all else, too.
            self.flow.stop.store(true, Ordering::SeqCst);
            let joined = |result: thread::Result<Result<()>>| {
                result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            joined(numbers.join())?;
            let counts = job?;
            joined(gateway.join())?;
            if let Some(shop) = shop {
                joined(shop.join())?;
            }
            Ok(counts)
        })
    }

    fn shop(&self) -> Result<()> {
        let (config, flow) = (self.config, self.flow);
        let started = Instant::now();
        let mut options = shop::options(config, self.site.clock.now_ms());
        // Another run in the same directory has other events.
        for partition in 0..self.site.log.partitions() {
            options.seed = options.seed.wrapping_add(self.site.log.bounds(partition)?.end);
        }
        let result = (|| {
            let Some(generator) = Generator::new_unless(options, || flow.is_stopped())? else {
                return Ok(());
            };
            let log = self.site.log.clone();
            Shop::new(generator, config.simulator.rate, started, log, flow).run()
        })();
        flow.stop.store(true, Ordering::SeqCst);
        self.shop_ended.store(true, Ordering::SeqCst);
        result
    }

    /// Prints a line of numbers now and then.
    fn tell_numbers(&self) -> Result<()> {
        let topics = [Topic::ProcessedMetrics, Topic::Sessions, Topic::Alerts, Topic::JobStatus];
        let results = &self.site.results;
        let open = || results.reader(&topics, results.position_at(self.site.clock.now_ms())?);
        // What is away comes again; what was cut is no loss to numbers that are of now.
        let mut reader = open().ok();
        let mut numbers = Numbers::default();
        let (mut told, mut due) = (Instant::now(), TELL_FIRST);
        while !self.flow.is_stopped() {
            thread::sleep(LOOK);
            if told.elapsed() >= due {
                (told, due) = (Instant::now(), TELL);
                let Some(open_reader) = &mut reader else {
                    reader = open().ok();
                    continue;
                };
                loop {
                    match open_reader.poll(1_000, &mut |record| numbers.apply(&record)) {
                        Ok(0) => break,
                        Ok(_) => {}
                        Err(_) => {
                            reader = None;
                            break;
                        }
                    }
                }
                let line = numbers.line(self.site.clock.now_ms());
                let mut out = io::stdout().lock();
                let written = writeln!(out, "{line}").and_then(|()| out.flush());
                written.context("cannot write the line of numbers to standard output")?;
            }
        }
        Ok(())
    }
}
