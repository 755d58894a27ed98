//! The campaigns of whole records.

use super::super::*;

/// The campaign of an event whose `pageViewData` has these leaves.
fn read(decoder: &mut Decoder, kind: &str, leaves: &str) -> Option<String> {
    let value = format!(
        r#"{{"pageViewData":{{{leaves}}},"timestamp":1,"eventType":"{kind}","userId":"\u0075tm_"}}"#
    );
    let event = decoder.decode(value.as_bytes()).unwrap();
    event.campaign.map(str::to_owned)
}

fn check(leaves: &str, expected: Option<&str>) {
    let mut decoder = Decoder::new(1 << 20).with_campaigns(true);
    // The decoder has read another one before.
    let other = r#""url":"/?utm_source=%41&utm_medium=b+b&utm_campaign=c""#;
    assert_eq!(read(&mut decoder, "PAGE_VIEW", other).as_deref(), Some("A\0b b\0c"));
    assert_eq!(read(&mut decoder, "PAGE_VIEW", leaves).as_deref(), expected, "{leaves}");
    for kind in ["SESSION_START", "SESSION_END", "CONVERSION", "page_view"] {
        assert_eq!(read(&mut decoder, kind, leaves), None, "{kind} {leaves}");
    }
    let mut off = decoder.with_campaigns(false);
    assert_eq!(read(&mut off, "PAGE_VIEW", leaves), None, "{leaves}");
    assert_eq!(read(&mut Decoder::new(1 << 20), "PAGE_VIEW", leaves), None, "{leaves}");
}

#[test]
fn the_campaign_of_a_page_view() {
    for (url, expected) in [
        ("/x", None),
        ("/x?y=utm_source", None),
        ("https://h.example/x?y&utm_source=a&utm_medium=b&utm_campaign=c#z", Some("a\0b\0c")),
        ("/x?utm_campaign=spring%20sale+%C3%A4", Some("(none)\0(none)\0spring sale ä")),
        ("/x?utm_source=%ff%00%", Some("\u{fffd}\u{fffd}%\0(none)\0(none)")),
        ("/x?utm_source=&utm_medium=b&utm_medium=c", Some("(none)\0b\0(none)")),
        ("/x?utm_source=&utm_medium&utm_campaign=#", None),
        ("/x#y?utm_source=a", None),
        ("/x?UTM_SOURCE=a&Utm_Medium=b", None),
    ] {
        check(&format!(r#""url":"{url}""#), expected);
    }
}

#[test]
fn escapes_of_the_record_are_none_of_the_query() {
    for (url, expected) in [
        (r"\/x\u003Futm_source=\u00e4\u0026utm_medium=b", Some("ä\0b\0(none)")),
        (r"/x?\u0075tm_source=\ud83d\ude00", Some("😀\0(none)\0(none)")),
        (r"/x\u0023?utm_source=a", None),
        (r"/x?utm_source=a\u0023&utm_medium=b", Some("a\0(none)\0(none)")),
        (r"/x?utm_source=a\u0000b", Some("a\u{fffd}b\0(none)\0(none)")),
        (r"/x?utm_source=\u0000", Some("\u{fffd}\0(none)\0(none)")),
        (r"/x?utm_source=\u002541\n", Some("A\n\0(none)\0(none)")),
        (r"/x?utm_source=%\u0034\u0031", Some("A\0(none)\0(none)")),
        (r"/x?utm_source=%u0041", Some("%u0041\0(none)\0(none)")),
    ] {
        check(&format!(r#""url":"{url}""#), expected);
    }
}

#[test]
fn only_the_url_has_a_campaign() {
    for leaves in [
        "",
        r#""url":null"#,
        r#""url":5"#,
        r#""url":"""#,
        r#""referrer":"https://h.example/?utm_source=a""#,
        r#""url":["/x?utm_source=a"]"#,
    ] {
        check(leaves, None);
    }
}

#[test]
fn what_else_an_event_says_does_not_depend_on_it() {
    let value = r#"{"timestamp":1,"eventType":"PAGE_VIEW","userId":"u","pageViewData":
        {"url":"https:\/\/h/x?utm_source=%41","referrer":"http://WWW.\u00c4.x/?utm_source=b"}}"#;
    let (mut off, mut on) = (Decoder::new(999), Decoder::new(999).with_campaigns(true));
    let expected = off.decode(value.as_bytes()).unwrap();
    let event = on.decode(value.as_bytes()).unwrap();
    assert_eq!((event.page, event.referrer), ("/x", "ä.x"));
    assert_eq!(Decoded { campaign: None, ..event }, expected);
}
