//! What has been decoded before changes nothing: one decoder that learns all it can,
//! against one that scans each record.

use super::super::{Decoder, Reason};

/// A small seeded generator (64-bit linear congruential, upper half).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 32).unwrap() % limit
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// The two decoders, and how many records the first has read without scanning.
struct Pair {
    learning: Decoder,
    scanning: Decoder,
    read: usize,
    events: usize,
}

impl Pair {
    fn new() -> Self {
        let decoder = || Decoder::new(1 << 20).with_campaigns(true);
        let (learning, scanning) = (decoder(), decoder().with_shapes(false));
        Pair { learning, scanning, read: 0, events: 0 }
    }

    fn check(&mut self, value: &[u8]) {
        let actual = self.learning.decode(value);
        let expected = self.scanning.decode(value);
        assert_eq!(actual, expected, "{}", String::from_utf8_lossy(value));
        let reason = expected.as_ref().err().map(|rejection| rejection.reason);
        self.events += usize::from(reason.is_none());
        let is_read = self.learning.shapes.as_mut().is_some_and(|shapes| shapes.has_read());
        let is_json = reason.is_none_or(|reason| reason > Reason::Malformed);
        self.read += usize::from(is_read && is_json);
    }
}

/// How many records a test decodes.
fn rounds() -> usize {
    if std::env::var_os("STREAMGAUGE_LONG").is_some() { 2_000_000 } else { 60_000 }
}

/// What an event may have besides what it must: mostly once each, and of the right type.
const FIELDS: [(&str, &str); 8] = [
    ("eventId", "s"),
    ("sessionId", "s"),
    ("pageViewData", "{"),
    ("sessionData", "{"),
    ("conversionData", "{"),
    ("context", "*"),
    ("an ignored name that is longer than what is compared at once", "*"),
    ("\\ud800", "*"),
];
const LEAVES: [(&str, &str); 14] = [
    ("url", "s"),
    ("referrer", "s"),
    ("pageLoadTime", "n"),
    ("userAgent", "s"),
    ("country", "s"),
    ("city", "s"),
    ("deviceType", "s"),
    ("browser", "s"),
    ("o\\u0073", "s"),
    ("value", "n"),
    ("currency", "s"),
    ("title", "*"),
    ("timestamp", "*"),
    ("\\ud800", "*"),
];
const STRINGS: [&str; 11] = [
    "",
    "PAGE_VIEW",
    "CONVERSION",
    "u1",
    "EUR",
    "a text of more than sixteen bytes",
    "Zürich",
    "a \\\"b\\\" \\\\ \\u00e4",
    "\\ud83d\\ude00",
    "/p/1?utm_source=a&utm_medium=b",
    "https://www.example.com/x",
];
const NUMBERS: [&str; 9] =
    ["0", "-0", "7", "1703123456789", "12.5", "-3e2", "1E400", "9999999", "99999999"];

/// A record of one of many structures, which `structure` decides; `values` are in it.
fn event(structure: &mut Random, values: &mut Random) -> String {
    let blank = structure.of(&["", "", "", " ", "\n  "]);
    let mut fields = vec![
        format!("\"timestamp\":{blank}{}", values.of(&["1", "1703123456789", "1703123456790"])),
        format!("\"eventType\":{blank}\"{}\"", values.of(&["PAGE_VIEW", "CONVERSION", "X"])),
    ];
    if structure.below(8) > 0 {
        fields.push(format!("\"userId\":{blank}\"{}\"", values.of(&["u", "user_1", "\\u00fc"])));
    }
    fields.extend(some_of(&FIELDS, structure, values, 3));
    let turned = structure.below(fields.len());
    fields.rotate_left(turned);
    format!("{{{blank}{}{blank}}}{blank}", fields.join(&format!("{blank},{blank}")))
}

