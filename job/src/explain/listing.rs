//! Records of results: each gets a verdict, all are counted, and the first are listed.

use super::times::rfc3339;
use serde::Serialize;
use std::collections::BTreeMap;
use streamgauge_ingest::decode::{Decoded, Decoder, Kind, Reason};
use streamgauge_ingest::judge::{Fate, Judged};
use streamgauge_ingest::lateness::Family;

/// What became of a record, for one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is one of those that the result counts.
    Counted,
    /// It is in the result's window, and not of what is counted: at most its user is.
    Taken,
    /// It came too late for results of this family.
    Late,
    /// Its event id was seen before.
    Duplicate,
    /// It is a bot's, and bots are excluded.
    Bot,
    /// Its type is not known.
    UnknownType,
    /// Its timestamp lies too far ahead of its appending.
    Future,
    /// It was bound after the epoch of the published record.
    BoundLater,
}

impl Verdict {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Taken => "taken",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Bot => "bot",
            Self::UnknownType => "unknown_type",
            Self::Future => "future",
            Self::BoundLater => "bound_later",
        }
    }

    fn is_in(self) -> bool {
        matches!(self, Self::Counted | Self::Taken)
    }
}

/// A record, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Its event time, ms since the Unix epoch.
    pub timestamp: i64,
    /// Its type, as it says.
    pub event_type: String,
    /// Its user.
    pub user: String,
    /// Its session id.
    pub session: String,
    /// What became of it.
    pub verdict: Verdict,
    /// As what it counts, or why it does not.
    pub reason: String,
}

/// Records, counted by verdict; some of them are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) counts: BTreeMap<Verdict, u64>,
    counted: Vec<Listed>,
    taken: Vec<Listed>,
    left_out: Vec<Listed>,
    limit: usize,
}

impl Records {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Notes a record; `describe` is asked only for what is listed.
    pub(super) fn note(&mut self, verdict: Verdict, describe: impl FnOnce() -> Option<Listed>) {
        *self.counts.entry(verdict).or_default() += 1;
        let list = match verdict {
            Verdict::Counted => &mut self.counted,
            Verdict::Taken => &mut self.taken,
            _ => &mut self.left_out,
        };
        if list.len() < self.limit {
            list.extend(describe());
        }
    }

    /// None yet, with the same limit.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.limit)
    }

    /// Adds others, behind those that are here.
    pub(super) fn append(&mut self, others: &Self) {
        for (verdict, n) in &others.counts {
            *self.counts.entry(*verdict).or_default() += n;
        }
        let lists = [
            (&mut self.counted, &others.counted),
            (&mut self.taken, &others.taken),
            (&mut self.left_out, &others.left_out),
        ];
        for (list, more) in lists {
            let room = self.limit - list.len();
            list.extend(more.iter().take(room).cloned());
        }
    }

    /// The listed ones by time. Of those that were left out there are so many that half
    /// of the places, or all that the others leave free, are taken; of the other places
    /// those that are not counted have half in the same way.
    pub(super) fn listed(&self) -> Vec<Listed> {
        let limit = self.limit;
        let left_out = share(limit, self.counted.len() + self.taken.len(), limit.div_ceil(2));
        let left_out = self.left_out.iter().take(left_out);
        let room = limit - left_out.len();
        let taken = self.taken.iter().take(share(room, self.counted.len(), room / 2));
        let counted = self.counted.iter().take(room - taken.len());
        let mut listed: Vec<_> = counted.chain(taken).chain(left_out).cloned().collect();
        listed.sort_by_key(|l| (l.timestamp, l.partition, l.offset));
        listed
    }
}

/// How many of some places some may have: `least`, or what so many others leave free.
fn share(places: usize, others: usize, least: usize) -> usize {
    places.saturating_sub(others).max(least)
}

/// What is read of all records, whatever they are to a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) records: u64,
    pub(super) rejected: BTreeMap<&'static str, u64>,
}

impl Read {
    pub(super) fn note(&mut self, judged: &Judged<'_>) {
        self.records += 1;
        if let Fate::Rejected(reason) = judged.fate {
            *self.rejected.entry(reason.as_str()).or_default() += 1;
        }
    }
}

/// The verdict on a record for results of a family, as far as it is not the result's own
/// affair: none for those that are rejected and have no time.
pub(super) fn verdict(judged: &Judged<'_>, family: Family, is_later: bool) -> Option<Verdict> {
    Some(match judged.fate {
        Fate::Rejected(Reason::Future) => Verdict::Future,
        Fate::Rejected(_) => return None,
        Fate::Duplicate => Verdict::Duplicate,
        Fate::Bot => Verdict::Bot,
        Fate::UnknownType => Verdict::UnknownType,
        Fate::Known(late) if late.contains(family) => Verdict::Late,
        Fate::Known(_) if is_later => Verdict::BoundLater,
        Fate::Known(_) => Verdict::Taken,
    })
}

