use super::*;
use crate::decode::{Decoder, Kind, partition_of};
use crate::files::Progress;
use proptest::prelude::*;
use std::convert::Infallible;
use std::fs::File;
use std::io::Write;

const HEAD: &str = "83.149.9.216 - - [17/May/2015:10:05:03 +0000]";
const TAIL: &str = r#""http://semicomplete.com/a?b" "curl/8""#;

fn convert(format: Format, line: &[u8]) -> Result<(String, String), String> {
    let mut converter = Converter::new(format, Options::default());
    let mut out = Vec::new();
    match converter.convert(line, &mut out) {
        Converted::Event { key, timestamp_ms } => {
            let json = String::from_utf8(out).unwrap();
            assert!(json.contains(&format!(r#""timestamp":{timestamp_ms},"#)));
            Ok((key.to_owned(), json))
        }
        Converted::Skipped(reason) => Err(format!("skipped: {}", reason.name())),
        Converted::Unreadable(reason) => Err(format!("unreadable: {}", reason.name())),
    }
}

/// What the decoder finds in the event of a combined line: page, referrer, user agent.
fn check(line: &str, page: &str, referrer: &str, user_agent: Option<&str>) {
    let (key, json) = convert(Format::Combined, line.as_bytes()).unwrap();
    let mut decoder = Decoder::new(1 << 20);
    let event = decoder.decode(json.as_bytes()).unwrap();
    assert_eq!(event.kind, Kind::PageView);
    assert_eq!((event.user, event.session), (key.as_str(), key.as_str()));
    let found = (event.page, event.referrer, event.user_agent, event.bad_leaves);
    assert_eq!(found, (page, referrer, user_agent, 0), "{line}");
}

fn refuse(format: Format, line: &str, expected: &str) {
    assert_eq!(convert(format, line.as_bytes()).unwrap_err(), expected, "{line}");
}

#[test]
fn an_event_has_all_that_the_line_says_but_the_address() {
    let line = format!(
        r#"{HEAD} "GET /a/b?c=d HTTP/1.1" 200 203023 "http://semicomplete.com/x" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36""#
    );
    let (key, json) = convert(Format::Combined, line.as_bytes()).unwrap();
    let id = format!("{:032x}", event::id(1, line.as_bytes()));
    assert_eq!(
        json,
        format!(
            r#"{{"eventId":"{id}","timestamp":1431857103000,"eventType":"PAGE_VIEW","userId":"{key}","sessionId":"{key}","pageViewData":{{"url":"/a/b?c=d","referrer":"http://semicomplete.com/x"}},"sessionData":{{"userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36","deviceType":"DESKTOP","browser":"Chrome","os":"macOS"}}}}"#
        )
    );
    let (key, json) = convert(Format::Common, line.as_bytes()).unwrap();
    assert!(
        json.ends_with(&format!(r#""sessionId":"{key}","pageViewData":{{"url":"/a/b?c=d"}}}}"#))
    );
}

#[test]
fn lines_as_they_are_found() {
    let get = r#""GET /a HTTP/1.1" 200 5"#;
    let from = "semicomplete.com";
    check(&format!("{HEAD} {get} {TAIL}"), "/a", from, Some("curl/8"));
    check(&format!("{HEAD} {get} {TAIL} \"1.2.3.4\" 0.002 [x]"), "/a", from, Some("curl/8"));
    check(&format!("{HEAD} {get} \"-\" \"-\""), "/a", "(direct)", None);
    check(&format!("{HEAD} {get} \"\" \"\""), "/a", "(direct)", None);
    check(&format!("{HEAD} \"GET /a HTTP/2.0\" 304 - {TAIL}"), "/a", from, Some("curl/8"));
    check(&format!("{HEAD} \"GET /a\" 200 5 {TAIL}"), "/a", from, Some("curl/8"));
    check(&format!("{HEAD} \"GET /a b c HTTP/1.0\" 206 5 {TAIL}"), "/a b c", from, Some("curl/8"));
    check(
        &format!("{HEAD} \"GET http://x.org/a#b HTTP/1.0\" 200 5 {TAIL}"),
        "/a",
        from,
        Some("curl/8"),
    );
    check(
        &format!(r#"{HEAD} "GET /q\"\x22%22\xc3\xa4 HTTP/1.1" 200 5 "-" "a \"b\" \\ c""#),
        "/q\"\"%22ä",
        "(direct)",
        Some(r#"a "b" \ c"#),
    );
    check(&format!(r#"{HEAD} {get} "-" "a "b"c" d""#), "/a", "(direct)", Some(r#"a "b"c"#));
    let time = "[17/May/2015:10:05:03 +0000]";
    for head in
        ["2001:db8::1 - -", "host.example.org - Jane Doe", "::1 - \"\"", "site.org:443 1.2.3.4 - x"]
    {
        check(&format!("{head} {time} {get} {TAIL}"), "/a", from, Some("curl/8"));
    }
}

#[test]
fn what_is_no_page_view_is_skipped_for_a_reason() {
    let with = |request: &str, status: &str| format!("{HEAD} \"{request}\" {status} 5 {TAIL}");
    let skip = |line: &str, reason: &str| {
        refuse(Format::Combined, line, &format!("skipped: {reason}"));
    };
    skip("", "empty");
    skip(" \t\r", "empty");
    skip(&with("GET /none HTTP/1.1", "404"), "error");
    skip(&with("GET / HTTP/1.1", "503"), "error");
    skip(&with("\\x16\\x03\\x01", "400"), "error");
    skip(&with("-", "408"), "error");
    skip(&with("GET /old HTTP/1.1", "301"), "redirect");
    skip(&with("GET / HTTP/1.1", "101"), "no page");
    skip(&with("GET / HTTP/1.1", "000"), "no page");
    skip(&with("GET / HTTP/1.1", "-"), "no page");
    skip(&with("POST /form HTTP/1.1", "200"), "other method");
    skip(&with("HEAD / HTTP/1.1", "200"), "other method");
    skip(&with("OPTIONS * HTTP/1.0", "200"), "other method");
    for asset in [
        "/a.css",
        "/b.JS?v=1",
        "/c/d.min.js#x",
        "/favicon.ico",
        "/robots.txt",
        "/.well-known/x",
        "/f.woff2",
    ] {
        skip(&with(&format!("GET {asset} HTTP/1.1"), "200"), "asset");
    }
    for page in
        ["/", "/a.html", "/a.css/", "/js", "/feed.xml", "/a.pdf", "/x/robots.txt", "/?f=a.css"]
    {
        assert!(
            convert(Format::Combined, with(&format!("GET {page} HTTP/1.1"), "200").as_bytes())
                .is_ok(),
            "{page}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_told_with_a_reason() {
    let get = r#""GET /a HTTP/1.1" 200 5"#;
    let fail = |line: &str, reason: &str| {
        refuse(Format::Combined, line, &format!("unreadable: {reason}"));
    };
    fail("hello", "malformed");
    fail(&format!("{HEAD} {get}"), "malformed");
    fail(&format!("{HEAD} {get} \"-\" \"cut off"), "malformed");
    fail(&format!("{HEAD} GET / 200 5 {TAIL}"), "malformed");
    fail(&format!("1.2.3.4 - [17/May/2015:10:05:03 +0000] {get} {TAIL}"), "malformed");
    fail(&format!("1.2.3.4 - - [17/May/2015:10:05:03 +0000 {get} {TAIL}"), "malformed");
    fail(&format!("1.2.3.4 - - [2015-05-17T10:05:03] {get} {TAIL}"), "bad time");
    fail(&format!("1.2.3.4 - - [30/Feb/2015:10:05:03 +0000] {get} {TAIL}"), "bad time");
    fail(&format!("{HEAD} \"GET / HTTP/1.1\" ok 5 {TAIL}"), "bad status");
    fail(&format!("{HEAD} \"GET / HTTP/1.1\" 2000 5 {TAIL}"), "bad status");
    fail(&format!("{HEAD} \"\\x16\\x03 \" 200 5 {TAIL}"), "bad request");
    fail(&format!("{HEAD} \"-\" 200 5 {TAIL}"), "bad request");
    fail(&format!("{HEAD} \"GET  HTTP/1.1\" 200 5 {TAIL}"), "bad request");
}

#[test]
fn visitors_are_told_apart_by_address_agent_and_salt_alone() {
    let visitor = |salt: &str, address: &str, agent: &str, page: &str| {
        let line = format!(
            "{address} - - [17/May/2015:10:05:03 +0000] \"GET {page} HTTP/1.1\" 200 5 \"-\" \"{agent}\""
        );
        let options = Options { salt: salt.to_owned() };
        let mut converter = Converter::new(Format::Combined, options);
        match converter.convert(line.as_bytes(), &mut Vec::new()) {
            Converted::Event { key, .. } => key.to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let one = visitor("", "1.2.3.4", "a", "/");
    assert_eq!(one, visitor("", "1.2.3.4", "a", "/b"));
    assert!(!one.contains("1.2.3.4"));
    for other in [
        visitor("", "1.2.3.5", "a", "/"),
        visitor("", "1.2.3.4", "b", "/"),
        visitor("s", "1.2.3.4", "a", "/"),
        visitor("", "1.2.3.4a", "-", "/"),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn files_are_read_in_order_and_every_line_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, gz) = (folder.path().join("a.log"), folder.path().join("b.log.gz"));
    let line = |page: &str| format!("{HEAD} \"GET {page} HTTP/1.1\" 200 5 {TAIL}");
    let first = [line("/1"), line("/1"), line("/a.css"), "x".repeat(2 << 20), line("/2")];
    std::fs::write(&plain, first.join("\r\n")).unwrap();
    let mut packed =
        flate2::write::GzEncoder::new(File::create(&gz).unwrap(), flate2::Compression::fast());
    packed.write_all(format!("{}\n\n{}\n", line("/1"), line("/b.css")).as_bytes()).unwrap();
    packed.finish().unwrap();

    let mut converter = Converter::new(Format::Combined, Options::default());
    let (progress, mut events) = (Progress::default(), Vec::new());
    let ended = import(&[plain, gz], &mut converter, &progress, &mut |key, at_ms, json| {
        assert_eq!(at_ms, 1_431_857_103_000);
        assert!(partition_of(key, 12) < 12);
        events.push(String::from_utf8(json.to_vec()).unwrap());
        Ok::<_, Infallible>(())
    });
    assert!(ended.unwrap());
    let page = |json: &String| json.split("\"url\":\"").nth(1).unwrap()[..2].to_owned();
    assert_eq!(events.iter().map(page).collect::<Vec<_>>(), ["/1", "/1", "/2", "/1"]);
    assert_ne!(events[0], events[1], "equal lines are two events");
    assert_eq!(events[0], events[3], "an event depends on its own file alone");
    let counts = converter.counts();
    assert_eq!((counts.lines(), counts.events()), (8, 4));
    let place = |file, line| Place { file, line };
    assert_eq!(counts.skipped()[&Skip::Asset], Count { lines: 2, first: place(0, 3) });
    assert_eq!(counts.skipped()[&Skip::Empty], Count { lines: 1, first: place(1, 2) });
    assert_eq!(counts.unreadable()[&Unreadable::TooLong], Count { lines: 1, first: place(0, 4) });
}

/// Lines that are nearly right: parts of good ones, with any bytes in between.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(HEAD.as_bytes().to_vec()),
        Just(TAIL.as_bytes().to_vec()),
        Just(br#" "GET /\x22\" HTTP/1.1" 200 5 "#.to_vec()),
        Just(br#" "GET "#.to_vec()),
        Just(br#" HTTP/1.1" 200 5 "-" "#.to_vec()),
        Just(br"\".to_vec()),
        Just(br#"""#.to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_an_event_that_decodes_or_are_counted(
        lines in prop::collection::vec(line(), 1..20),
        url in prop::collection::vec(any::<u8>(), 1..20),
        agent in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        // One that has the right form, whatever is in its texts.
        let good = [HEAD.as_bytes(), b" \"GET /", &url, b" HTTP/1.1\" 200 5 \"-\" \"", &agent, b"\""];
        let (mut decoder, mut out) = (Decoder::new(1 << 20), Vec::new());
        for format in [Format::Combined, Format::Common] {
            let mut converter = Converter::new(format, Options::default());
            for line in lines.iter().chain([&good.concat()]) {
                if let Converted::Event { key, timestamp_ms } = converter.convert(line, &mut out) {
                    let event = decoder.decode(&out).unwrap();
                    prop_assert_eq!((event.user, event.timestamp_ms), (key, timestamp_ms));
                    prop_assert_eq!((event.kind, event.bad_leaves), (Kind::PageView, 0));
                }
            }
            let counts = converter.counts();
            let skipped: u64 = counts.skipped().values().map(|count| count.lines).sum();
            let unreadable: u64 = counts.unreadable().values().map(|count| count.lines).sum();
            prop_assert_eq!(counts.lines(), lines.len() as u64 + 1);
            prop_assert_eq!(counts.lines(), counts.events() + skipped + unreadable);
        }
    }
}
