//! What the fields of a well-formed event come to.

use super::super::*;

/// Decodes `value`, which has to be an event, and compares what `read` takes
/// from it.
fn check<T: PartialEq + std::fmt::Debug>(
    value: &str,
    read: impl Fn(&Decoded<'_>) -> T,
    expected: T,
) {
    let mut decoder = Decoder::new(1 << 20);
    match decoder.decode(value.as_bytes()) {
        Ok(event) => assert_eq!(read(&event), expected, "{value}"),
        Err(rejection) => panic!("{rejection:?} for {value}"),
    }
}

/// An event of a type with a value for one of the three objects.
fn event(kind: &str, object: &str, leaves: &str) -> String {
    format!(
        r#"{{"{object}":{{{leaves}}},"timestamp":1,"eventType":"{kind}","userId":"u","sessionId":"s"}}"#
    )
}

#[test]
fn a_whole_event() {
    let value = r#"{"eventId":"e-1","timestamp":1703123456789,"eventType":"PAGE_VIEW",
        "userId":"user_1234","sessionId":"session_abc123",
        "pageViewData":{"url":"/products/laptops?a","title":"Laptops - TechStore",
        "referrer":"https://www.Google.com/search","pageLoadTime":1250},
        "sessionData":{"userAgent":"Mozilla/5.0...","ipAddress":"192.168.1.100","country":"US",
        "city":"New York","deviceType":"DESKTOP","browser":"Chrome","os":"Windows"},
        "conversionData":{"conversionType":"PURCHASE","value":59.90,"currency":"eur","orderId":"o-1"}}"#;
    let expected = Decoded {
        timestamp_ms: 1_703_123_456_789,
        kind: Kind::PageView,
        event_id: Some("e-1"),
        user: "user_1234",
        session: "session_abc123",
        page: "/products/laptops",
        referrer: "google.com",
        campaign: None,
        country: Some("US"),
        city: Some("New York"),
        device: Some("DESKTOP"),
        browser: Some("Chrome"),
        os: Some("Windows"),
        user_agent: Some("Mozilla/5.0..."),
        load_ms: Some(1248),
        value_minor: 5990,
        currency: *b"EUR",
        bad_leaves: 0,
    };
    let mut decoder = Decoder::new(1 << 20);
    assert_eq!(decoder.decode(value.as_bytes()), Ok(expected.clone()));
    // The same with every letter and digit of the texts escaped.
    let escaped = value
        .replace("user_1234", r"\u0075\u0073er_123\u0034")
        .replace("session_abc123", r"session_\u0061bc123")
        .replace("https://www.", r"https:\/\/www.")
        .replace("Chrome", r"\u0043hrome")
        .replace("PAGE_VIEW", r"PAGE\u005fVIEW")
        .replace("eur", r"\u0065ur")
        .replace("country", r"\u0063ountry");
    assert_eq!(decoder.decode(escaped.as_bytes()), Ok(expected));
}

#[test]
fn kinds() {
    for (name, kind) in [
        ("PAGE_VIEW", Kind::PageView),
        ("SESSION_START", Kind::SessionStart),
        ("SESSION_END", Kind::SessionEnd),
        ("CONVERSION", Kind::Conversion),
        ("page_view", Kind::Unknown),
        ("PAGE_VIEW ", Kind::Unknown),
        ("ADD_TO_CART", Kind::Unknown),
    ] {
        check(&event(name, "x", ""), |event| event.kind, kind);
    }
}

