//! Which reason and which key a rejected record has.

use super::super::Decoder;
use super::{check, event};

/// One to a line: the reason, the key or `-`, the value.
const FIRST_REASON: &str = r#"
missing_field - {}
missing_field - {"timestamp":1,"eventType":"X"}
missing_field - {"timestamp":1,"eventType":"X","userId":"","sessionId":null}
missing_field u {"timestamp":null,"eventType":"X","userId":"u"}
missing_field u {"eventType":"X","userId":"u"}
missing_field u {"timestamp":1,"eventType":"","userId":"u"}
missing_field s {"timestamp":1,"eventType":null,"sessionId":"s"}
missing_field u {"timestamp":1,"userId":"u"}
missing_field u {"timestamp":-1,"eventType":"","userId":"u"}
bad_value u {"timestamp":-1,"eventType":"X","userId":"u"}
bad_value u {"timestamp":-9223372036854775808,"eventType":"X","userId":"u"}
bad_value u {"timestamp":253402300800000,"eventType":"X","userId":"u"}
bad_value u {"timestamp":9223372036854775807,"eventType":"X","userId":"u"}
ok u {"timestamp":253402300799999,"eventType":"X","userId":"u"}
ok u {"timestamp":-0,"eventType":"X","userId":"u"}
ok s {"timestamp":0,"eventType":"X","sessionId":"s"}
wrong_type u {"timestamp":null,"eventType":5,"userId":"u"}
wrong_type - {"timestamp":-1,"eventType":"X","userId":5}
wrong_type s {"timestamp":1,"eventType":"X","userId":5,"sessionId":"s"}
wrong_type u {"timestamp":1,"eventType":"X","userId":"u","sessionId":5}
wrong_type - {"timestamp":1,"eventType":"X","userId":"","sessionId":5}
wrong_type - {"timestamp":1,"eventType":"X","userId":5,"sessionId":""}
malformed - {"timestamp":1,"eventType":5,"userId":"u"
malformed - {"timestamp":1,"timestamp":1,"eventType":5}
malformed - {"timestamp":null,"eventType":5,"userId":"u","eventId":"\ud800"}
malformed - {"eventType":5,"userId":"u","x":[1,2,{"y":tru}]}
"#;

#[test]
fn the_first_reason_counts() {
    for line in FIRST_REASON.lines().skip(1) {
        let mut columns = line.splitn(3, ' ');
        let mut next = || columns.next().unwrap();
        let (reason, key, value) = (next(), next(), next());
        check(value, reason, key.trim_start_matches('-'));
    }
}

#[test]
fn wrong_types() {
    for odd in ["5", "true", "false", "[]", "{}", "1.5", r#"["x"]"#] {
        for field in ["eventType", "sessionId", "eventId"] {
            let rest = format!(r#"{{"timestamp":1,"userId":"u","{field}":{odd}}}"#);
            check(rest, "wrong_type", "u");
        }
    }
    for odd in ["5", "true", "[]", r#""x""#, "[{\"url\":\"/\",\"url\":1}]"] {
        for field in ["pageViewData", "sessionData", "conversionData"] {
            check(event(&format!(r#","{field}":{odd}"#)), "wrong_type", "u");
        }
    }
    for odd in [
        "1.0",
        "1e3",
        "1E0",
        "-1.5",
        "true",
        "[]",
        r#""1""#,
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
    ] {
        let value = format!(r#"{{"timestamp":{odd},"eventType":"X","userId":"u"}}"#);
        check(value, "wrong_type", "u");
    }
}

#[test]
fn details_name_the_field() {
    for (value, detail) in [
        (r#"{"timestamp":"1"}"#, "timestamp is no integer of 64 bits"),
        (r#"{"sessionData":1,"userId":1}"#, "sessionData"),
        (r#"{"timestamp":1,"userId":"u"}"#, "eventType"),
        (r#"{"timestamp":1,"eventType":"\u0041"}"#, "userId and sessionId"),
        (r#"{"userId":"u","userId":"u"}"#, "a field twice in its object, at byte 23 (userId)"),
        (r#"{"pageViewData":{"url":"\ud800"}}"#, "half a surrogate pair, at byte 23 (url)"),
        (r#"{"a":[1 2]}"#, "neither a comma nor a closing bracket after an element, at byte 8"),
        (r#"{"a":{"b":1 2}}"#, "neither a comma nor a closing brace after a field, at byte 12"),
    ] {
        let mut decoder = Decoder::new(1 << 20);
        let rejection = decoder.decode(value.as_bytes()).unwrap_err();
        assert_eq!(rejection.detail, detail, "{value}");
    }
}
