//! The closing summary: how many of what, and one number for all of it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::event::{EventKind, Family, Reason};
use super::judge::{Fate, Judged};
use super::record::array;

/// The types of results that there always are, in the order of the summary.
const METRICS: [&str; 19] = [
    "PAGE_VIEWS_PER_SECOND",
    "ACTIVE_USERS",
    "ACTIVE_USERS_5M",
    "BOUNCE_RATE",
    "AVERAGE_SESSION_DURATION",
    "CONVERSION_RATE",
    "REVENUE_PER_USER",
    "POPULAR_CONTENT",
    "GEO_DISTRIBUTION",
    "DEVICES",
    "BROWSERS",
    "OS",
    "REFERRERS",
    "PAGE_LOAD_TIME",
    "SESSION",
    "JOURNEYS",
    "FUNNEL",
    "BEHAVIOUR",
    "ABANDONMENT_RATE",
];

/// The types of results that there are where days are on, behind the others.
const DAY_METRICS: [&str; 15] = [
    "DAY_VISITORS",
    "DAY_PAGE_VIEWS",
    "DAY_CONVERSIONS",
    "DAY_REVENUE",
    "DAY_SESSIONS",
    "DAY_BOUNCE_RATE",
    "DAY_AVERAGE_SESSION_DURATION",
    "DAY_PAGES",
    "DAY_REFERRERS",
    "DAY_COUNTRIES",
    "DAY_DEVICES",
    "DAY_CAMPAIGNS",
    "DAY_ENTRY_PAGES",
    "DAY_EXIT_PAGES",
    "DAY_HOURS",
];

const DAY_MS: i64 = 86_400_000;
const JUMPS_SHOWN: usize = 100;

/// Counts of records and results. Maps have all their keys, those with 0 too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// All records.
    pub read: u64,
    /// Those that count, unknown types and partly late ones among them.
    pub accepted: u64,
    /// Those that are dead letters only, by reason.
    pub dead_letters: BTreeMap<&'static str, u64>,
    /// Those that some families take and others do not.
    pub partly_late: u64,
    /// Those that a family did not take because they were late, by family.
    pub late: BTreeMap<&'static str, u64>,
    /// Those that repeat an event.
    pub duplicates: u64,
    /// Those of an unknown type.
    pub unknown_types: u64,
    /// Those by bots; 0 where bots are not excluded, for then nobody knows here.
    pub bots: u64,
    /// Leaves of the wrong type in all well-formed records.
    pub bad_leaves: u64,
    /// Results by type.
    pub results: BTreeMap<&'static str, u64>,
    /// Alerts that fire.
    pub alerts: u64,
    /// The first records that moved a watermark by more than a day.
    pub jumps: Vec<Jump>,
    /// 64 hex digits.
    pub digest: String,
}

/// A record that moved its partition's watermark by more than a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jump {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// By how much, in ms.
    pub ms: i64,
}

