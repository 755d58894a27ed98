//! `streamgauge replay`.

mod bar;
mod into;
mod log;

use super::cores;
use super::interrupt::on_interrupt;
use anyhow::{Result, ensure};
use bar::{ToRead, with_bar};
use cpu_time::ProcessTime;
use log::OpenLog;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use streamgauge::cli::{Destination, ReplayArgs};
use streamgauge::config::Surroundings;
use streamgauge::dataflow::Settings;
use streamgauge::publish::Output;
use streamgauge::replay::{Cut, Failed, Input, Replay, Summary, Verified, Wanted};
use streamgauge::settings::{alerts, funnels, input_settings, live_pace, step_texts, windows};
use streamgauge::time::Pace;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::settings::InputSettings;

pub(crate) fn replay(args: &ReplayArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    args.check_files()?;
    let (started, cpu) = (Instant::now(), ProcessTime::now());
    let log = args.reads_log().then(|| OpenLog::open(args, &config)).transpose()?;
    let partitions = log.as_ref().map_or(args.partitions, |log| log.site.log.partitions());
    // What is verified, or takes the place of a job's, has what the job has.
    let as_a_job = args.verify || args.to == Destination::Log;
    let has_days = if as_a_job { config.site.has_days } else { args.days };
    let input = InputSettings { days: has_days, ..input_settings(&config, partitions) };
    let funnels = funnels(&config);
    let outputs = wanted(args);
    // What is provisional goes to nobody but those who look on.
    let streamed = !args.final_only && !matches!(args.to, Destination::Nowhere | Destination::Log);
    let digests = args.summary.is_some();
    let dataflow = Settings {
        windows: windows(&config, has_days),
        funnels: funnels.clone(),
        alerts: alerts(&config),
        output: Output { provisional: streamed, digests },
    };
    let pace = Pace {
        provisional: streamed,
        provisional_epochs: config.time.provisional_epochs,
        // As it was live, where epochs are as they were live.
        correction_epochs: match log.as_ref().is_some_and(|log| log.is_bound) {
            true => live_pace(&config).correction_epochs,
            false => 1,
        },
    };
    let progress = Arc::new(Progress::default());
    let stop = Arc::clone(&progress);
    on_interrupt(move || stop.stop.store(true, Ordering::SeqCst))?;
    let workers = config.job.worker_threads(cores());
    let resumed = match &log {
        Some(log) if args.verify => log.resumed(&config, workers)?,
        _ => None,
    };
    let log_input = match &log {
        Some(log) => Some(log.input(args, &config, resumed.as_ref())?),
        None => None,
    };
    // What came before is not compared.
    let against = match log_input.as_ref().map(|input| &input.cut) {
        Some(Cut::Bound { results, begin, .. }) if args.verify => Some((*results, begin.next)),
        _ => None,
    };
    let to_read = match &log_input {
        Some(input) => ToRead::Records(input.cut.offsets(input.log)?),
        None => ToRead::bytes(&args.from),
    };
    let source = log.as_ref().map(|log| log.site.directory.as_path());
    let to_log = args.into.as_ref().map(|into| into::open(into, &config, source)).transpose()?;
    let replay = Replay {
        from: match &log_input {
            Some(input) => Input::Log(input),
            None => Input::Files(&args.from),
        },
        input: &input,
        dataflow: &dataflow,
        pace,
        epoch_records: u64::from(args.epoch_records),
        workers,
        outputs: &outputs,
        to_log: to_log.as_deref(),
        against,
        progress: Arc::clone(&progress),
    };
    let counts = with_bar(args, to_read, &progress, || replay.run())
        .map_err(|failed| explain(args, failed))?;
    let funnels: Vec<_> = funnels
        .into_iter()
        .map(|f| {
            let texts = step_texts(&f);
            (f, texts)
        })
        .collect();
    let summary = Summary {
        source: &counts.source,
        output: &counts.output,
        settings: &input,
        funnels: &funnels,
        alerts: &dataflow.alerts,
        has_days,
        wall: started.elapsed(),
        cpu: cpu.elapsed(),
        interrupted: !progress.complete.load(Ordering::SeqCst),
        keeps_dead_letters: args.dead_letters.is_some(),
    };
    tell(args, &summary)?;
    if let Some(verified) = counts.verified {
        ensure!(
            !summary.interrupted,
            "not verified, as it was interrupted: {}; begin again, and let it come to its end",
            match verified.equal {
                0 => "nothing was compared yet".to_owned(),
                equal => format!("{equal} records up to epoch {} are equal", verified.epoch),
            }
        );
        tell_verified(verified);
    }
    Ok(())
}

fn tell_verified(Verified { equal, no_longer_kept, from, epoch }: Verified) {
    let gone = match no_longer_kept {
        0 => String::new(),
        count => {
            format!(
                "; {count} more are no longer kept: superseded, ended, cut by retention, or larger than their topic takes"
            )
        }
    };
    let since = match from {
        0 => String::new(),
        from => format!(" from epoch {from}"),
    };
    if equal == 0 && no_longer_kept == 0 {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "nothing was compared: there are no results{since}");
        return;
    }
    // Without a stderr there is nobody to tell.
    let _ = writeln!(
        io::stderr(),
        "verified: {equal} committed records{since} up to epoch {epoch} are equal to what was computed again{gone}"
    );
}

/// Says what became of the outputs, and gives the reason.
fn explain(args: &ReplayArgs, failed: Failed) -> anyhow::Error {
    if let Some(into) = &args.into {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "what is in {into} is incomplete: begin again elsewhere");
    }
    for path in &failed.incomplete {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "what is in {} is incomplete", path.display());
    }
    failed.error.into()
}

fn wanted(args: &ReplayArgs) -> Wanted {
    Wanted {
        results: match &args.to {
            Destination::File(path) => Some(path.clone()),
            Destination::Stdout | Destination::Nowhere | Destination::Log => None,
        },
        results_to_stdout: args.to == Destination::Stdout,
        alerts: args.alerts.clone(),
        dead_letters: args.dead_letters.clone(),
        final_only: args.final_only,
    }
}

/// The summary for people, and as the last line the one for programs.
fn tell(args: &ReplayArgs, summary: &Summary<'_>) -> Result<()> {
    let mut text = summary.text().into_bytes();
    if args.summary.is_some() {
        text.extend_from_slice(&summary.json());
        text.push(b'\n');
    }
    // Without a stderr there is nobody to tell.
    let _ = io::stderr().write_all(&text);
    Ok(())
}
