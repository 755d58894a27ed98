//! What happens in the shop: the mix, the rate, the sessions, the bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};
use streamgauge_simulator::{Condition, EventType, Generator, Options};

use crate::{generate, near, options};

const MIX: [(EventType, f64); 4] = [
    (EventType::PageView, 0.70),
    (EventType::SessionStart, 0.15),
    (EventType::SessionEnd, 0.10),
    (EventType::Conversion, 0.05),
];

fn check_mix(options: Options, events: usize) {
    let mut generator = Generator::new(options).expect("valid options");
    let mut value = Vec::new();
    let types: Vec<EventType> = (0..events)
        .map(|_| {
            value.clear();
            generator.next_event(&mut value).expect("no end").event_type
        })
        .collect();
    for (from, window) in types.windows(100_000).step_by(10_000).enumerate() {
        for (event_type, wanted) in MIX {
            let count = window.iter().filter(|&&found| found == event_type).count();
            let name = format!("{} from {}", event_type.name(), from * 10_000);
            near(&name, count as f64 / 100_000.0, wanted, 0.01);
        }
    }
}

#[test]
fn any_hundred_thousand_events_have_the_mix() {
    check_mix(Options::default(), 250_000);
    for seed in 2..5 {
        check_mix(Options { seed, ..Options::default() }, 120_000);
    }
    check_mix(Options { rate: 5_000.0, users: 200_000, ..Options::default() }, 120_000);
}

#[test]
fn the_rate_is_held_from_the_beginning() {
    let check = |rate: f64, events: usize, tolerance: f64| {
        let mut generator = Generator::new(Options { rate, disorder_ms: 0, ..Options::default() })
            .expect("valid options");
        let mut last_us = 0;
        for _ in 0..events {
            last_us = generator.next_event(&mut Vec::new()).expect("no end").due_us;
        }
        let found = events as f64 * 1e6 / last_us as f64;
        near(&format!("rate {rate}"), found / rate, 1.0, tolerance);
    };
    check(200.0, 150_000, 0.02);
    check(200.0, 10_000, 0.05);
    check(2.0, 20_000, 0.05);
    check(20_000.0, 150_000, 0.02);
}

#[test]
fn events_have_their_size_and_their_fields() {
    let mut total = 0;
    let mut ids = BTreeSet::new();
    for (emitted, value) in generate(options(20_000)) {
        assert!((1024..=2048).contains(&value.len()), "{} bytes", value.len());
        total += value.len();
        let event: Value = serde_json::from_slice(&value).expect("JSON");
        assert_eq!(event["timestamp"], emitted.timestamp_ms);
        assert_eq!(event["eventType"], emitted.event_type.name());
        assert!(ids.insert(event["eventId"].to_string()), "an id twice");
        let key = event["userId"].as_str().or(event["sessionId"].as_str()).expect("a key");
        assert_eq!(key.as_bytes(), emitted.key.as_bytes());
        assert_eq!(emitted.condition, Condition::Whole);
        let is = |event_type| emitted.event_type == event_type;
        assert_eq!(event["pageViewData"].is_object(), is(EventType::PageView));
        assert_eq!(event["conversionData"].is_object(), is(EventType::Conversion));
        for field in ["userAgent", "country", "city", "deviceType", "browser", "os"] {
            assert!(event["sessionData"][field].is_string(), "{field} in {event}");
        }
        let address = event["sessionData"]["ipAddress"].as_str().expect("an address");
        let nets = ["192.0.2.", "198.51.100.", "203.0.113."];
        assert!(nets.iter().any(|net| address.starts_with(net)), "{address}");
    }
    near("mean size", total as f64 / 20_000.0, 1500.0, 200.0);
}

#[derive(Default)]
struct Seen {
    types: Vec<EventType>,
    times: Vec<i64>,
    pages: Vec<String>,
    purchases: usize,
}

