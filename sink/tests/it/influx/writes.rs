//! What a feed asks of a server that does what it should.

use super::bed::{Bed, NOW_MS, TOKEN, devices, ended, settings, users};
use super::server::Server;
use std::time::Duration;
use streamgauge_sink::results::Record;

#[test]
fn results_are_written_in_batches_with_the_position_behind_them() {
    let (bed, server) = (Bed::new(), Server::start());
    let odd = Record { key: b"odd".to_vec(), ..users(0) };
    bed.put((0..2_500).map(users).chain([odd]).collect());
    let settings = settings(&server.url);
    let report = bed.feed(&settings, |report| report.written == 2_500);
    assert_eq!((report.unreadable, report.refused, report.failure), (1, 0, None));
    let writes = server.bodies("/api/v2/write");
    let sizes: Vec<_> = writes.iter().map(|body| body.lines().count()).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    let line = format!("active_users_5m,metric=real_time value=0,state=\"final\" {NOW_MS}");
    assert!(writes[0].starts_with(&line), "{}", writes[0].lines().next().unwrap());
    {
        let state = server.state();
        let write = state.requests.iter().find(|r| r.line.contains("/write")).unwrap();
        let query = "POST /api/v2/write?org=analytics&bucket=metrics&precision=ms ";
        assert!(write.line.starts_with(query), "{}", write.line);
        assert_eq!(write.headers["authorization"], format!("Token {TOKEN}"));
        assert_eq!(write.headers["content-encoding"], "gzip");
    }
    assert!(bed.told().contains("odd: not the key of a result"), "{}", bed.told());
    // Another feed goes on there, and one of another bucket begins with what there is.
    bed.put(vec![users(2_500)]);
    bed.feed(&settings, |report| report.written == 1);
    let other = streamgauge_sink::store::InfluxSettings { bucket: "other".into(), ..settings };
    server
        .state()
        .answers
        .insert("/api/v2/orgs", (200, r#"{"orgs":[{"id":"o1","name":"analytics"}]}"#));
    bed.feed(&other, |report| report.written == 2_501);
    let made = server.bodies("POST /api/v2/buckets");
    let expected = r#"{"orgID":"o1","name":"other","retentionRules":[{"type":"expire","everySeconds":2592000,"shardGroupDurationSeconds":86400}]}"#;
    assert_eq!(made, [expected]);
    assert!(bed.told().contains("the bucket other was created"), "{}", bed.told());
}

#[test]
fn what_has_ended_is_deleted_and_so_are_places_that_a_correction_leaves_behind() {
    let (bed, server) = (Bed::new(), Server::start());
    let time = "2023-12-21T01:51:00Z";
    bed.put(vec![devices(&["a", "b", "c"], "final"), users(0)]);
    let settings = settings(&server.url);
    bed.feed(&settings, |report| report.written == 5);
    assert_eq!(server.bodies("/api/v2/query"), [""; 0], "a first result leaves nothing behind");
    assert_eq!(server.bodies("/api/v2/delete"), [""; 0]);

    let there = "#datatype,string,long,dateTime:RFC3339,string,string,string,string,long\r\n\
        #group,false,false,false,true,true,true,true,false\r\n#default,numbers,,,,,,,\r\n\
        ,result,table,_time,_field,_measurement,metric,rank,_value\r\n\
        ,,0,2023-12-21T01:51:00Z,views,devices,business,01,1\r\n\
        ,,1,2023-12-21T01:51:00Z,views,devices,business,03,1\r\n\r\n";
    server.state().answers.insert("/api/v2/query", (200, there));
    bed.put(vec![devices(&["a", "b"], "corrected")]);
    bed.feed(&settings, |report| report.deleted == 1 && report.written == 3);
    let body = |predicate: &str| {
        serde_json::json!({"start": time, "stop": time, "predicate": predicate}).to_string()
    };
    let place = r#"_measurement="devices" AND "metric"="business" AND "rank"="03""#;
    assert_eq!(server.bodies("/api/v2/delete"), [body(place)]);

    let beyond = Record { key: format!("DEVICES|0|{}|", i64::MAX).into_bytes(), ..users(0) };
    bed.put(vec![ended(&beyond), ended(&devices(&[], "")), ended(&users(0))]);
    bed.feed(&settings, |report| report.deleted == 2);
    let deletions = server.bodies("/api/v2/delete");
    assert_eq!(deletions[1], body(r#"_measurement="devices" AND "metric"="business""#));
    assert_eq!(deletions[2], body(r#"_measurement="active_users_5m" AND "metric"="real_time""#));
}

#[test]
fn what_is_older_than_the_bucket_keeps_is_counted_and_not_sent() {
    let (bed, server) = (Bed::new(), Server::start());
    let day = 86_400 / 5;
    bed.put(vec![users(-31 * day), ended(&users(-32 * day)), users(-29 * day), users(0)]);
    let report = bed.feed(&settings(&server.url), |report| report.written == 2);
    assert_eq!((report.expired, report.deleted), (1, 0));
    assert!(bed.told().contains("older than the retention"), "{}", bed.told());
    assert_eq!(bed.letters(), []);
}

#[test]
fn a_bucket_that_is_there_is_left_as_it_is() {
    let (bed, server) = (Bed::new(), Server::start());
    bed.put(vec![users(0)]);
    let retention = Duration::from_secs(7 * 86_400);
    let settings = streamgauge_sink::store::InfluxSettings { retention, ..settings(&server.url) };
    bed.feed(&settings, |report| report.written == 1);
    assert!(bed.told().contains("it is left so"), "{}", bed.told());
    assert_eq!(server.bodies("POST /api/v2/buckets"), [""; 0]);
}
