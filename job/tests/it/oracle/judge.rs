//! What becomes of each record: its partition and offset, the watermarks after it, its fate.
//!
//! Invariant: a record is judged by itself and the records before it alone.
//!
//! It reads a log as files are read: there is no time of appending, so nothing is ahead of it.

use super::Settings;
use super::dead_letters::{self, Head};
use super::decode::{Decoded, decode};
use super::event::{Event, EventKind, Family, Reason};
use super::partitions::Partitions;

/// A record and what became of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The partition, by the key.
    pub partition: u32,
    /// The place within the partition, from 0.
    pub offset: u64,
    /// What it says, if it is well-formed: whatever became of it.
    pub event: Option<Event>,
    /// Accepted, or why not.
    pub fate: Fate,
    /// The families that do not take it because it is late for them, in their order.
    pub late_for: Vec<Family>,
    /// Whether it is by a bot, and no duplicate.
    pub bot: bool,
    /// The watermark of its partition after it; `None` before there is one.
    pub partition_watermark_ms: Option<i64>,
    /// The global watermark after it; `None` before there is one.
    pub global_watermark_ms: Option<i64>,
    /// By how much it moved its partition's watermark, if there was one.
    pub moved_ms: Option<i64>,
    pub(super) head: Head,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It counts, at least among unknown types.
    Accepted,
    /// It repeats an event.
    Duplicate,
    /// It is a dead letter only.
    Rejected(Reason),
}

impl Judged {
    /// The event, if results of this family are made from it.
    pub(super) fn taken_by(&self, family: Family) -> Option<&Event> {
        let event = self.event.as_ref().filter(|event| event.kind != EventKind::Unknown)?;
        let taken = self.fate == Fate::Accepted && !self.bot && !self.late_for.contains(&family);
        taken.then_some(event)
    }
}

/// The records of a file: its lines, which end at `\n`, `\r\n` or with the file.
#[must_use]
pub fn records_of(file: &[u8]) -> Vec<Vec<u8>> {
    file.split_inclusive(|byte| *byte == b'\n')
        .map(|line| match line {
            [value @ .., b'\r', b'\n'] | [value @ .., b'\n'] => value.to_vec(),
            last => last.to_vec(),
        })
        .collect()
}

/// Judges the records of a log in the order of the file.
#[must_use]
pub fn judge(values: &[Vec<u8>], s: &Settings) -> Vec<Judged> {
    let mut partitions = Partitions::new(s);
    let judged = values.iter().map(|value| judge_next(&mut partitions, value, s));
    judged.collect()
}

fn judge_next(partitions: &mut Partitions, value: &[u8], s: &Settings) -> Judged {
    let Decoded { key, event } = decode(value, s.max_bytes);
    let taken = partitions.next(key.as_deref(), event.as_ref().ok(), s);
    let mut judged = Judged {
        partition: taken.partition,
        offset: taken.offset,
        fate: event.as_ref().map_or_else(|reason| Fate::Rejected(*reason), |_| Fate::Accepted),
        event: event.ok(),
        late_for: Vec::new(),
        bot: false,
        partition_watermark_ms: taken.watermark_ms,
        global_watermark_ms: taken.global_watermark_ms,
        moved_ms: taken.moved_ms,
        head: dead_letters::head(value),
    };
    decide(&mut judged, taken.is_duplicate, s);
    judged
}

