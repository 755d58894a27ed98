//! A recorded afternoon of a small site, with everything that can happen to it.
//!
//! It is made by arithmetic from a fixed seed, so it is the same everywhere. It
//! has all types, all dimensions, several currencies, guests, repeated records,
//! records that are late for some families or all, and broken ones.

use std::fmt::Write as _;

/// The time of the first event, ms.
pub(super) const START_MS: i64 = 1_703_116_800_000;

/// Numbers that look random (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, `end` left out.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("smaller than a usize")
    }

    pub(super) fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// What a record is instead of an event, now and then.
const BROKEN: [&str; 7] = [
    "",
    "not JSON",
    "{\"timestamp\":1703116800000,\"timestamp\":1,\"eventType\":\"PAGE_VIEW\",\"userId\":\"u\"}",
    "{\"timestamp\":\"1703116800000\",\"eventType\":\"PAGE_VIEW\",\"userId\":\"user-1\"}",
    "{\"eventType\":\"PAGE_VIEW\",\"userId\":\"user-2\"}",
    "{\"timestamp\":-1,\"eventType\":\"PAGE_VIEW\",\"userId\":\"user-3\"}",
    "[]",
];

/// So many records, each ended by `\n`.
pub(super) fn log(records: usize) -> Vec<u8> {
    let mut dice = Dice(7);
    let mut lines: Vec<String> = Vec::new();
    let mut clock_ms = START_MS;
    for index in 0..records {
        clock_ms += i64::try_from(dice.below(5_000)).expect("small");
        // Most are a little out of order, some late for some families or all.
        let behind_ms = match dice.below(200) {
            0 => 10_800_000,
            1..4 => 595_000 + dice.below(400_000),
            _ => dice.below(3_000),
        };
        let line = match dice.below(100) {
            0 => dice.of(&BROKEN).to_owned(),
            1 if index > 0 => {
                lines[dice.below(lines.len()).max(lines.len().saturating_sub(9))].clone()
            }
            _ => event(&mut dice, index, clock_ms - i64::try_from(behind_ms).expect("small")),
        };
        lines.push(line);
    }
    let mut text: String = lines.join("\n");
    text.push('\n');
    text.into_bytes()
}

fn event(dice: &mut Dice, index: usize, timestamp_ms: i64) -> String {
    let user = dice.below(40);
    let session = format!("visit-{user}-{}", timestamp_ms / 2_700_000);
    let event_type = match dice.below(20) {
        0..14 => "PAGE_VIEW",
        14 => "SESSION_START",
        15 => "SESSION_END",
        16..19 => "CONVERSION",
        _ => "SCROLL",
    };
    let mut line = format!(
        "{{\"eventId\":\"e{index}\",\"timestamp\":{timestamp_ms},\"eventType\":\"{event_type}\""
    );
    if !user.is_multiple_of(8) {
        let _ = write!(line, ",\"userId\":\"user-{user}\"");
    }
    let _ = write!(line, ",\"sessionId\":\"{session}\"");
    let page = dice.of(&[
        "/",
        "/products/tea",
        "/products/cups?color=blue",
        "/cart",
        "/checkout",
        "/über-uns",
    ]);
    let referrer = dice.of(&["", "https://www.example.org/a", "https://news.example.com", "mail"]);
    let _ = match event_type {
        "PAGE_VIEW" => write!(
            line,
            ",\"pageViewData\":{{\"url\":\"{page}\",\"referrer\":\"{referrer}\",\"pageLoadTime\":{}}}",
            dice.below(4_000)
        ),
        "CONVERSION" => write!(
            line,
            ",\"conversionData\":{{\"value\":{}.5,\"currency\":\"{}\"}}",
            dice.below(200),
            dice.of(&["USD", "EUR", "JPY"])
        ),
        _ => Ok(()),
    };
    let _ = write!(
        line,
        ",\"sessionData\":{{\"country\":\"{}\",\"city\":\"{}\",\"deviceType\":\"{}\",\"browser\":\"{}\",\"os\":\"{}\"}}}}",
        dice.of(&["DE", "FR", "US"]),
        dice.of(&["Köln", "Lyon", "Austin"]),
        dice.of(&["DESKTOP", "MOBILE"]),
        dice.of(&["Firefox", "Chrome"]),
        dice.of(&["Linux", "Android"]),
    );
    line
}

/// A page view of one user, as short as it can be, without a line end.
pub(super) fn view(user: &str, timestamp_ms: i64) -> String {
    format!("{{\"timestamp\":{timestamp_ms},\"eventType\":\"PAGE_VIEW\",\"userId\":\"{user}\"}}")
}

/// A text of these lines, each with its end.
pub(super) fn text(lines: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let ended = lines.iter().map(|line| [line.as_ref(), b"\n"].concat());
    ended.collect::<Vec<_>>().concat()
}
