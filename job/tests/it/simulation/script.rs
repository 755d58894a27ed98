//! What happens to a site: events, some of them late, repeated or broken.

use std::sync::Arc;
use streamgauge::alert::{AlertRule, sequence_spans_ms};
use streamgauge::dataflow::Settings;
use streamgauge::day::Days;
use streamgauge::publish::Output;
use streamgauge::time::Pace;
use streamgauge::window::Windows;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::Pacing;

use super::super::oracle;
use super::super::properties::rule;
use super::world::START_MS;

/// Pseudo-random numbers (xorshift64*).
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 33) % n
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A case.
pub(super) struct Script {
    /// Events still to be made.
    pub(super) events: u64,
    pub(super) dedup: bool,
    pub(super) correction_epochs: u64,
    pub(super) checkpoint_every_ms: i64,
}

pub(super) const PARTITIONS: u32 = 3;
pub(super) const SETTINGS_HASH: u64 = 17;
pub(super) const EPOCH_MS: i64 = 50;
const LATENESS_MS: i64 = 60_000;
const GAP_MS: i64 = 20_000;
const DISORDER_MS: i64 = 5_000;
/// The zone of the days, and more than any case lasts.
const ZONE: &str = "UTC";
const FAR_MS: i64 = 86_400_000;

/// Rules of each kind.
fn rules() -> Vec<oracle::Rule> {
    let sequence = |first: &str, then: &str, without, within_ms| {
        let (first, then) = (first.to_owned(), then.to_owned());
        oracle::When::Sequence { first, then, without, within_ms }
    };
    let threshold = |metric: &str, limit, windows| {
        let metric = metric.to_owned();
        oracle::When::Threshold { metric, above: true, limit, windows }
    };
    let rules = [
        ("a_converts_again", sequence("CONVERSION", "CONVERSION", false, 15_000)),
        ("b_is_busy", threshold("ACTIVE_USERS_5M", 2_000_000, 3)),
        ("c_starts_for_nothing", sequence("SESSION_START", "CONVERSION", true, 8_000)),
        ("d_bounces", threshold("BOUNCE_RATE", 10_000_000, 1)),
    ];
    rules.map(|(name, when)| oracle::Rule { name: name.to_owned(), when }).into()
}

/// The same for the engine.
pub(crate) fn alerts() -> Vec<Arc<AlertRule>> {
    rules().iter().map(rule).collect()
}

impl Script {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            events: 10 + random.below(70),
            dedup: random.percent(50),
            correction_epochs: 1 + random.below(8),
            checkpoint_every_ms: 200 + random.below(2_000) as i64,
        }
    }

    pub(super) fn input(&self) -> InputSettings {
        InputSettings {
            partitions: PARTITIONS,
            allowed_disorder_ms: DISORDER_MS,
            lateness_ms: LATENESS_MS,
            session_gap_ms: GAP_MS,
            dedup: self.dedup,
            sequence_spans_ms: sequence_spans_ms(&self.dataflow().alerts),
            days: true,
            ..InputSettings::default()
        }
    }

    pub(super) fn dataflow(&self) -> Settings {
        Settings {
            windows: Windows {
                lateness_ms: LATENESS_MS,
                session_gap_ms: GAP_MS,
                allowed_disorder_ms: DISORDER_MS,
                days: Days::of(ZONE),
            },
            funnels: Vec::new(),
            alerts: alerts(),
            output: Output { provisional: true, digests: false },
        }
    }

    pub(super) fn oracle(&self) -> oracle::Settings {
        oracle::Settings {
            partitions: PARTITIONS,
            allowed_disorder_ms: DISORDER_MS,
            lateness_ms: LATENESS_MS,
            session_gap_ms: GAP_MS,
            dedup: self.dedup,
            funnels: Vec::new(),
            rules: rules(),
            days: Some(oracle::Days::of_zone(ZONE, START_MS - FAR_MS, START_MS + FAR_MS)),
            ..oracle::Settings::default()
        }
    }

    pub(super) fn pace(&self) -> Pace {
        Pace { provisional: true, provisional_epochs: 4, correction_epochs: self.correction_epochs }
    }

    pub(super) fn pacing(&self) -> Pacing {
        Pacing { epoch_ms: EPOCH_MS, settings_hash: SETTINGS_HASH }
    }

    /// An event at about `now_ms`: its key and value. Late ones are never too late.
    pub(super) fn event(&self, id: u64, now_ms: i64, random: &mut Random) -> (String, Vec<u8>) {
        let user = format!("u{}", random.below(6));
        if random.percent(3) {
            return (user, b"{\"timestamp\":\"never\"".to_vec());
        }
        let back_ms = if random.percent(8) { 25_000 } else { 2_000 };
        let at_ms = now_ms - random.below(back_ms) as i64;
        let id = if random.percent(10) { id.saturating_sub(1 + random.below(4)) } else { id };
        let session = random.below(2);
        let rest = match random.below(10) {
            0 => r#""eventType":"SESSION_END""#.to_owned(),
            1 => r#""eventType":"SESSION_START""#.to_owned(),
            2 => format!(
                r#""eventType":"CONVERSION","conversionData":{{"value":{},"currency":"{}"}}"#,
                random.below(900),
                ["USD", "EUR", "JPY"][random.below(3) as usize]
            ),
            _ => format!(
                r#""eventType":"PAGE_VIEW","pageViewData":{{"url":"/p{}{}","pageLoadTime":{}}},"sessionData":{{"country":"C{}","deviceType":"d{}"}}"#,
                random.below(5),
                ["", "?utm_source=a", "?utm_campaign=b"][random.below(3) as usize],
                random.below(3_000),
                random.below(3),
                random.below(2)
            ),
        };
        let value = format!(
            r#"{{"eventId":"e{id}","timestamp":{at_ms},"userId":"{user}","sessionId":"s{session}",{rest}}}"#
        );
        (user, value.into_bytes())
    }
}
