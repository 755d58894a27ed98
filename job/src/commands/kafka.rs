//! What is said of a Kafka that does not answer: while it is waited for, and at last.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::log::{KafkaSettings, LogError};
use streamgauge_sink::results::ResultError;
use streamgauge_sink::topics::AdminError;

/// A question that takes longer is no silent one.
const SILENT: Duration = Duration::from_secs(2);

/// Asks; says so where that takes long.
pub(super) fn asking<T>(kafka: &KafkaSettings, ask: impl FnOnce() -> T) -> T {
    let (asked, is_asked) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if is_asked.recv_timeout(SILENT) == Err(RecvTimeoutError::Timeout) {
                let brokers = &kafka.brokers;
                // Without a stderr there is nobody to tell.
                let _ = writeln!(io::stderr(), "waiting for an answer of Kafka at {brokers}");
            }
        });
        let answer = ask();
        drop(asked);
        answer
    })
}

/// What to do about an error, if it is that no broker answers.
pub(crate) fn what_to_do(error: &anyhow::Error) -> Option<&'static str> {
    let is_away = error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(LogError::Away { .. }))
            || matches!(cause.downcast_ref(), Some(ResultError::Away { .. }))
            || matches!(cause.downcast_ref(), Some(AdminError { is_away: true, .. }))
    });
    is_away.then_some(
        "see whether the brokers run and [kafka] is right; `streamgauge doctor` looks further",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgauge::explain::ExplainError;
    use streamgauge::replay::{LogInputError, ReplayError};
    use streamgauge_ingest::source::SourceError;

    #[test]
    fn a_kafka_that_is_away_is_known_however_deep_it_is_said() {
        let (what, reason) = ("cannot read".to_owned(), "refused".to_owned());
        let log = || LogError::Away { what: what.clone(), reason: reason.clone() };
        let results = ResultError::Away { what: what.clone(), reason: reason.clone() };
        let deep: [anyhow::Error; 4] = [
            log().into(),
            ExplainError::Results(results).into(),
            ExplainError::Source(SourceError::Log(log())).into(),
            ReplayError::Log(LogInputError::Source(SourceError::Log(log()))).into(),
        ];
        for error in deep {
            assert!(what_to_do(&error).is_some(), "{error:?}");
        }
        let other = anyhow::Error::from(LogError::Storage { what, reason });
        assert_eq!(what_to_do(&other), None);
    }
}
