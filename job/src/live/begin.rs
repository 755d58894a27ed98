//! The beginning of a job, which waits for logs that are away.

use super::run::{Job, LiveError};
use super::start::{Start, StartError};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::log::LogError;
use streamgauge_ingest::source::{Pacing, Source, SourceError};
use streamgauge_sink::results::{ResultError, ResultWriter};

/// How often a log that is away is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// What a job begins with.
pub(super) struct Begun<'a> {
    pub(super) results: Box<dyn ResultWriter>,
    pub(super) start: Start,
    pub(super) source: Source<'a>,
}

/// Takes the right to write, then finds where the job begins and makes the source that
/// begins there. It waits for logs that are away; none if it is asked to end meanwhile.
pub(super) fn begin<'a>(job: &Job<'a>) -> Result<Option<Begun<'a>>, LiveError> {
    // First of all: an older job must not go on beside this one.
    let Some(results) = patiently(job, || Ok(job.results.writer()?))? else {
        return Ok(None);
    };
    let pacing = Pacing { epoch_ms: job.tuning.epoch_ms, settings_hash: job.settings.0 };
    let begun = patiently(job, || {
        let start = Start::find(job.results, job.storage, job.log, job.workers, &job.settings)?;
        let after = start.after.as_ref();
        let source = Source::new(job.log, job.clock, job.input, pacing, after)?;
        Ok((start, source))
    })?;
    Ok(begun.map(|(start, source)| Begun { results, start, source }))
}

/// Tries something until what it needs is not away; none if the job is asked to end.
fn patiently<T>(
    job: &Job<'_>,
    mut attempt: impl FnMut() -> Result<T, LiveError>,
) -> Result<Option<T>, LiveError> {
    let mut is_told = false;
    while !job.stop.load(Ordering::SeqCst) {
        let away = match attempt() {
            Err(error) if is_away(&error) => error,
            done => return done.map(Some),
        };
        if !is_told {
            (job.tell)(&format!("{away}; it is waited for"));
            is_told = true;
        }
        thread::sleep(AGAIN);
    }
    Ok(None)
}

fn is_away(error: &LiveError) -> bool {
    matches!(
        error,
        LiveError::Start(
            StartError::Log(LogError::Away { .. }) | StartError::Results(ResultError::Away { .. })
        ) | LiveError::Source(SourceError::Log(LogError::Away { .. }))
            | LiveError::Results(ResultError::Away { .. })
    )
}
