//! `streamgauge explain`: a result, and the records that it was made from.

use super::interrupt::on_interrupt;
use super::site::{Site, directory_that_is_there};
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use streamgauge::cli::ExplainArgs;
use streamgauge::config::{Config, Surroundings};
use streamgauge::dataflow;
use streamgauge::explain::{Explainer, Explanation, Key, Origin, Outcome, Rules};
use streamgauge::publish::Output;
use streamgauge::settings::{alerts, deciding, funnels, input_settings, windows};
use streamgauge_gateway::{Explain, Unexplained};
use streamgauge_ingest::files::{Progress, check};
use streamgauge_ingest::log::EventLog;
use streamgauge_ingest::settings::InputSettings;

/// How often it is looked how far the work is, and whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn explain(args: &ExplainArgs, around: &Surroundings) -> Result<()> {
    let key = Key::parse(&args.key)?;
    let config = args.resolve(around)?;
    let progress = Arc::new(Progress::default());
    let stop = Arc::clone(&progress);
    on_interrupt(move || stop.stop.store(true, Ordering::SeqCst))?;
    let site = match args.from.is_empty() {
        true => {
            let directory = directory_that_is_there(&config)?;
            Some(Site::open_to_look(&directory, &config)?)
        }
        false => {
            check(&args.from)?;
            None
        }
    };
    let partitions = site.as_ref().map_or(args.partitions, |site| site.log.partitions());
    let origin = match &site {
        Some(site) => origin(site),
        None => Origin::Files(&args.from),
    };
    let explainer = Explainer {
        origin,
        given: given(&config, partitions),
        limit: args.limit,
        late: args.late,
        progress: &progress,
    };
    let mut explained = with_count(&progress, || explainer.explain(&[key]))?;
    let Some(explanation) = explained.pop() else { bail!("nothing was explained") };
    let mut out = io::stdout().lock();
    match args.json {
        true => writeln!(out, "{}", explanation.json())?,
        false => out.write_all(explanation.text().as_bytes())?,
    }
    out.flush()?;
    verdict(&explanation)
}

/// The settings of a configuration.
pub(super) fn given(config: &Config, partitions: u32) -> Rules {
    let (hash, json) = deciding(config);
    let days = config.site.has_days;
    Rules {
        input: InputSettings { days, ..input_settings(config, partitions) },
        dataflow: dataflow::Settings {
            windows: windows(config, days),
            funnels: funnels(config),
            alerts: alerts(config),
            output: Output { provisional: false, digests: false },
        },
        hash,
        json,
    }
}

/// The log and the results of a directory.
pub(super) fn origin(site: &Site) -> Origin<'_> {
    Origin::Directory { log: &*site.log, results: &*site.results, clock: &*site.clock }
}

/// What the exit code is to tell.
fn verdict(explanation: &Explanation) -> Result<()> {
    match explanation.outcome {
        Outcome::Agrees | Outcome::Open | Outcome::Computed => Ok(()),
        Outcome::Differs => {
            bail!(
                "the published result is not what the log gives: {}",
                explanation.reasons.join("; ")
            )
        }
        Outcome::NotFound => bail!(nothing_there(explanation)),
    }
}

/// That there is no result, and what to look at instead.
fn nothing_there(explanation: &Explanation) -> String {
    let Explanation { reasons, near, .. } = explanation;
    if !reasons.is_empty() {
        return format!("there is no result under this key: {}", reasons.join("; "));
    }
    if near.is_empty() {
        return "there is no result under this key: are the directory and the window right?"
            .to_owned();
    }
    format!("there is no result under this key; near it there are {}", near.join(", "))
}

/// Shows on a terminal while `work` runs how many records were read.
fn with_count<T: Send>(progress: &Progress, work: impl FnOnce() -> T + Send) -> T {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let done = looked_after(work, || {
        bar.set_message(format!("{} records read", progress.records.load(Ordering::Relaxed)));
        bar.tick();
    });
    bar.finish_and_clear();
    done
}

/// Does `work` on another thread, and looks after it now and then.
fn looked_after<T: Send>(work: impl FnOnce() -> T + Send, look: impl Fn()) -> T {
    thread::scope(|scope| {
        let watcher = thread::current();
        let work = scope.spawn(move || {
            let done = work();
            watcher.unpark();
            done
        });
        while !work.is_finished() {
            thread::park_timeout(LOOK);
            look();
        }
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Explains for a gateway.
pub(super) struct ForGateway {
    site: Site,
    /// The log of the site, with partitions that were added since that was opened.
    log: Mutex<Arc<dyn EventLog>>,
    given: Rules,
}

impl ForGateway {
    pub(super) fn new(site: &Site, config: &Config) -> Self {
        let (site, log) = (site.clone(), Mutex::new(Arc::clone(&site.log)));
        let given = given(config, site.log.partitions());
        Self { site, log, given }
    }

    fn log(&self) -> Arc<dyn EventLog> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that is away says so when it is read.
        if let Ok(Some(grown)) = log.grown() {
            *log = grown;
        }
        Arc::clone(&log)
    }
}

impl Explain for ForGateway {
    fn explain(&self, key: &str, limit: usize, stop: &AtomicBool) -> Result<String, Unexplained> {
        let key = Key::parse(key).map_err(|error| Unexplained::NoKey(error.to_string()))?;
        let progress = Progress::default();
        let site = Site { log: self.log(), ..self.site.clone() };
        let mut given = self.given.clone();
        given.input.partitions = site.log.partitions();
        let explainer =
            Explainer { origin: origin(&site), given, limit, late: false, progress: &progress };
        let explained = looked_after(
            || explainer.explain(&[key]),
            || progress.stop.store(stop.load(Ordering::Relaxed), Ordering::Relaxed),
        );
        let explained = explained.map_err(|error| Unexplained::Failed(error.to_string()))?;
        let explanation = explained.first();
        let explanation =
            explanation.ok_or_else(|| Unexplained::Failed("nothing was explained".to_owned()))?;
        match explanation.outcome {
            Outcome::NotFound => Err(Unexplained::Unknown(nothing_there(explanation))),
            _ => Ok(explanation.json()),
        }
    }
}