fn sessions(events: u64) -> BTreeMap<String, Seen> {
    let mut sessions: BTreeMap<String, Seen> = BTreeMap::new();
    for (emitted, value) in generate(options(events)) {
        let event: Value = serde_json::from_slice(&value).expect("JSON");
        let id = event["sessionId"].as_str().expect("a session").to_string();
        let session = sessions.entry(id).or_default();
        session.types.push(emitted.event_type);
        session.times.push(emitted.timestamp_ms);
        if let Some(url) = event["pageViewData"]["url"].as_str() {
            session.pages.push(url.split('?').next().expect("a path").to_string());
        }
        if event["conversionData"]["conversionType"] == "PURCHASE" {
            session.purchases += 1;
            assert!(event["conversionData"]["value"].is_number(), "{event}");
            // One who was there at the start may have seen the page before.
            let page = session.pages.last();
            assert!(page.is_none_or(|page| page == "/checkout/confirmation"), "{page:?}");
        }
    }
    sessions
}

#[test]
fn sessions_are_plausible() {
    let all = sessions(120_000);
    // Those who were there at the start lack their beginning, those who came at
    // the end their end.
    let mut begun: Vec<&Seen> =
        all.values().filter(|seen| seen.types.contains(&EventType::SessionStart)).collect();
    begun.sort_by_key(|seen| seen.times[0]);
    let early = &begun[..begun.len() / 2];
    let of = |event_type| {
        let count = |seen: &&Seen| seen.types.iter().filter(|&&t| t == event_type).count();
        early.iter().map(count).sum::<usize>() as f64 / early.len() as f64
    };
    near("views a session", of(EventType::PageView), 4.67, 0.15);
    near("ends a session", of(EventType::SessionEnd), 0.667, 0.05);
    near("conversions a session", of(EventType::Conversion), 0.333, 0.03);
    let bounced = early.iter().filter(|seen| seen.pages.len() == 1).count();
    near("bounced", bounced as f64 / early.len() as f64, 0.25, 0.04);
    let bought = early.iter().filter(|seen| seen.purchases > 0).count();
    near("bought", bought as f64 / early.len() as f64, 0.12, 0.03);
    for seen in &begun {
        assert_eq!(seen.types[0], EventType::SessionStart);
        let ends = seen.types.iter().position(|&t| t == EventType::SessionEnd);
        assert!(ends.is_none_or(|at| at + 1 == seen.types.len()), "{:?}", seen.types);
        let longest = seen.times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        assert!(longest < 30 * 60_000, "a pause of {longest} ms cuts a session");
        if seen.purchases > 0 {
            assert!(seen.pages.iter().any(|page| page == "/checkout"), "{:?}", seen.pages);
        }
    }
}

#[test]
fn popularity_follows_the_skew() {
    let top = |skew: f64| {
        let mut views: BTreeMap<String, u32> = BTreeMap::new();
        let mut total = 0;
        for (_, value) in generate(Options { skew, ..options(50_000) }) {
            let event: Value = serde_json::from_slice(&value).expect("JSON");
            let url = event["pageViewData"]["url"].as_str().unwrap_or_default();
            let path = url.split('?').next().expect("a path");
            if path.matches('/').count() == 3 {
                *views.entry(path.to_string()).or_default() += 1;
                total += 1;
            }
        }
        let most = views.values().max().copied().expect("a product was seen");
        f64::from(most) / f64::from(total)
    };
    near("flat", top(0.0), 1.0 / 300.0, 0.003);
    let harmonic: f64 = (1..=300).map(|rank| 1.0 / f64::from(rank)).sum();
    near("classic", top(1.0), 1.0 / harmonic, 0.02);
}

fn hash(options: Options) -> String {
    let mut digest = Sha256::new();
    for (_, value) in generate(options) {
        digest.update(&value);
        digest.update(b"\n");
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_are_the_same_everywhere_and_always() {
    // A change of these is a change of every recorded demonstration and
    // benchmark: it wants a line in the change log.
    assert_eq!(
        hash(options(1000)),
        "b9c785e481914401e3ca6994b84f36427c2fc63541780dc333761a6b7e7d9454"
    );
    let damaged = Options {
        disorder_ms: 2_000,
        late_share: 0.02,
        duplicate_share: 0.02,
        malformed_share: 0.02,
        seed: 7,
        ..options(1000)
    };
    assert_eq!(hash(damaged), "3cda51a745b0641e317361e0c351f99422d249c245c1f033a516d9de3ed82882");
    assert_ne!(hash(options(100)), hash(Options { seed: 2, ..options(100) }));
}

#[test]
fn a_shorter_run_is_the_beginning_of_a_longer_one() {
    let (short, long) = (generate(options(500)), generate(options(1000)));
    assert_eq!(short[..], long[..500]);
}
