//! A log with its settings, as the engine takes it and as the oracle does.

use crate::oracle;
use std::sync::Arc;
use streamgauge::alert::{
    AlertRule, Limit, Sequence, Side, Template, Threshold, When, sequence_spans_ms,
};
use streamgauge::day::Days;
use streamgauge::funnel::{Funnel, Step};
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::settings::{BotMode, InputSettings};
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::metric::Metric;

/// What may follow the page in a `url`.
const QUERIES: [&str; 7] = [
    "?q",
    "?utm_source=s&utm_medium=m",
    "?utm_medium=m&utm_source=s#utm_campaign=c",
    "?utm_campaign=%C3%A4+%ff%00%&utm_source=",
    "?utm_campaign=a&utm_campaign=b&utm_source",
    "#?utm_source=s",
    "?utm_source=&x&utm_mediu=m",
];

/// One record, before it has a time.
#[derive(Clone, Debug)]
pub(super) enum Spec {
    /// An event.
    Event {
        user: u8,
        session: u8,
        kind: u8,
        page: u8,
        other: u8,
        /// How much later than the events before, ms.
        on_ms: i64,
        /// How far back in event time, ms.
        back_ms: i64,
    },
    /// The value of an earlier record once more.
    Again(usize),
    /// No event.
    Broken(u8),
}

/// How far apart workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apart {
    /// In one process.
    Not,
    /// What they exchange becomes bytes.
    Bytes,
    /// Besides, events and ticks come in at the first so many alone, as if the others were
    /// in other processes.
    Processes(usize),
}

/// A log, its settings, and how it is run.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) specs: Vec<Spec>,
    /// Where time begins; aligned to all windows but days.
    pub(super) start_ms: i64,
    /// Records per epoch; what is left is one more.
    pub(super) epochs: Vec<usize>,
    pub(super) workers: usize,
    pub(super) apart: Apart,
    pub(super) partitions: u32,
    pub(super) allowed_disorder_ms: i64,
    pub(super) lateness_ms: i64,
    pub(super) session_gap_ms: i64,
    pub(super) idle_after_records: u64,
    pub(super) dedup: bool,
    pub(super) exclude_bots: bool,
    pub(super) strict: bool,
    pub(super) provisional: bool,
    pub(super) provisional_epochs: u64,
    pub(super) correction_epochs: u64,
    pub(super) rules: Vec<oracle::Rule>,
    /// The zone of the days, if there are results by day.
    pub(super) days: Option<&'static str>,
}

fn is_bot(agent: &str) -> bool {
    agent.contains("Googlebot")
}

const STEPS: [&str; 3] = ["/p*", "SESSION_START", "CONVERSION"];

impl Case {
    /// The values of its records.
    pub(super) fn values(&self) -> Vec<Vec<u8>> {
        let mut now_ms = self.start_ms;
        let mut values: Vec<Vec<u8>> = Vec::new();
        for (i, spec) in self.specs.iter().enumerate() {
            let value = match spec {
                Spec::Event { on_ms, back_ms, .. } => {
                    now_ms += on_ms;
                    event(spec, i, now_ms - back_ms).into_bytes()
                }
                Spec::Again(at) => values.get(at % (i + 1)).cloned().unwrap_or_default(),
                Spec::Broken(kind) => broken(*kind, now_ms),
            };
            values.push(value);
        }
        values
    }

    /// Number of records bound up to and with each epoch.
    pub(super) fn cuts(&self, records: usize) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut bound = 0;
        for n in &self.epochs {
            bound = (bound + n).min(records);
            cuts.push(bound);
        }
        if bound < records {
            cuts.push(records);
        }
        cuts
    }

    pub(super) fn oracle_settings(&self) -> oracle::Settings {
        let steps = STEPS.map(str::to_owned).to_vec();
        let abandonment_step = 2;
        let funnel =
            oracle::Funnel { name: "f".to_owned(), steps, strict: self.strict, abandonment_step };
        oracle::Settings {
            partitions: self.partitions,
            allowed_disorder_ms: self.allowed_disorder_ms,
            lateness_ms: self.lateness_ms,
            session_gap_ms: self.session_gap_ms,
            dedup: self.dedup,
            exclude_bots: self.exclude_bots.then_some(is_bot),
            max_bytes: 1 << 20,
            funnels: vec![funnel],
            rules: self.rules.clone(),
            idle_after_records: self.idle_after_records,
            days: self.days.map(|zone| self.days_of(zone)),
        }
    }

    /// The days in a zone, from before the first event until after the last session.
    fn days_of(&self, zone: &str) -> oracle::Days {
        let on_ms = |spec: &Spec| if let Spec::Event { on_ms, .. } = spec { *on_ms } else { 0 };
        let last_ms = self.start_ms + self.specs.iter().map(on_ms).sum::<i64>();
        let far_ms = 86_400_000;
        oracle::Days::of_zone(zone, self.start_ms - far_ms, last_ms + far_ms)
    }

    pub(super) fn input_settings(&self) -> InputSettings {
        InputSettings {
            partitions: self.partitions,
            allowed_disorder_ms: self.allowed_disorder_ms,
            lateness_ms: self.lateness_ms,
            session_gap_ms: self.session_gap_ms,
            dedup: self.dedup,
            bots: if self.exclude_bots { BotMode::Exclude } else { BotMode::Include },
            max_bytes: 1 << 20,
            sequence_spans_ms: sequence_spans_ms(&self.alerts()),
            days: self.days.is_some(),
            idle_after_records: self.idle_after_records,
        }
    }

    /// The days that the engine has, if there are results by day.
    pub(super) fn engine_days(&self) -> Option<Days> {
        self.days.map(|zone| Days::of(zone).expect("the cases name zones there are"))
    }

    /// The rules in the order of their names.
    pub(super) fn alerts(&self) -> Vec<Arc<AlertRule>> {
        let mut alerts: Vec<_> = self.rules.iter().map(rule).collect();
        alerts.sort();
        alerts
    }

    pub(super) fn funnels(&self) -> Vec<Funnel> {
        let steps = vec![
            Step::Page("/p*".to_owned()),
            Step::Type(Kind::SessionStart),
            Step::Type(Kind::Conversion),
        ];
        vec![Funnel { name: "f".into(), steps, strict: self.strict, abandonment_step: 2 }]
    }
}