/// Why a record was left out, in words.
fn why(verdict: Verdict, judged: &Judged<'_>, epoch: u64) -> String {
    match verdict {
        Verdict::Counted | Verdict::Taken => String::new(),
        Verdict::Late => {
            format!("the watermark of its partition was {}", rfc3339(judged.watermark_ms))
        }
        Verdict::Duplicate => "its event id was seen before".to_owned(),
        Verdict::Bot => "its user agent is a bot's, and bots are excluded".to_owned(),
        Verdict::UnknownType => "such events take part in no result".to_owned(),
        Verdict::Future => match judged.appended_ms {
            Some(ms) => format!("it was appended at {}", rfc3339(ms)),
            None => String::new(),
        },
        Verdict::BoundLater => format!("it was bound in epoch {epoch}, after this record"),
    }
}

/// A record as it is listed; none if it cannot be decoded.
pub(super) fn listed(
    decoder: &mut Decoder,
    judged: &Judged<'_>,
    verdict: Verdict,
    epoch: u64,
    in_words: impl FnOnce(&Decoded<'_>) -> String,
) -> Option<Listed> {
    let value = judged.value?;
    let event = decoder.decode(value).ok()?;
    Some(Listed {
        partition: judged.partition,
        offset: judged.offset,
        timestamp: event.timestamp_ms,
        event_type: match event.kind {
            Kind::Unknown => event_type(value),
            kind => kind.name().to_owned(),
        },
        user: event.user.to_owned(),
        session: event.session.to_owned(),
        reason: if verdict.is_in() { in_words(&event) } else { why(verdict, judged, epoch) },
        verdict,
    })
}

fn event_type(value: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        event_type: String,
    }
    serde_json::from_slice::<Typed>(value).map(|typed| typed.event_type).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(timestamp: i64, verdict: Verdict) -> Listed {
        let text = String::new;
        let (partition, offset) = (0, 0);
        let (event_type, user, session, reason) = (text(), text(), text(), text());
        Listed { partition, offset, timestamp, event_type, user, session, verdict, reason }
    }

    /// The times of what is listed of so many counted records and so many late ones.
    fn listed(counted: i64, late: i64, limit: usize) -> Vec<i64> {
        listed_of([counted, 0, late], limit)
    }

    /// The same of counted, taken and late ones, those of each kind from another time on.
    fn listed_of(records_of: [i64; 3], limit: usize) -> Vec<i64> {
        let kinds = [Verdict::Counted, Verdict::Taken, Verdict::Late];
        let mut records = Records::new(limit);
        for ((verdict, n), from) in kinds.into_iter().zip(records_of).zip([0, 50, 100]) {
            for at in from..from + n {
                records.note(verdict, || Some(record(at, verdict)));
            }
        }
        let all = kinds.into_iter().zip(records_of);
        let all = all.into_iter().filter(|(_, n)| *n > 0);
        assert_eq!(records.counts, all.map(|(v, n)| (v, n.unsigned_abs())).collect());
        records.listed().iter().map(|l| l.timestamp).collect()
    }

    #[test]
    fn what_was_left_out_has_its_share_of_the_list() {
        assert_eq!(listed(2, 1, 4), [0, 1, 100]);
        assert_eq!(listed(9, 0, 4), [0, 1, 2, 3]);
        assert_eq!(listed(9, 1, 4), [0, 1, 2, 100]);
        assert_eq!(listed(9, 9, 4), [0, 1, 100, 101]);
        assert_eq!(listed(1, 9, 4), [0, 100, 101, 102]);
        assert_eq!(listed(9, 9, 0), [0_i64; 0]);
    }

    #[test]
    fn what_is_counted_has_its_share_however_much_is_taken_before() {
        assert_eq!(listed_of([2, 9, 0], 4), [0, 1, 50, 51]);
        assert_eq!(listed_of([9, 9, 0], 5), [0, 1, 2, 50, 51]);
        assert_eq!(listed_of([1, 9, 0], 4), [0, 50, 51, 52]);
        assert_eq!(listed_of([9, 9, 9], 4), [0, 50, 100, 101]);
        assert_eq!(listed_of([9, 1, 0], 1), [0]);
    }

    #[test]
    fn records_are_joined_up_to_the_limit() {
        let mut all = Records::new(2);
        let mut others = all.empty();
        for at in 0..3 {
            others.note(Verdict::Counted, || Some(record(at, Verdict::Counted)));
        }
        all.note(Verdict::Counted, || Some(record(9, Verdict::Counted)));
        all.append(&others);
        assert_eq!(all.counts, BTreeMap::from([(Verdict::Counted, 4)]));
        assert_eq!(all.listed().iter().map(|l| l.timestamp).collect::<Vec<_>>(), [0, 9]);
    }
}
