//! What cannot be read as an event, and what only looks as if it could not.

use super::super::{Decoder, Reason};
use super::{check, event};

#[test]
fn sizes_and_utf8_come_first() {
    check("", "empty", "");
    check(" ".repeat((1 << 20) + 1), "oversize", "");
    check([0xff; (1 << 20) + 1], "oversize", "");
    check(event(&" ".repeat((1 << 20) - event("").len())), "ok", "u");
    check([b"{".as_slice(), b"\xff"].concat(), "not_utf8", "");
    check(b"\"\xed\xa0\x80\"", "not_utf8", "");
    check(b"\xc0\x80", "not_utf8", "");
}

/// One to a line: not JSON, or not an object.
const BROKEN: &str = r#"
null
[]
"text"
1
{}{}
{} x
{},
{
{"
{"a
{"a"
{"a":
{"a":1
{"a":1,
{,}
{"a":1,}
{a:1}
{"a" 1}
{"a":}
{"a":1 "b":2}
{'a':1}
{/**/}
{"a":[1,]}
{"a":[,1]}
{"a":[1 2]}
{"a":[1}
{"a":{]}
{"a":[}]}
{"a":[{"b"}]}
{"a":[{"b":1,}]}
{"a":01}
{"a":-}
{"a":+1}
{"a":1.}
{"a":.5}
{"a":1e}
{"a":1e+}
{"a":-01}
{"a":1.e5}
{"a":0x1}
{"a":NaN}
{"a":tru}
{"a":nullx}
{"a":True}
{"a":"\q"}
{"a":"\u00g0"}
{"a":"\u12"}
{"a":"\U0041"}
{"a":"\
{"a":"\u
{"a":"x}
"#;

#[test]
fn malformed_grammar() {
    for value in BROKEN.lines().skip(1) {
        check(value, "malformed", "");
    }
    for value in [
        "\t\r ",
        "\u{feff}{}",
        "\0{}",
        "{}\0",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\n\"}",
        "{\"a\u{1}\":1}",
        "{\"a\":1\u{b}}",
        "{\"a\":1\u{a0}}",
        " ",
    ] {
        check(value, "malformed", "");
    }
    for blank in [" ", "\t", "\r", "\n", " \r\n\t "] {
        let spaced = r#"_{_"timestamp"_:_1_,_"eventType"_:_"X"_,_"userId"_:_"u"_,_"a"_:_[_1_,_{_"b"_:_{_}_}_,_[_]_]_}_"#;
        check(spaced.replace('_', blank), "ok", "u");
    }
}

#[test]
fn ignored_fields_need_only_their_grammar() {
    for fields in [
        r#","extra":1,"extra":2"#,
        r#","extra":{"\ud800x":["\ud800x"]}"#,
        r#","\ud800x":1,"userId\ud800x":"x","timestamp\ud800x":"x""#,
        r#","pageViewData":{"\ud800":1,"title":"\ud800","title":5,"country":5,"userId":5,"userId":6}"#,
        r#","sessionData":{"ipAddress":"\udc00","ipAddress":{},"url":1,"url":2,"timestamp":"x"}"#,
        r#","conversionData":{"orderId":"\ud800","conversionType":[],"orderId":1}"#,
        r#","url":5,"value":"x","extra":{"userId":1,"userId":2,"pageViewData":3}"#,
        r#","userI":5,"userIdx":5,"USERID":5,"":5,"timestamp ":5"#,
        r#","extra":-0.00e-000,"b":1E400,"c":99999999999999999999999999"#,
        r#","pageViewData":{},"sessionData":null,"conversionData":{ }"#,
    ] {
        check(event(fields), "ok", "u");
    }
}

#[test]
fn a_read_field_stands_once_in_its_object() {
    for fields in [
        r#","userId":"v""#,
        r#","user\u0049d":"v""#,
        r#","timestamp":null"#,
        r#","eventId":5,"eventId":"a""#,
        r#","sessionId":null,"sessionId":null"#,
        r#","pageViewData":null,"pageViewData":{}"#,
        r#","conversionData":[],"conversionData":null"#,
        r#","pageViewData":{"url":"/a","url":"/b"}"#,
        r#","pageViewData":{"url":null,"\u0075rl":"/b"}"#,
        r#","sessionData":{"os":5,"os":5}"#,
        r#","conversionData":{"value":1,"x":1,"value":1}"#,
    ] {
        check(event(fields), "malformed", "");
    }
}

#[test]
fn half_a_pair_in_a_text_that_is_read() {
    let whole = event(r#","pageViewData":{"url":"/\uD83D\uDE00\\ud800"}"#);
    check(whole, "ok", "u");
    let places = [
        r#","eventId":@"#,
        r#","sessionId":@"#,
        r#","pageViewData":{"url":@}"#,
        r#","pageViewData":{"referrer":@}"#,
        r#","sessionData":{"country":@}"#,
        r#","sessionData":{"city":@}"#,
        r#","sessionData":{"deviceType":@}"#,
        r#","sessionData":{"browser":@}"#,
        r#","sessionData":{"os":@}"#,
        r#","sessionData":{"userAgent":@}"#,
        r#","conversionData":{"currency":@}"#,
    ];
    for place in places {
        for half in
            [r#""\ud800x""#, r#""\udc00""#, r#""\ude00\ud83d""#, r#""\ud800\ue000""#, r#""\ud800""#]
        {
            check(event(&place.replace('@', half)), "malformed", "");
        }
        check(event(&place.replace('@', r#"["\ud800"]"#)), verdict(place), "u");
    }
    for place in
        [r#","pageViewData":{"pageLoadTime":"\ud800"}"#, r#","conversionData":{"value":"\ud800"}"#]
    {
        check(event(place), "ok", "u");
    }
    check(event(r#","pageViewData":"\ud800""#), "wrong_type", "u");
    let timestamp = r#"{"timestamp":"\ud800","eventType":"X","userId":"u"}"#;
    check(timestamp, "wrong_type", "u");
}

/// An array where a text should stand.
fn verdict(place: &str) -> &'static str {
    if place.contains('{') { "ok" } else { "wrong_type" }
}

#[test]
fn no_depth_is_too_deep() {
    const DEPTH: usize = 100_000;
    let deep = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let objects = r#"{"a":"#.repeat(DEPTH) + "1" + &"}".repeat(DEPTH);
    let mixed = r#"[1,{"a":"#.repeat(DEPTH) + "{}" + &"},[]]".repeat(DEPTH);
    for value in [&deep, &objects, &mixed] {
        let mut decoder = Decoder::new(1 << 22);
        let text = event(&format!(r#","extra":{value},"sessionData":{{"os":{value}}}"#));
        assert_eq!(decoder.decode(text.as_bytes()).unwrap().bad_leaves, 1);
        let own = format!(r#"{{"userId":{value},"sessionId":"s"}}"#);
        let rejection = decoder.decode(own.as_bytes()).unwrap_err();
        assert_eq!((rejection.reason, rejection.key), (Reason::WrongType, Some("s")));
    }
    for broken in [
        &deep[1..],
        &deep[..deep.len() - 1],
        &deep.replace("[]", "[}"),
        &deep.replace("[]", "[[][]]"),
    ] {
        check(event(&format!(r#","extra":{broken}"#)), "malformed", "");
    }
    check("{\"a\":".repeat(200_000), "malformed", "");
    check("[".repeat(1 << 20), "malformed", "");
    check(format!("{{\"a\":{}", "[".repeat(1_000_000)), "malformed", "");
}