/// Some fields of those named, hardly ever one of them twice.
fn some_of(
    names: &[(&str, &str)],
    structure: &mut Random,
    values: &mut Random,
    depth: usize,
) -> Vec<String> {
    let mut fields = Vec::new();
    for (name, kind) in names {
        let times = if structure.below(200) == 0 { 2 } else { structure.below(2) };
        for _ in 0..times {
            let kind = if structure.below(60) == 0 { "*" } else { kind };
            fields.push(format!("\"{name}\":{}", value(kind, structure, values, depth - 1)));
        }
    }
    fields
}

fn value(kind: &str, structure: &mut Random, values: &mut Random, depth: usize) -> String {
    let any = ["s", "s", "n", "w", "{", "["];
    match if kind == "*" { structure.of(&any) } else { kind } {
        "n" => values.of(&NUMBERS).to_owned(),
        "w" => values.of(&["true", "false", "null"]).to_owned(),
        "{" if depth > 0 => {
            format!("{{{}}}", some_of(&LEAVES, structure, values, depth).join(","))
        }
        "[" if depth > 0 => {
            let elements: Vec<_> =
                (0..structure.below(4)).map(|_| value("*", structure, values, depth - 1)).collect();
            format!("[{}]", elements.join(" ,"))
        }
        "{" => "{}".to_owned(),
        "[" => "[ ]".to_owned(),
        _ if structure.below(20) == 0 => "null".to_owned(),
        _ if values.below(100) == 0 => "\"half: \\ud800\"".to_owned(),
        _ => format!("\"{}\"", values.of(&STRINGS)),
    }
}

/// Changes some bytes, or takes a part of `other` in.
fn mutate(record: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let bytes = b"{}[],:\"\\0123456789-+.eE \n\tutfn\x00\xc3\xa4";
    for _ in 0..=random.below(3) {
        if record.is_empty() {
            return;
        }
        let at = random.below(record.len());
        let end = at + random.below(record.len() - at).min(1 + random.below(40));
        match random.below(7) {
            0 => record[at] = bytes[random.below(bytes.len())],
            1 => record.insert(at, bytes[random.below(bytes.len())]),
            2 => drop(record.drain(at..=at)),
            3 => drop(record.drain(at..end)),
            4 => {
                let part = record[at..end].to_vec();
                let to = random.below(record.len());
                record.splice(to..to, part);
            }
            5 => {
                let (from, to) = (random.below(other.len()), random.below(other.len()));
                record.splice(at..end, other[from.min(to)..from.max(to)].iter().copied());
            }
            _ => record.truncate(at + 1),
        }
    }
}

#[test]
fn events_and_what_is_nearly_one() {
    let (mut pair, mut random) = (Pair::new(), Random(20_150_517));
    let mut other = event(&mut Random(1), &mut Random(1)).into_bytes();
    for round in 0..rounds() {
        // Structures come back, and change over time.
        let structure = u64::try_from(random.below(40) + round / 2000 * 3).unwrap();
        let mut record = event(&mut Random(structure << 40), &mut random).into_bytes();
        if random.below(2) == 0 {
            mutate(&mut record, &other, &mut random);
        }
        pair.check(&record);
        if random.below(4) == 0 && !record.is_empty() {
            other = record;
        }
    }
    assert!(pair.events > rounds() / 4, "{}", pair.events);
    assert!(pair.read > pair.events / 3, "{} of {}", pair.read, pair.events);
}

