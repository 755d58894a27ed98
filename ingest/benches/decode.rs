//! How fast events are decoded on one core.
//!
//! Decodes events chunk by chunk, each by a decoder that learns the structure of records
//! and by one that does not, in turn the one or the other first. Prints for each kind of
//! input the median and the lower quartile of the chunks: other work on the machine slows
//! some chunks, and no event is decoded twice, so that no branch of it can be known by
//! heart. The events come from a seeded generator, so two runs decode the same bytes; if
//! files are named as arguments, these are decoded instead.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use streamgauge_ingest::decode::Decoder;

const EVENTS: usize = 200_000;
/// So few that they stay in the second cache, as they do in a replay.
const CHUNK: usize = 500;

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
    let paths: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for path in &paths {
        let file = BufReader::new(File::open(path).expect("a file of events"));
        measure(path, file.lines().map(|line| line.expect("a line of text")));
    }
    if !paths.is_empty() {
        return;
    }
    let typical = |bytes_each, escape| {
        generate(move |index, random| event(index, bytes_each, escape, random))
    };
    measure("1 KB", typical(1024, ""));
    measure("700 B", typical(700, ""));
    measure("1 KB with escapes", typical(1024, r#"\u00e9\/ \"x\""#));
    measure("1.3 KB of fields", typical(0, ""));
    measure("short page views", generate(short_view));
    measure("ever new shapes", generate(new_shape));
    measure("two known shapes in five", generate(mixed_shapes));
}

fn generate(event: impl Fn(usize, &mut Random) -> String) -> impl Iterator<Item = String> {
    let mut random = Random(1);
    (0..EVENTS).map(move |index| event(index, &mut random))
}

fn measure(name: &str, mut events: impl Iterator<Item = String>) {
    let mut ways = [("scanned", false), ("learned", true)].map(|(way, shapes)| {
        (way, Decoder::new(1 << 20).with_campaigns(true).with_shapes(shapes), Vec::new())
    });
    let (mut count, mut bytes) = (0, 0);
    loop {
        let chunk: Vec<String> = events.by_ref().take(CHUNK).collect();
        if chunk.len() < CHUNK {
            break;
        }
        count += chunk.len();
        bytes += chunk.iter().map(String::len).sum::<usize>();
        for (_, decoder, taken) in &mut ways {
            taken.push(decode(decoder, &chunk));
        }
        ways.reverse();
    }
    println!("{name}, {} bytes each", bytes / count.max(1));
    ways.sort_by_key(|(way, ..)| std::cmp::Reverse(*way));
    for (way, _, taken) in &mut ways {
        taken.sort_unstable();
        let [median, quartile] = [2, 4].map(|part| taken[taken.len() / part]);
        let nanos = |taken: Duration| taken.as_secs_f64() * 1e9 / CHUNK as f64;
        println!("  {way}: {:.0} ns an event, quartile {:.0}", nanos(median), nanos(quartile));
    }
}

fn decode(decoder: &mut Decoder, events: &[String]) -> Duration {
    let start = Instant::now();
    for event in events {
        let _ = black_box(decoder.decode(black_box(event.as_bytes())));
    }
    start.elapsed()
}

/// An event such as a shop sends, filled up to `bytes_each` in its ignored
/// `context`.
fn event(index: usize, bytes_each: usize, escape: &str, random: &mut Random) -> String {
    let kind = ["PAGE_VIEW", "PAGE_VIEW", "PAGE_VIEW", "CONVERSION", "SESSION_START"]
        [usize::try_from(random.below(5)).unwrap_or(0)];
    let start = TYPICAL
        .replace("$ESCAPE", escape)
        .replace("$KIND", kind)
        .replace("$TIME", &(1_703_123_456_789 + index as u64).to_string())
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

/// A page view of the fields that are read and no others.
fn short_view(index: usize, random: &mut Random) -> String {
    format!(
        concat!(
            r#"{{"eventId":"{:08x}-1b2c-4d3e-8f90-a1b2c3d4e5f6","timestamp":{},"#,
            r#""eventType":"PAGE_VIEW","userId":"user_{}","sessionId":"session_{:08x}","#,
            r#""pageViewData":{{"url":"/products/{}","referrer":"https://www.google.com/","#,
            r#""pageLoadTime":{}}},"sessionData":{{"country":"US","city":"New York","#,
            r#""deviceType":"DESKTOP","browser":"Chrome","os":"Windows"}}}}"#
        ),
        random.below(1 << 32),
        1_703_123_456_789 + index as u64,
        random.below(5000),
        random.below(1 << 32),
        random.below(300),
        random.below(4000),
    )
}

/// A typical event that ends in a name which no other has: nothing can be learned from it.
fn new_shape(index: usize, random: &mut Random) -> String {
    let mut event = event(index, 0, "", random);
    event.pop();
    format!("{event},\"x{:08x}\":1}}", random.below(1 << 32))
}

/// The dearest mix for who learns: nearly enough is known to be worth trying.
fn mixed_shapes(index: usize, random: &mut Random) -> String {
    if index % 5 < 2 { event(index, 0, "", random) } else { new_shape(index, random) }
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