/// Duplicates first, then bots; what is left and of a known type may be late.
fn decide(judged: &mut Judged, duplicate: bool, s: &Settings) {
    let (Some(event), Some(watermark_ms)) = (&judged.event, judged.partition_watermark_ms) else {
        return;
    };
    if duplicate {
        judged.fate = Fate::Duplicate;
        return;
    }
    judged.bot =
        s.exclude_bots.is_some_and(|is_bot| event.user_agent.as_deref().is_some_and(is_bot));
    if judged.bot || event.kind == EventKind::Unknown {
        return;
    }
    let late = |family: &Family| {
        family.slice_end_ms(event.timestamp_ms, s.session_gap_ms) + s.lateness_ms <= watermark_ms
    };
    judged.late_for = Family::ALL.into_iter().filter(late).collect();
    if judged.late_for.len() == Family::ALL.len() {
        judged.fate = Fate::Rejected(Reason::Late);
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{self, event, page_view};
    use super::*;

    #[test]
    fn lines_end_at_line_ends_and_with_the_file() {
        let check = |file: &str, expected: &[&str]| {
            let lines: Vec<String> = records_of(file.as_bytes())
                .into_iter()
                .map(|line| String::from_utf8(line).unwrap())
                .collect();
            assert_eq!(lines, expected, "{file:?}");
        };
        check("", &[]);
        check("\n", &[""]);
        check("a\r\n\nb\rc\nd\r", &["a", "", "b\rc", "d\r"]);
    }

    #[test]
    fn late_is_judged_by_family() {
        let check = |behind_s: i64, expected: &[Family], fate| {
            let s = Settings { partitions: 1, ..Settings::default() };
            // The watermark stands at 999,995 s, a multiple of 5 s but not of 10 s.
            let values = [
                page_view("a", 1_000_000_000, "/"),
                page_view("a", (999_995 - behind_s) * 1000, "/"),
            ];
            let judged = judge(&values, &s);
            assert_eq!(
                (judged[1].late_for.as_slice(), judged[1].fate),
                (expected, fate),
                "{behind_s}"
            );
        };
        use Family::{Alerts, Business, RealTime, Session};
        check(600, &[], Fate::Accepted);
        check(605, &[RealTime], Fate::Accepted);
        check(616, &[RealTime, Business], Fate::Accepted);
        check(1_000, &[RealTime, Business, Alerts], Fate::Accepted);
        check(2_399, &[RealTime, Business, Alerts], Fate::Accepted);
        check(2_400, &[RealTime, Business, Alerts, Session], Fate::Rejected(Reason::Late));
    }

    #[test]
    fn duplicates_are_known_as_long_as_a_family_could_take_them() {
        let check = |q_ms: i64, r_ms: i64, other: &str, dedup, expected| {
            let s = Settings { partitions: 1, dedup, ..Settings::default() };
            let id = |id: &str| format!(r#","eventId":"{id}""#);
            let values =
                [event("a", q_ms, "ASSET", &id("x")), event("a", r_ms, "PAGE_VIEW", &id(other))];
            assert_eq!(judge(&values, &s)[1].fate, expected, "{q_ms} {r_ms} {other}");
        };
        let kept_ms = 1_800_000 + 600_000;
        check(0, 1_000, "x", true, Fate::Duplicate);
        check(0, 1_000, "x", false, Fate::Accepted);
        check(0, 1_000, "y", true, Fate::Accepted);
        check(0, kept_ms + 4_999, "x", true, Fate::Duplicate);
        check(0, kept_ms + 5_000, "x", true, Fate::Accepted);
        check(kept_ms, 0, "x", true, Fate::Duplicate);
    }

    #[test]
    fn excluded_bots_are_never_late() {
        let s = Settings {
            partitions: 1,
            exclude_bots: Some(|agent| agent == "bot"),
            ..Settings::default()
        };
        let by_bot = event("a", 0, "PAGE_VIEW", r#","sessionData":{"userAgent":"bot"}"#);
        let judged =
            judge(&[page_view("a", 1_000_000_000, "/"), by_bot, page_view("a", 0, "/")], &s);
        let fates: Vec<Fate> = judged.iter().map(|j| j.fate).collect();
        assert_eq!(fates, [Fate::Accepted, Fate::Accepted, Fate::Rejected(Reason::Late)]);
        assert!(judged[1].bot && judged[1].taken_by(Family::Session).is_none());
        assert_eq!(example::by_family(&judged[0]), [true; 4]);
    }
}