/// All records of a few pieces, so that the same gaps come about in all states there are:
/// at each depth, in and out of arrays, with and without a read name before.
#[test]
fn gaps_that_look_alike() {
    let long = u32::from(std::env::var_os("STREAMGAUGE_LONG").is_some());
    for (start, pieces, length) in [
        ("", &["\"n\":1", "\"userId\":\"u\"", "\"n\":{", "}"][..], 7 + 2 * long),
        ("", &["\"n\":1", "\"sessionData\":{", "\"os\":\"s\"", "\"n\":{", "}"], 8 + long),
        (",\"n\":[", &["1", "[", "]", "{\"n\":1", "}"], 8 + long),
        ("", &["\"n\":1", "\"n\":null", "\"userId\":null", "\"userId\":\"u\""], 6 + 2 * long),
    ] {
        let start = r#"{"timestamp":1,"eventType":"X","sessionId":"s""#.to_owned() + start;
        let mut pair = Pair::new();
        // The second time all that can be learned of them is known.
        for round in 0..2 {
            for mut choice in 0..pieces.len().pow(length) {
                let mut record = start.clone();
                for _ in 0..length {
                    let piece = pieces[choice % pieces.len()];
                    let is_first = record.ends_with(['{', '[']);
                    record += if is_first || matches!(piece, "}" | "]") { "" } else { "," };
                    record += piece;
                    choice /= pieces.len();
                }
                pair.check(record.as_bytes());
                pair.check((record + "}").as_bytes());
            }
            assert!(pair.read > 20 * round, "{} {pieces:?}", pair.read);
        }
    }
}

/// The same bytes before a value do not mean the same in every object.
#[test]
fn a_name_is_read_only_where_it_means_something() {
    let n = r#""n":1,"n":1,"n":1"#;
    for (known, new) in [
        (r#""sessionData":{NNN,"os":"s"}"#, r#""sessionData":{},"n":{NNN,"os":"s"}"#),
        (r#""sessionData":{},"n":{NNN,"os":"s"}"#, r#""sessionData":{NNN,"os":"s"}"#),
        (r#""sessionData":{NNN,"os":"s"}"#, r#""sessionData":{},"n":[{NNN,"os":"s"}]"#),
        (r#""pageViewData":{NNN,"url":"s"}"#, r#""pageViewData":{},"n":{NNN,"url":"s"}"#),
        (r#""n":{NNN,"userId":"v"}"#, r#"NNN,"userId":"v""#),
        (r#"NNN,"userId":"v""#, r#""n":{NNN,"userId":"v"}"#),
    ] {
        let mut pair = Pair::new();
        for fields in [known, new, known, new] {
            let fields = fields.replace("NNN", n);
            let event = r#"{"timestamp":1,"eventType":"PAGE_VIEW","sessionId":"s","#;
            pair.check(format!("{event}{fields}}}").as_bytes());
        }
        assert_eq!((pair.events, pair.read), (4, 2), "{known} {new}");
    }
}

/// Each byte of an event that is known, changed, left out and doubled.
#[test]
fn every_place_of_a_known_event() {
    let known = r#"{"eventId":"e-1","timestamp":1703123456789,"eventType":"PAGE_VIEW","userId":"user_1","pageViewData":{"url":"/p/1?a","title":"A","referrer":"https://google.com/x","pageLoadTime":125},"sessionData":{"country":"US","city":"Zürich","os":null,"x":[true,false,{"y":[]}]},"conversionData":{"value":-59.90,"currency":"USD"},"a name that is longer than what is compared at once":1}"#;
    let mut pair = Pair::new();
    for at in 0..known.len() {
        for byte in 0..=0x7f {
            let mut record = known.as_bytes().to_vec();
            pair.check(&record);
            record[at] = byte;
            pair.check(&record);
            record.insert(at, known.as_bytes()[at]);
            pair.check(&record);
        }
        let mut record = known.as_bytes().to_vec();
        record.remove(at);
        pair.check(&record);
        record.truncate(at);
        pair.check(&record);
    }
    assert!(pair.read >= 128 * known.len() - 1, "{}", pair.read);
}

#[test]
fn nesting_of_any_depth() {
    let mut pair = Pair::new();
    for depth in [1, 30, 31, 32, 33, 34, 300, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for inner in ["1", "\"x\"", "[]", "{}", ""] {
                let nested = open.repeat(depth) + inner + &close.repeat(depth);
                for end in ["}", "", "]}", "}}"] {
                    let value = format!(
                        r#"{{"timestamp":1,"eventType":"X","userId":"u","a":{nested}{end}"#
                    );
                    pair.check(value.as_bytes());
                    pair.check(value.as_bytes());
                }
            }
        }
    }
}