#[test]
fn user_and_session_stand_in_for_each_other() {
    for (ids, user, session) in [
        (r#""userId":"u","sessionId":"s""#, "u", "s"),
        (r#""userId":"u""#, "u", "u"),
        (r#""userId":"u","sessionId":"""#, "u", "u"),
        (r#""userId":"u","sessionId":null"#, "u", "u"),
        (r#""sessionId":"s""#, "s", "s"),
        (r#""userId":"","sessionId":"s""#, "s", "s"),
        (r#""userId":null,"sessionId":"s""#, "s", "s"),
        (r#""userId":" ","sessionId":"\u0000""#, " ", "\0"),
    ] {
        let value = format!(r#"{{"timestamp":1,"eventType":"X",{ids}}}"#);
        let read = |event: &Decoded<'_>| (event.user.to_owned(), event.session.to_owned());
        check(&value, read, (user.to_owned(), session.to_owned()));
    }
}

#[test]
fn pages_and_referrers() {
    for (leaves, page, referrer) in [
        ("", "(unknown)", "(direct)"),
        (r#""url":null,"referrer":null"#, "(unknown)", "(direct)"),
        (r#""url":5,"referrer":5"#, "(unknown)", "(direct)"),
        (r#""url":"","referrer":"""#, "/", "(direct)"),
        (r#""url":"https://h/a?b","referrer":"x""#, "/a", "(other)"),
        (r#""url":"\/\u00e4#","referrer":"http:\/\/WWW.\u00c4.x\/""#, "/ä", "ä.x"),
    ] {
        let read = |event: &Decoded<'_>| (event.page.to_owned(), event.referrer.to_owned());
        let value = event("PAGE_VIEW", "pageViewData", leaves);
        check(&value, read, (page.to_owned(), referrer.to_owned()));
        let value = event("CONVERSION", "pageViewData", leaves);
        check(&value, read, (String::new(), String::new()));
    }
}

#[test]
fn absent_and_empty_are_one() {
    let read = |event: &Decoded<'_>| {
        let texts = [event.country, event.city, event.device, event.browser];
        let rest = [event.os, event.user_agent, event.event_id];
        texts.iter().chain(&rest).filter(|text| text.is_some()).count()
    };
    let names = ["country", "city", "deviceType", "browser", "os", "userAgent"];
    for (text, each) in [("null", 0), (r#""""#, 0), (r#""-""#, 1), ("5", 0)] {
        let leaves = names.map(|name| format!(r#""{name}":{text}"#)).join(",");
        check(&event("PAGE_VIEW", "sessionData", &leaves), read, 6 * each);
    }
    for (id, expected) in [("null", 0), (r#""""#, 0), (r#""-""#, 1)] {
        let value = format!(r#"{{"eventId":{id},"timestamp":1,"eventType":"X","userId":"u"}}"#);
        check(&value, read, expected);
    }
}

#[test]
fn load_times() {
    for (number, load_ms, bad_leaves) in [
        ("1250", Some(1248), 0),
        ("-0.0", Some(0), 0),
        ("-0.4", None, 0),
        ("-1e400", None, 0),
        ("1e400", None, 1),
        (r#""1250""#, None, 1),
        ("null", None, 0),
        ("[]", None, 1),
    ] {
        for kind in ["PAGE_VIEW", "SESSION_END", "ADD_TO_CART"] {
            let value = event(kind, "pageViewData", &format!(r#""pageLoadTime":{number}"#));
            check(&value, |event| (event.load_ms, event.bad_leaves), (load_ms, bad_leaves));
        }
    }
}

#[test]
fn money() {
    for (leaves, value_minor, currency, bad_leaves) in [
        ("", 0, b"USD", 0),
        (r#""value":null,"currency":null"#, 0, b"USD", 0),
        (r#""value":59.90"#, 5990, b"USD", 0),
        (r#""value":1.005,"currency":"kwd""#, 1005, b"KWD", 0),
        (r#""currency":"kwd","value":1.005"#, 1005, b"KWD", 0),
        (r#""value":1.005,"currency":"""#, 101, b"USD", 1),
        (r#""value":1.005,"currency":"EURO""#, 101, b"USD", 1),
        (r#""value":1.005,"currency":978"#, 101, b"USD", 1),
        (r#""value":"1","currency":"EUR""#, 0, b"EUR", 1),
        (r#""value":[1],"currency":{}"#, 0, b"USD", 2),
        (r#""value":1e17,"currency":"EUR""#, 0, b"EUR", 1),
        (r#""value":1e17,"currency":"JPY""#, 100_000_000_000_000_000, b"JPY", 0),
        (r#""value":1e30,"currency":"x""#, 0, b"USD", 2),
        (r#""value":-33.2,"currency":"EUR""#, -3320, b"EUR", 0),
    ] {
        let read = |event: &Decoded<'_>| (event.value_minor, event.currency, event.bad_leaves);
        for kind in ["CONVERSION", "PAGE_VIEW", "ADD_TO_CART"] {
            let value = event(kind, "conversionData", leaves);
            check(&value, read, (value_minor, *currency, bad_leaves));
        }
    }
}

#[test]
fn bad_leaves_add_up() {
    let value = r#"{"timestamp":1,"eventType":"X","userId":"u",
        "pageViewData":{"url":1,"referrer":[],"pageLoadTime":"1","title":1},
        "sessionData":{"userAgent":1,"city":{"a":[{}]},"os":true,"ipAddress":1},
        "conversionData":{"value":"1","currency":"x"}}"#;
    check(value, |event| event.bad_leaves, 8);
}
