//! The scanner against an independent judge, and against noise.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::value::RawValue;

use super::super::fields::{Name, Target};
use super::super::json::Scanner;
use super::super::*;

const TYPICAL: &str = r#"{"eventId":"e-1","timestamp":1703123456789,"eventType":"PAGE_VIEW","userId":"user_\u00e4","pageViewData":{"url":"/p/1?a","title":"A \"b\" \\ c","referrer":"https://google.com/x","pageLoadTime":12.50e2},"sessionData":{"country":"US","city":"Zürich","os":null,"x":[true,false,{"y":[]}]},"conversionData":{"value":-59.90,"currency":"USD"}}"#;

/// Names for the bare grammar: none is read.
#[derive(Clone, Copy)]
enum NoName {}

impl Name for NoName {
    fn find(_: &[u8]) -> Option<Self> {
        None
    }

    fn as_str(self) -> &'static str {
        match self {}
    }

    fn bit(self) -> u8 {
        match self {}
    }

    fn target(self) -> Target {
        match self {}
    }
}

fn is_object(text: &str) -> bool {
    let (mut unescaped, mut closing) = (String::new(), Vec::new());
    let mut scan = Scanner::new(text, &mut unescaped, &mut closing);
    scan.document::<NoName>(|_, name| match name {}).is_ok()
}

/// Whether the judge takes `text` for one JSON object.
fn judge_says(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get().starts_with('{'))
}

/// Compares the scanner with the judge, and the decoder with both.
fn check(value: &[u8]) {
    let mut decoder = Decoder::new(1 << 20);
    let decoded = decoder.decode(value);
    let reason = decoded.as_ref().err().map(|rejection| rejection.reason);
    let Ok(text) = std::str::from_utf8(value) else {
        assert_eq!(reason, Some(Reason::NotUtf8));
        return;
    };
    let expected = judge_says(text);
    assert_eq!(is_object(text), expected, "{text}");
    if text.is_empty() {
        assert_eq!(reason, Some(Reason::Empty));
    } else if !expected {
        assert_eq!(reason, Some(Reason::Malformed), "{text}");
    } else if let Err(rejection) = decoded {
        let detail = rejection.detail;
        let by_rule = detail.starts_with("a field twice") || detail.starts_with("half");
        assert_eq!(reason == Some(Reason::Malformed), by_rule, "{text}");
    }
}

/// As many cases as asked for, the same in every run.
pub(in crate::decode) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_150_517),
        ..ProptestConfig::default()
    }
}

/// Any JSON, with odd blanks, escapes and numbers.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,25})?",
        any_string(),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let blank = "[ \t\r\n]{0,2}";
        let element = (blank, inner, blank).prop_map(|(a, value, b)| a + &value + &b);
        let field = (blank, any_string(), blank, element.clone())
            .prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{value}"));
        prop_oneof![
            prop::collection::vec(element, 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(field, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

fn any_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -!#-\\[\\]-~äß€😀\u{7f}]{0,12}",
        "\\\\[\"\\\\/bfnrt]",
        "\\\\u[0-9a-fA-F]{4}",
    ];
    prop::collection::vec(piece, 0..4).prop_map(|all| format!("\"{}\"", all.concat()))
}

/// Pieces of JSON in any order, most of them not JSON.
fn any_tokens() -> impl Strategy<Value = String> {
    let tokens = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\"",
        "1",
        "-",
        "0",
        "01",
        "1.",
        "e5",
        ".5",
        "1E+3",
        "true",
        "tru",
        "null",
        " ",
        "\n",
        "\t",
        "\u{b}",
        "\u{1}",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"",
        "\\",
        "{\"a\":",
        "{}",
        "[]",
        ",\"b\":",
        "\"userId\":\"u\"",
        "é",
    ];
    let token = prop::sample::select(tokens.to_vec());
    prop::collection::vec(token, 0..16).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn any_json_is_taken(value in any_json()) {
        check(value.as_bytes());
        check(format!("{{\"a\":{value}}}").as_bytes());
        check(format!("{{\"userId\":{value},\"sessionData\":{{\"os\":{value}}}}}").as_bytes());
    }

    #[test]
    fn mutated_json_is_judged_alike(
        value in any_json(), at: prop::sample::Index, byte in prop::sample::select(b"{}[],:\"\\01-+.eE \nu\x00\xff".to_vec()),
    ) {
        let mut bytes = format!("{{\"a\":{value}}}").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&bytes);
        bytes.remove(at);
        check(&bytes);
        bytes.truncate(at);
        check(&bytes);
    }

    #[test]
    fn tokens_are_judged_alike(text in any_tokens()) {
        check(text.as_bytes());
        check(format!("{{{text}}}").as_bytes());
        check(format!("{{\"a\":{text}}}").as_bytes());
    }

    #[test]
    fn mutated_events_are_judged_alike(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4, any::<u8>()), 1..4),
    ) {
        let mut bytes = TYPICAL.as_bytes().to_vec();
        for (at, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte & 0x7f),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at + 1),
            }
        }
        check(&bytes);
    }

    #[test]
    fn texts_are_those_the_judge_reads(user in any_string(), os in any_string()) {
        let text = format!(
            r#"{{"timestamp":1,"eventType":"X","userId":{user},"sessionId":"s","sessionData":{{"os":{os}}}}}"#
        );
        let judged = |string: &str| serde_json::from_str::<String>(string).ok();
        let mut decoder = Decoder::new(1 << 20);
        match (decoder.decode(text.as_bytes()), judged(&user), judged(&os)) {
            (Ok(event), Some(user), Some(os)) => {
                prop_assert_eq!(event.user, if user.is_empty() { "s" } else { &user });
                prop_assert_eq!(event.os.unwrap_or_default(), os);
            }
            (Err(rejection), user, os) => {
                prop_assert_eq!(rejection.reason, Reason::Malformed);
                prop_assert!(user.is_none() || os.is_none());
            }
            (decoded, _, _) => prop_assert!(false, "{:?} for {}", decoded, text),
        }
    }

    #[test]
    fn nothing_is_left_of_the_value_before(first in any_json(), second in any_json()) {
        let first = format!(r#"{{"userId":{first},"pageViewData":{{"referrer":{first}}}}}"#);
        let second = format!(r#"{{"timestamp":1,"eventType":"PAGE_VIEW","userId":"u","pageViewData":{{"referrer":{second}}}}}"#);
        let (mut used, mut fresh) = (Decoder::new(1 << 20), Decoder::new(1 << 20));
        let _ = used.decode(first.as_bytes());
        prop_assert_eq!(used.decode(second.as_bytes()), fresh.decode(second.as_bytes()));
    }
}

#[test]
fn every_prefix_of_an_event() {
    for end in 0..=TYPICAL.len() {
        check(&TYPICAL.as_bytes()[..end]);
    }
}

/// Half of the strings are of JSON's own characters, to get further in.
#[test]
fn noise_is_judged_and_does_no_harm() {
    let alphabet = b"{}[],:\"\\0123456789-+.eEtrufalsn \n\t\x00\xc3\xa4";
    let mut state = 1_u64;
    let mut random = move |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit
    };
    for round in 0..100_000 {
        let length = random(40);
        let mut value: Vec<u8> = (0..length)
            .map(|_| match round % 2 {
                0 => u8::try_from(random(256)).unwrap(),
                _ => alphabet[random(alphabet.len())],
            })
            .collect();
        if round % 4 == 1 {
            value.insert(0, b'{');
        }
        check(&value);
    }
}
