//! `streamgauge launch`: a job in several processes of this machine, started again when
//! one of them ends that was not asked to.
//!
//! Invariant: no process is started while one of an earlier life is there. It skips
//! nothing: what makes the job crash twice is named, and left to people.

mod crashes;
mod life;

use super::cores;
use super::interrupt::on_interrupt;
use super::site::{Site, USUAL, directory};
use anyhow::{Context, Result, bail};
use crashes::Crashes;
use life::{Life, Outcome, Start};
use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::cli::{LaunchArgs, POINTLESS};
use streamgauge::config::Surroundings;
use streamgauge_sink::webhook::{Backoff, random};

/// Pauses between a crash and the next start, at most.
const PAUSES: Backoff = Backoff { first_ms: 500, most_ms: 30_000 };
/// How often is looked whether there is something to do.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn launch(args: &LaunchArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    args.check()?;
    let directory = directory(&config, USUAL);
    let shown = directory.display();
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make the data directory {shown}"))?;
    let processes = usize::try_from(args.processes)?;
    let workers = match config.job.workers {
        0 => (cores() / processes).max(1),
        workers => workers,
    };
    let mut flags = vec!["--data-dir".into(), directory.clone().into_os_string()];
    if let Some(file) = &args.file.config {
        flags.extend(["--config".into(), file.clone().into_os_string()]);
    }
    let start = Start { processes, workers, flags };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    on_interrupt(move || asked.store(true, Ordering::SeqCst))?;
    let jitter = random();
    let own = config.clone();
    let mut crashes =
        Crashes::new(Box::new(move || Ok(Site::open_to_stay(&directory, &own)?.results)));
    loop {
        let mut life = Life::start(&start)?;
        let what = match life.watch(&stop) {
            Outcome::Done => return Ok(()),
            Outcome::Refused(code) if code == i32::from(POINTLESS) => {
                bail!("another start would not help; what process 0 says is above");
            }
            Outcome::Refused(code) => std::process::exit(code),
            Outcome::Crashed(what) => what,
        };
        if stop.load(Ordering::SeqCst) {
            bail!("{what}, before all had ended; the next start goes on from the last checkpoint");
        }
        let in_a_row = crashes.add(&what)?;
        let pause = Duration::from_millis(PAUSES.pause_ms(in_a_row, &jitter).unsigned_abs());
        tell(&format!("{what}; all begin again at the last checkpoint in {pause:.1?}"));
        let due = Instant::now() + pause;
        while Instant::now() < due {
            if stop.load(Ordering::SeqCst) {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
    }
}

fn tell(text: &str) {
    // Without a stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}
