//! From the configuration to what the parts are built from.

use crate::alert::{AlertRule, sequence_spans_ms};
use crate::config::{self, Bots, Config, Dedup, Rate};
use crate::day::Days;
use crate::funnel::{Funnel, Step};
use crate::time::Pace;
use crate::window::Windows;
use std::sync::Arc;
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::settings::{BotMode, InputSettings};
use streamgauge_simulator::Options;
use streamgauge_sink::alert::HIGH_BOUNCE_RATE;

/// How records of a file are read and judged.
#[must_use]
pub fn input_settings(config: &Config, partitions: u32) -> InputSettings {
    InputSettings {
        partitions,
        allowed_disorder_ms: config.time.allowed_disorder_ms,
        lateness_ms: config.time.lateness_ms,
        session_gap_ms: config.time.session_gap_ms,
        dedup: config.input.dedup == Dedup::On,
        bots: match config.input.bots {
            Bots::Include => BotMode::Include,
            Bots::Exclude => BotMode::Exclude,
        },
        max_bytes: config.input.max_bytes,
        sequence_spans_ms: sequence_spans_ms(&alerts(config)),
        ..InputSettings::default()
    }
}

/// Where windows lie and how long they live; days with those of the site.
#[must_use]
pub fn windows(config: &Config, has_days: bool) -> Windows {
    Windows {
        lateness_ms: config.time.lateness_ms,
        session_gap_ms: config.time.session_gap_ms,
        allowed_disorder_ms: config.time.allowed_disorder_ms,
        days: if has_days { Days::of(&config.site.time_zone) } else { None },
    }
}

/// What the simulator is asked for: without an end, and with the times of its
/// usual rate if there is no limit to it.
#[must_use]
pub fn simulator_options(config: &Config, start_ms: i64) -> Options {
    let simulator = &config.simulator;
    let defaults = Options::default();
    Options {
        rate: match simulator.rate {
            Rate::PerSecond(rate) => f64::from(rate),
            Rate::Max => defaults.rate,
        },
        users: simulator.users,
        seed: simulator.seed,
        start_ms,
        // The table's lower bound is 0.
        disorder_ms: simulator.disorder_ms.unsigned_abs(),
        late_share: simulator.late_share,
        duplicate_share: simulator.duplicate_share,
        malformed_share: simulator.malformed_share,
        skew: simulator.skew,
        ..defaults
    }
}

/// The funnels, in the order of their names' bytes.
#[must_use]
pub fn funnels(config: &Config) -> Vec<Funnel> {
    let mut funnels: Vec<_> = config.funnels.iter().map(funnel).collect();
    funnels.sort_by(|a, b| a.name.cmp(&b.name));
    funnels
}

fn funnel(f: &config::Funnel) -> Funnel {
    Funnel {
        name: f.name.as_str().into(),
        steps: f.steps.iter().map(step).collect(),
        strict: f.strict,
        abandonment_step: f.abandonment_step,
    }
}

pub(crate) fn step(step: &config::Step) -> Step {
    match step {
        config::Step::Page(pattern) => Step::Page(pattern.clone()),
        config::Step::Event(event) => Step::Type(match event {
            config::EventType::PageView => Kind::PageView,
            config::EventType::SessionStart => Kind::SessionStart,
            config::EventType::SessionEnd => Kind::SessionEnd,
            config::EventType::Conversion => Kind::Conversion,
        }),
    }
}

/// The configured rules, in the order of their names' bytes.
#[must_use]
pub fn alerts(config: &Config) -> Vec<Arc<AlertRule>> {
    let mut rules: Vec<_> = config.alerts.iter().map(|a| Arc::new(a.rule.clone())).collect();
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    rules
}

/// The steps of a funnel as they are written in the configuration.
#[must_use]
pub fn step_texts(funnel: &Funnel) -> Vec<String> {
    funnel.steps.iter().map(|step| step.text().to_owned()).collect()
}

/// Everything in the configuration that decides about results, as JSON, and its hash. How
/// many partitions the log has is no setting: each binding says it.
#[must_use]
pub fn deciding(config: &Config) -> (u64, String) {
    let (input, time) = (&config.input, &config.time);
    let funnels: Vec<_> = funnels(config)
        .iter()
        .map(|f| {
            serde_json::json!({
                "name": *f.name, "steps": step_texts(f), "strict": f.strict,
                "abandonmentStep": f.abandonment_step,
            })
        })
        .collect();
    let mut rules = vec![serde_json::json!({
        "rule": HIGH_BOUNCE_RATE.name,
        "version": HIGH_BOUNCE_RATE.version,
    })];
    rules.extend(alerts(config).iter().map(|rule| {
        let mut json = Vec::new();
        rule.write(&mut json);
        serde_json::from_slice(&json).unwrap_or_default()
    }));
    let json = serde_json::json!({
        "input.dedup": input.dedup.word(),
        "input.bots": input.bots.word(),
        "input.max_bytes": input.max_bytes,
        "time.allowed_disorder": time.allowed_disorder_ms,
        "time.lateness": time.lateness_ms,
        "time.session_gap": time.session_gap_ms,
        "time.epoch": time.epoch_ms,
        "time.provisional_epochs": time.provisional_epochs,
        "time.corrections": time.corrections_ms,
        "site.time_zone": config.site.time_zone,
        "site.days": config.site.has_days,
        "funnels": funnels,
        "alerts": rules,
    });
    let text = json.to_string();
    (xxhash_rust::xxh3::xxh3_64(text.as_bytes()), text)
}

/// The pace of live publishing, in epochs.
#[must_use]
pub fn live_pace(config: &Config) -> Pace {
    let epochs = config.time.corrections_ms / config.time.epoch_ms;
    Pace {
        provisional: true,
        provisional_epochs: config.time.provisional_epochs,
        correction_epochs: u64::try_from(epochs).unwrap_or(1).max(1),
    }
}
