//! Servers that are away, slow, full or of another mind: what is refused is found and told,
//! all else waits and is written.

use super::bed::{Bed, TOKEN, settings, users};
use super::server::{Fault, Server};
use std::net::TcpListener;
use std::time::Duration;
use streamgauge_sink::store::influx_version;

/// Feeds five results through these faults; gives the bed to look at.
fn through(faults: impl IntoIterator<Item = Fault>) -> Bed {
    let (bed, server) = (Bed::new(), Server::start());
    server.fail(faults);
    bed.put((0..5).map(users).collect());
    let report = bed.feed(&settings(&server.url), |report| report.written == 5);
    assert_eq!((report.refused, report.failure), (0, None));
    assert_eq!(server.points(), 5);
    assert_eq!(bed.letters(), []);
    assert!(!bed.told().contains(TOKEN));
    bed
}

#[test]
fn a_store_that_asks_for_a_pause_gets_it() {
    let bed = through([Fault::Answer(429, "Retry-After: 7\r\n", "")]);
    assert!(bed.slept() >= Duration::from_secs(7), "{:?}", bed.slept());
    let bed = through([Fault::Answer(503, "Retry-After: 2\r\n", "")]);
    assert!(bed.slept() >= Duration::from_secs(2), "{:?}", bed.slept());
}

#[test]
fn whatever_passes_is_waited_for_and_told_once() {
    let server_error = || Fault::Answer(500, "", r#"{"code":"internal error","message":"oh"}"#);
    let faults = [
        Fault::Answer(503, "", ""),
        server_error(),
        Fault::End,
        Fault::Silence,
        Fault::Answer(502, "", "<html>bad gateway</html>"),
        server_error(),
    ];
    let bed = through(faults);
    // 100 ms, doubled each time up to a second.
    assert!(bed.slept() >= Duration::from_millis(100 + 200 + 400 + 800 + 1_000 + 1_000));
    let told = bed.told();
    assert_eq!(told.matches("is not written").count(), 1, "{told}");
    assert_eq!(told.matches("is there again").count(), 1, "{told}");
}

#[test]
fn a_server_that_is_not_influxdb_makes_no_dead_letters() {
    let page = "<html>Bad Request</html>";
    let odd = [400, 404, 405, 422].map(|code| Fault::Answer(code, "", page));
    let json = Fault::Answer(400, "", r#"{"error":"who are you"}"#);
    through(odd.into_iter().chain([json]));
}

#[test]
fn nobody_there_is_a_backlog() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bed = Bed::new();
    bed.put((0..5).map(users).collect());
    let settings = settings(&format!("http://{address}"));
    let report = bed.feed(&settings, |report| report.retried >= 3);
    assert!(report.failure.unwrap().contains("refused"), "{}", bed.told());
    assert!(report.waiting_since_ms.is_some());
    let server = Server::on(TcpListener::bind(address).unwrap());
    let report = bed.feed(&settings, |report| report.written == 5);
    assert_eq!((report.waiting_since_ms, report.failure), (None, None));
    assert_eq!(server.points(), 5);
}

#[test]
fn a_line_that_cannot_be_read_becomes_a_dead_letter_and_takes_none_with_it() {
    let (bed, server) = (Bed::new(), Server::start());
    server.state().unparsable.extend(["value=7,", "value=300,"]);
    bed.put((0..1_500).map(users).collect());
    let report = bed.feed(&settings(&server.url), |report| report.written == 1_498);
    assert_eq!((report.refused, report.retried), (2, 0));
    assert_eq!(server.points(), 1_498);
    let letters = bed.letters();
    assert_eq!(letters.len(), 2);
    let (reason, detail, head) = &letters[0];
    assert_eq!(
        (reason.as_str(), detail.as_str()),
        ("refused_point", "unable to parse it: bad number")
    );
    assert!(head.starts_with("active_users_5m,metric=real_time value=7,state="), "{head}");
    // They are not tried again.
    bed.put(vec![users(2_000)]);
    bed.feed(&settings(&server.url), |report| report.written == 1);
    assert_eq!(bed.letters().len(), 2);
    assert_eq!(bed.told().matches("dlq show").count(), 1, "{}", bed.told());
}

#[test]
fn a_point_that_does_not_fit_becomes_a_dead_letter_and_an_old_one_is_counted() {
    let (bed, server) = (Bed::new(), Server::start());
    let conflict = "field type conflict: input field \"value\" is type float";
    let old = "points beyond retention policy";
    server.state().conflicts.extend([("value=3,", conflict), ("value=90,", old)]);
    bed.put((0..100).map(users).collect());
    let report = bed.feed(&settings(&server.url), |report| report.written == 98);
    assert_eq!((report.refused, report.expired), (1, 1));
    assert_eq!(server.points(), 98);
    let letters = bed.letters();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].1.contains("field type conflict"), "{letters:?}");
}

#[test]
fn a_token_that_is_not_taken_is_waited_for_and_never_shown() {
    let (bed, server) = (Bed::new(), Server::start());
    server.state().token = Some("another".into());
    bed.put((0..5).map(users).collect());
    let report = bed.feed(&settings(&server.url), |report| report.retried >= 3);
    let failure = report.failure.unwrap();
    assert!(failure.contains("influxdb.token") && failure.contains("401"), "{failure}");
    assert!(!failure.contains(TOKEN) && !bed.told().contains(TOKEN));
    server.state().token = Some(TOKEN.into());
    bed.feed(&settings(&server.url), |report| report.written == 5);
    assert_eq!((server.points(), bed.letters().len()), (5, 0));
}

#[test]
fn a_bucket_that_goes_is_made_again_if_that_may_be() {
    let gone = r#"{"code":"not found","message":"bucket \"metrics\" not found"}"#;
    let bed = through([Fault::Answer(404, "", gone)]);
    assert!(bed.told().contains("influxdb.bucket"), "{}", bed.told());
    let (bed, server) = (Bed::new(), Server::start());
    let forbidden = r#"{"code":"unauthorized","message":"write:orgs is unauthorized"}"#;
    server.state().answers.insert("GET /api/v2/buckets", (404, gone));
    server.state().answers.insert("GET /api/v2/orgs", (200, r#"{"orgs":[]}"#));
    server.state().answers.insert("POST /api/v2/orgs", (401, forbidden));
    bed.put((0..5).map(users).collect());
    let report = bed.feed(&settings(&server.url), |report| report.retried >= 2);
    let failure = report.failure.unwrap();
    let expected = "there is no organisation analytics that the token may see";
    assert!(failure.contains(expected) && failure.contains("create it"), "{failure}");
}

#[test]
fn the_version_is_told_where_the_server_says_it() {
    let server = Server::start();
    assert_eq!(influx_version(&settings(&server.url)), None);
    let health = r#"{"name":"influxdb","status":"pass","version":"v2.7.11"}"#;
    server.state().answers.insert("GET /health", (200, health));
    assert_eq!(influx_version(&settings(&server.url)).as_deref(), Some("v2.7.11"));
    assert!(server.state().requests.iter().all(|r| !r.headers.contains_key("authorization")));
    assert_eq!(influx_version(&settings("http://127.0.0.1:1")), None);
}
