//! What waits in the log of events while no job says so.

use super::{Findings, Level};
use std::ops::Range;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::EventLog;

/// `last` is what was bound last, if anything was.
pub(super) fn look(last: Option<&Binding>, log: &dyn EventLog, findings: &mut Findings) {
    let bounds = match log.all_bounds() {
        Ok(bounds) => bounds,
        Err(error) => {
            let advice = "see what is said of where the events are";
            findings.add(Level::Problem, "lag", error.to_string(), advice);
            return;
        }
    };
    let Lag { unread, lost } = lag(last, &bounds);
    if lost > 0 {
        findings.add(
            Level::Problem,
            "lag",
            format!("retention has cut {lost} events that were not read"),
            "the job does not go on over what is lost: begin anew with another --data-dir, and keep events longer (`log.retention`, or the retention of the topic)",
        );
    }
    match unread {
        0 => findings.ok("lag", "all events are bound"),
        _ => findings.add(
            Level::Warning,
            "lag",
            format!("{unread} events wait to be read"),
            "start the job: it goes on where it was",
        ),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Lag {
    /// Events behind what is bound.
    unread: u64,
    /// Those that are no longer there.
    lost: u64,
}

/// What waits in partitions with these bounds. Where nothing was bound, a job begins with what
/// is there. Offsets are counted: in a Kafka a few of them are no events.
fn lag(last: Option<&Binding>, bounds: &[Range<u64>]) -> Lag {
    let mut lag = Lag { unread: 0, lost: 0 };
    for (partition, bounds) in (0..).zip(bounds) {
        let part = last.and_then(|b| b.partitions.iter().find(|p| p.partition == partition));
        // Of a partition that was added since, all is to be read.
        let otherwise = if last.is_some() { 0 } else { bounds.start };
        let next = part.map_or(otherwise, |part| part.hi);
        lag.lost += bounds.start.saturating_sub(next);
        lag.unread += bounds.end.saturating_sub(next.max(bounds.start));
    }
    lag
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgauge_ingest::binding::PartitionBinding;

    #[test]
    fn what_waits_is_what_lies_behind_what_is_bound() {
        let part = |partition, hi| PartitionBinding {
            partition,
            lo: 0,
            hi,
            count: hi,
            digest: 0,
            watermark_ms: 0,
        };
        let bound = Binding { partitions: vec![part(0, 5), part(1, 9)], ..Binding::default() };
        let check = |last: Option<&Binding>, unread, lost| {
            assert_eq!(lag(last, &[0..7, 12..20, 3..4]), Lag { unread, lost });
        };
        check(None, 7 + 8 + 1, 0);
        check(Some(&bound), 2 + 8 + 1, 3 + 3);
    }
}
