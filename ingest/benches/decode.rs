//! How fast events are decoded on one core.
//!
//! Decodes the same generated events over and over and prints, for each kind
//! of input, the best and the median of the repetitions. The events come from
//! a seeded generator, so two runs decode the same bytes.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use streamgauge_ingest::decode::Decoder;

const EVENTS: u64 = 20_000;
const REPETITIONS: usize = 31;

/// An event without its closing brace; words with a `$` are filled in.
const TYPICAL: &str = concat!(
    r#"{"eventId":"$ID-1b2c-4d3e-8f90-a1b2c3d4e5f6","timestamp":$TIME,"eventType":"$KIND","#,
    r#""userId":"user_$USER","sessionId":"session_$SESSION","#,
    r#""pageViewData":{"url":"/products/laptops/$PRODUCT?ref=home&page=2","#,
    r#""title":"Laptops $PRODUCT$ESCAPE - TechStore, all you can carry","#,
    r#""referrer":"https://www.google.com/search?q=laptop+$PRODUCT","pageLoadTime":$LOAD},"#,
    r#""sessionData":{"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) "#,
    r#"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","#,
    r#""ipAddress":"192.168.1.100","country":"US","city":"New York$ESCAPE","#,
    r#""deviceType":"DESKTOP","browser":"Chrome","os":"Windows"},"#,
    r#""conversionData":{"conversionType":"PURCHASE","value":$LOAD.90,"#,
    r#""currency":"USD","orderId":"o-$USER"}"#
);

fn main() {
    measure("1 KB", 1024, "");
    measure("700 B", 700, "");
    measure("1 KB with escapes", 1024, r#"\u00e9\/ \"x\""#);
    measure("1.3 KB of fields", 0, "");
}

fn measure(name: &str, bytes_each: usize, escape: &str) {
    let mut random = Random(1);
    let events: Vec<String> =
        (0..EVENTS).map(|index| event(index, bytes_each, escape, &mut random)).collect();
    let bytes: usize = events.iter().map(String::len).sum();
    let mut decoder = Decoder::new(1 << 20);
    let mut taken: Vec<Duration> = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            for event in &events {
                let decoded = decoder.decode(black_box(event.as_bytes()));
                assert!(black_box(decoded).is_ok());
            }
            start.elapsed()
        })
        .collect();
    taken.sort_unstable();
    for (which, taken) in [("best", taken[0]), ("median", taken[REPETITIONS / 2])] {
        let per_second = 1.0 / taken.as_secs_f64();
        println!(
            "{name:>18} {which:>6}: {:>6.3} M events/s {:>6.0} MB/s {:>6.3} µs/event",
            EVENTS as f64 * per_second / 1e6,
            bytes as f64 * per_second / 1e6,
            taken.as_secs_f64() * 1e6 / EVENTS as f64,
        );
    }
}

/// An event such as a shop sends, filled up to `bytes_each` in its ignored
/// `context`.
fn event(index: u64, bytes_each: usize, escape: &str, random: &mut Random) -> String {
    let kind = ["PAGE_VIEW", "PAGE_VIEW", "PAGE_VIEW", "CONVERSION", "SESSION_START"]
        [usize::try_from(random.below(5)).unwrap_or(0)];
    let start = TYPICAL
        .replace("$ESCAPE", escape)
        .replace("$KIND", kind)
        .replace("$TIME", &(1_703_123_456_789 + index).to_string())
        .replace("$ID", &format!("{:08x}", random.below(1 << 32)))
        .replace("$USER", &random.below(5000).to_string())
        .replace("$SESSION", &format!("{:08x}", random.below(9000)))
        .replace("$PRODUCT", &random.below(300).to_string())
        .replace("$LOAD", &random.below(4000).to_string());
    let context = r#","context":{"path":["home","laptops"],"ab":{"a":true,"n":12.5},"note":""#;
    let fill = bytes_each.saturating_sub(start.len() + context.len() + 3);
    if bytes_each == 0 {
        return many_fields(start, random);
    }
    if fill == 0 {
        return start + "}";
    }
    format!("{start}{context}{}\"}}}}", "lorem ipsum ".repeat(fill / 12))
}

/// Goes on with small values that nobody reads, as trackers send them.
fn many_fields(start: String, random: &mut Random) -> String {
    let mut event =
        start + r#","screen":{"width":1920,"height":1080,"colorDepth":24},"performance":{"#;
    for name in ["dnsLookup", "tcpConnect", "timeToFirstByte", "domInteractive", "resources"] {
        event += &format!("\"{name}\":{},", random.below(3000));
    }
    event += r#""cached":false},"experiments":["#;
    for name in ["checkout-one-page", "free-shipping-banner", "recommendations", "search", "video"]
    {
        let variant = ["control", "treatment"][usize::try_from(random.below(2)).unwrap_or(0)];
        event += &format!("{{\"name\":\"{name}\",\"variant\":\"{variant}\"}},");
    }
    event + r#"null],"tracker":{"name":"shop-web","version":"4.18.2","sequence":6}}"#
}

/// A small seeded generator (64-bit linear congruential, upper half).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) % limit
    }
}