/// A rule of the oracle, for the engine.
pub(crate) fn rule(rule: &oracle::Rule) -> Arc<AlertRule> {
    let template = |text| Template::parse(text, &["rule", "value", "threshold"]).unwrap();
    let step = |text: &str| match text {
        "CONVERSION" => Step::Type(Kind::Conversion),
        "SESSION_START" => Step::Type(Kind::SessionStart),
        page => Step::Page(page.to_owned()),
    };
    let when = match &rule.when {
        oracle::When::Threshold { metric, above, limit, windows } => When::Threshold(Threshold {
            metric: Metric::ALL.into_iter().find(|m| m.name() == metric).unwrap(),
            dimensions: "".into(),
            limit: Limit {
                side: if *above { Side::Above } else { Side::Below },
                value: Decimal::from_millionths(*limit),
            },
            windows: u32::try_from(*windows).unwrap(),
        }),
        oracle::When::Sequence { first, then, without, within_ms } => When::Sequence(Sequence {
            first: step(first),
            then: step(then),
            is_without: *without,
            within_ms: *within_ms,
        }),
    };
    Arc::new(AlertRule {
        name: rule.name.as_str().into(),
        version: 1,
        severity: "HIGH",
        title: template("{rule}"),
        description: template("{value} {threshold}"),
        when,
    })
}

fn event(spec: &Spec, i: usize, at_ms: i64) -> String {
    let Spec::Event { user, session, kind, page, other, .. } = spec else {
        return String::new();
    };
    let query = QUERIES[usize::from(*user + *session + *page + *other) % QUERIES.len()];
    let kinds = [
        "PAGE_VIEW",
        "PAGE_VIEW",
        "PAGE_VIEW",
        "SESSION_START",
        "SESSION_END",
        "CONVERSION",
        "SCROLL",
    ];
    let kind = kinds[usize::from(*kind) % kinds.len()];
    let user = match user {
        0 => String::new(),
        n => format!(r#""userId":"u{n}","#),
    };
    let agent = if other % 5 == 0 { "Googlebot/2.1" } else { "Mozilla/5.0 Firefox" };
    let values = ["12.5", "-3", "0.005", "\"7\"", "1e3"];
    let currencies = ["\"EUR\"", "\"jpy\"", "null", "\"x\""];
    let (value, currency) = (
        values[usize::from(*other) % values.len()],
        currencies[usize::from(*other) % currencies.len()],
    );
    let load = ["0", "300", "301.5", "-2", "\"x\"", "4000"][usize::from(*page + *other) % 6];
    let country = ["null", "\"DE\"", "\"FR\""][usize::from(*other) % 3];
    let id = i / 2;
    format!(
        r#"{{"eventId":"e{id}","timestamp":{at_ms},"eventType":"{kind}",{user}"sessionId":"s{session}","pageViewData":{{"url":"/p{page}{query}","referrer":"https://r{other}.example/","pageLoadTime":{load}}},"sessionData":{{"userAgent":"{agent}","country":{country},"city":"c{page}","deviceType":{country},"browser":"b"}},"conversionData":{{"value":{value},"currency":{currency}}}}}"#
    )
}

fn broken(kind: u8, at_ms: i64) -> Vec<u8> {
    match kind % 6 {
        0 => Vec::new(),
        1 => b"{".to_vec(),
        2 => vec![0xff, 0xfe],
        3 => format!(r#"{{"timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":""}}"#).into_bytes(),
        4 => format!(r#"{{"timestamp":{at_ms}.0,"eventType":"PAGE_VIEW","userId":"u1"}}"#)
            .into_bytes(),
        _ => br#"{"timestamp":-1,"eventType":"PAGE_VIEW","userId":"u2"}"#.to_vec(),
    }
}
