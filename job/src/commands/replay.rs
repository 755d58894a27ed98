//! `streamgauge replay`.

mod bar;
mod into;
mod log;

use super::cores;
use super::interrupt::on_interrupt;
use anyhow::{Result, bail, ensure};
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
use streamgauge::replay::{Cut, Failed, Input, LogInput, Replay, Summary, Verified, Wanted};
use streamgauge::settings::{alerts, funnels, input_settings, live_pace, step_texts, windows};
use streamgauge::time::Pace;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_sink::results::ResultLog;

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
    let log_input = log.as_ref().map(|log| log.input(args, &config)).transpose()?;
    let against = match &log_input {
        Some(input) => against(args, input, pace)?,
        None => None,
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
        workers: config.job.worker_threads(cores()),
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
        tell_verified(verified);
    }
    Ok(())
}

/// What the replay is held against, and from which epoch on.
fn against<'a>(
    args: &ReplayArgs,
    input: &LogInput<'a>,
    pace: Pace,
) -> Result<Option<(&'a dyn ResultLog, u64)>> {
    let Cut::Bound { results, begin, .. } = &input.cut else {
        ensure!(!args.verify, "nothing was committed yet: there is nothing to compare with");
        return Ok(None);
    };
    if !args.verify {
        return Ok(None);
    }
    let Some(from) = begin.first_whole(input.log, *results, pace.correction_epochs)? else {
        bail!(
            "nothing that was committed can be computed again exactly: results depend on the three days before, and the log has no events from so long before the first bindings that are kept; `checkpoint.keep_bindings` and the retention of the log say how long they are kept"
        )
    };
    Ok(Some((*results, from)))
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