pub(super) fn summary(
    judged: &[Judged],
    results: &BTreeMap<String, String>,
    alerts: &[String],
    has_days: bool,
) -> Summary {
    let day_metrics: &[&str] = if has_days { &DAY_METRICS } else { &[] };
    let count = |holds: &dyn Fn(&Judged) -> bool| {
        number(judged.iter().filter(|record| holds(record)).count())
    };
    let well_formed =
        || judged.iter().filter_map(|record| record.event.as_ref().map(|event| (record, event)));
    let unknown = well_formed().filter(|(record, event)| {
        event.kind == EventKind::Unknown && record.fate != Fate::Duplicate
    });
    let of_metric = |metric: &str| {
        number(results.keys().filter(|key| key.split('|').next() == Some(metric)).count())
    };
    Summary {
        read: number(judged.len()),
        accepted: count(&|record| record.fate == Fate::Accepted),
        dead_letters: Reason::ALL
            .map(|reason| (reason.name(), count(&|record| record.fate == Fate::Rejected(reason))))
            .into(),
        partly_late: count(&|record| record.fate == Fate::Accepted && !record.late_for.is_empty()),
        late: Family::ALL
            .map(|family| (family.name(), count(&|record| record.late_for.contains(&family))))
            .into(),
        duplicates: count(&|record| record.fate == Fate::Duplicate),
        unknown_types: number(unknown.count()),
        bots: count(&|record| record.bot),
        bad_leaves: well_formed().map(|(_, event)| event.bad_leaves).sum(),
        results: METRICS
            .iter()
            .chain(day_metrics)
            .map(|metric| (*metric, of_metric(metric)))
            .collect(),
        alerts: number(alerts.len()),
        jumps: jumps(judged),
        digest: digest(results.values().chain(alerts)),
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn jumps(judged: &[Judged]) -> Vec<Jump> {
    let mut jumps: Vec<Jump> = judged
        .iter()
        .filter_map(|record| {
            let ms = record.moved_ms.filter(|ms| *ms > DAY_MS)?;
            Some(Jump { partition: record.partition, offset: record.offset, ms })
        })
        .collect();
    jumps.sort_unstable();
    jumps.truncate(JUMPS_SHOWN);
    jumps
}

/// The sum of the lines' hashes, as 256-bit numbers, modulo 2^256.
fn digest<'a>(lines: impl Iterator<Item = &'a String>) -> String {
    let mut sum = [0_u8; 32];
    for line in lines {
        let hash = Sha256::digest(line.as_bytes());
        let mut carry = false;
        for (place, byte) in sum.iter_mut().zip(hash).rev() {
            let (partial, over) = place.overflowing_add(byte);
            let (whole, over_again) = partial.overflowing_add(u8::from(carry));
            *place = whole;
            carry = over || over_again;
        }
    }
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Summary {
    /// The summary's line, without what depends on a configuration or a clock: `bots`, `settings`
    /// and the seconds.
    #[must_use]
    pub fn line(&self) -> String {
        let map = |names: &[&'static str], counts: &BTreeMap<&'static str, u64>| {
            let fields: Vec<String> = names
                .iter()
                .map(|name| format!(r#""{name}":{}"#, counts.get(name).unwrap_or(&0)))
                .collect();
            format!("{{{}}}", fields.join(","))
        };
        let metrics: Vec<&'static str> = METRICS
            .into_iter()
            .chain(DAY_METRICS)
            .filter(|metric| self.results.contains_key(metric))
            .collect();
        let jumps = self.jumps.iter().map(|jump| {
            format!(
                r#"{{"partition":{},"offset":{},"ms":{}}}"#,
                jump.partition, jump.offset, jump.ms
            )
        });
        format!(
            concat!(
                r#"{{"read":{},"accepted":{},"deadLetters":{},"partlyLate":{},"late":{},"duplicates":{},"unknownTypes":{},"#,
                r#""badLeaves":{},"results":{},"alerts":{},"jumps":{},"digest":"{}"}}"#
            ),
            self.read,
            self.accepted,
            map(&Reason::ALL.map(Reason::name), &self.dead_letters),
            self.partly_late,
            map(&Family::ALL.map(Family::name), &self.late),
            self.duplicates,
            self.unknown_types,
            self.bad_leaves,
            map(&metrics, &self.results),
            self.alerts,
            array(jumps),
            self.digest
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{event, finals_of, page_view, settings};
    use super::super::{Settings, finals, judge};
    use super::*;

    #[test]
    fn digests_are_sums() {
        let check = |lines: &[&str], expected: &str| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(digest(lines.iter()), expected);
        };
        check(&[], &"0".repeat(64));
        check(&["abc"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        // Four times the same: the carries go through all bytes and out at the top.
        check(&["abc"; 4], "e9e05afe3c073fa90505037976b8888ec00d868e585dea72d043fd87c80056b4");
    }

    #[test]
    fn records_are_counted_once() {
        let finals = finals_of(&[
            page_view("a", 0, "/"),
            event("a", 86_400_001, "ASSET", r#","conversionData":{"value":"1"}"#),
            page_view("a", 0, "/"),
            page_view("a", 86_400_001 - 2_000_000, "/"),
            b"{}".to_vec(),
        ]);
        let s = &finals.summary;
        assert_eq!(
            (s.read, s.accepted, s.partly_late, s.unknown_types, s.bad_leaves),
            (5, 3, 1, 1, 1)
        );
        assert_eq!(
            (s.dead_letters["late"], s.dead_letters["missing_field"], s.dead_letters["empty"]),
            (1, 1, 0)
        );
        assert_eq!((s.late["real_time"], s.late["alerts"], s.late["session"]), (2, 2, 1));
        assert_eq!(s.jumps, [Jump { partition: 0, offset: 1, ms: 86_400_001 }]);
    }

    #[test]
    fn duplicates_and_bots_are_counted_apart() {
        let s = Settings { dedup: true, exclude_bots: Some(|agent| agent == "bot"), ..settings() };
        let by_bot =
            event("a", 0, "ASSET", r#","eventId":"x","sessionData":{"userAgent":"bot","os":5}"#);
        let summary = finals(&judge(&[by_bot.clone(), by_bot], &s), &s).summary;
        assert_eq!(
            (
                summary.accepted,
                summary.duplicates,
                summary.bots,
                summary.unknown_types,
                summary.bad_leaves
            ),
            (1, 1, 1, 1, 2)
        );
    }
}
