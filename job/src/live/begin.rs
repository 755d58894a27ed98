//! The beginning of a job, which waits for a log that is away.

use super::run::{Job, LiveError};
use super::start::{Start, StartError};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::log::LogError;
use streamgauge_ingest::source::{Pacing, Source, SourceError};

/// How often a log that is away is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// Where the job begins, and the source that begins there. It waits for a log that is
/// away; none if it is asked to end meanwhile.
pub(super) fn begin<'a>(job: &Job<'a>) -> Result<Option<(Start, Source<'a>)>, LiveError> {
    let pacing = Pacing { epoch_ms: job.tuning.epoch_ms, settings_hash: job.settings.0 };
    let mut is_told = false;
    while !job.stop.load(Ordering::SeqCst) {
        let begun = Start::find(job.results, job.storage, job.log, job.workers, &job.settings)
            .map_err(LiveError::from)
            .and_then(|start| {
                let after = start.after.as_ref();
                let source = Source::new(job.log, job.clock, job.input, pacing, after)?;
                Ok((start, source))
            });
        let away = match begun {
            Err(
                LiveError::Start(StartError::Log(away @ LogError::Away { .. }))
                | LiveError::Source(SourceError::Log(away @ LogError::Away { .. })),
            ) => away,
            begun => return begun.map(Some),
        };
        if !is_told {
            (job.tell)(&format!("{away}; it is waited for"));
            is_told = true;
        }
        thread::sleep(AGAIN);
    }
    Ok(None)
}
