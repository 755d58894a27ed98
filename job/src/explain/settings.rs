//! The settings that epochs were bound with, from the JSON that is kept beside them.

use super::rule::KeptRule;
use crate::alert::sequence_spans_ms;
use crate::dataflow;
use crate::day::Days;
use crate::funnel::{Funnel, Step};
use crate::publish::Output;
use crate::window::Windows;
use serde::Deserialize;
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::settings::{BotMode, InputSettings};

/// What decides about results.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How records are judged.
    pub input: InputSettings,
    /// What the dataflow is built from.
    pub dataflow: dataflow::Settings,
    /// Their hash.
    pub hash: u64,
    /// They as JSON, as [`deciding`](crate::settings::deciding) gives them.
    pub json: String,
}

#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "input.dedup")]
    dedup: String,
    #[serde(rename = "input.bots")]
    bots: String,
    #[serde(rename = "input.max_bytes")]
    max_bytes: usize,
    #[serde(rename = "time.allowed_disorder")]
    allowed_disorder_ms: i64,
    #[serde(rename = "time.lateness")]
    lateness_ms: i64,
    #[serde(rename = "time.session_gap")]
    session_gap_ms: i64,
    #[serde(rename = "site.time_zone")]
    time_zone: Option<String>,
    #[serde(rename = "site.days", default)]
    has_days: bool,
    funnels: Vec<KeptFunnel>,
    alerts: Vec<KeptRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptFunnel {
    name: String,
    steps: Vec<String>,
    strict: bool,
    abandonment_step: u8,
}

/// Output for explaining: what stands, and nothing provisional.
pub(super) const OUTPUT: Output = Output { provisional: false, digests: false };

impl Rules {
    /// Reads settings as they are kept, for a log of so many partitions; none if they are
    /// not of this version.
    pub(super) fn read(hash: u64, json: String, partitions: u32) -> Option<Self> {
        let kept: Kept = serde_json::from_str(&json).ok()?;
        let mut alerts: Vec<_> = kept.alerts.into_iter().filter_map(KeptRule::rule).collect();
        alerts.sort_by(|a, b| a.name.cmp(&b.name));
        let input = InputSettings {
            partitions,
            allowed_disorder_ms: kept.allowed_disorder_ms,
            lateness_ms: kept.lateness_ms,
            session_gap_ms: kept.session_gap_ms,
            dedup: kept.dedup == "on",
            bots: if kept.bots == "exclude" { BotMode::Exclude } else { BotMode::Include },
            max_bytes: kept.max_bytes,
            days: kept.has_days,
            sequence_spans_ms: sequence_spans_ms(&alerts),
            ..InputSettings::default()
        };
        let windows = Windows {
            lateness_ms: kept.lateness_ms,
            session_gap_ms: kept.session_gap_ms,
            allowed_disorder_ms: kept.allowed_disorder_ms,
            days: kept.time_zone.filter(|_| kept.has_days).and_then(|zone| Days::of(&zone)),
        };
        let funnels = kept.funnels.into_iter().map(funnel).collect();
        let dataflow = dataflow::Settings { windows, funnels, alerts, output: OUTPUT };
        Some(Self { input, dataflow, hash, json })
    }
}

fn funnel(kept: KeptFunnel) -> Funnel {
    Funnel {
        name: kept.name.into(),
        steps: kept.steps.into_iter().map(step).collect(),
        strict: kept.strict,
        abandonment_step: kept.abandonment_step,
    }
}

/// A step as it is written.
pub(super) fn step(text: String) -> Step {
    let types = [Kind::PageView, Kind::SessionStart, Kind::SessionEnd, Kind::Conversion];
    match types.into_iter().find(|kind| kind.name() == text) {
        Some(kind) => Step::Type(kind),
        None => Step::Page(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::settings::{deciding, funnels, input_settings, windows};

    #[test]
    fn what_is_kept_is_what_was_configured() {
        let config = Config::defaults();
        let (hash, json) = deciding(&config);
        let rules = Rules::read(hash, json, 7).expect("settings");
        let input = InputSettings { days: true, ..input_settings(&config, 7) };
        assert_eq!(rules.input, input);
        assert_eq!(rules.dataflow.windows, windows(&config, true));
        assert_eq!(rules.dataflow.funnels, funnels(&config));
    }
}
