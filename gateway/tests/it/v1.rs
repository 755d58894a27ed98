//! Version 1: greeting, requests, snapshots and updates.

use crate::client::connect;
use crate::site::Site;
use serde_json::json;
use std::time::{Duration, Instant};
use streamgauge_sink::results::Topic;

const SUBSCRIBE: &str =
    r#"{"action":"subscribe","id":2,"metrics":["pageViewsPerSecond"],"interval_ms":0}"#;

#[tokio::test]
async fn it_greets_and_answers() {
    let site = Site::start().await;
    let mut client = connect(site.address, "/", Some("foo, rta.v1.json")).await.unwrap();
    let hello = client.text().await;
    assert_eq!(
        hello,
        r#"{"type":"hello","protocol":"rta.v1","session":"s1","window_ms":5000,"heartbeat_ms":5000,"auth":"none","limits":{"message_bytes":16384,"subscriptions":64,"requests_per_s":5}}"#
    );
    client.say(r#"{"action":"ping","id":5}"#).await;
    let pong = r#"{"type":"pong","id":5,"server_time":"2023-12-21T01:51:00.000Z"}"#;
    assert_eq!(client.answer().await, pong);
    let ack = client.ask(SUBSCRIBE).await;
    assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &json!(2)));
    assert_eq!(ack["subscriptions"], json!(["metrics"]));
    assert_eq!(client.json().await["reason"], "subscribe");
    let list = client.ask(r#"{"action":"list","id":"x"}"#).await;
    assert_eq!((&list["id"], &list["metrics"]), (&json!("x"), &json!(["pageViewsPerSecond"])));
    assert_eq!(
        list["available"]["channels"],
        json!(["metrics", "top_content", "alerts", "pipeline"])
    );
    let ack = client.ask(r#"{"action":"unsubscribe","metrics":["pageViewsPerSecond"]}"#).await;
    assert_eq!((&ack["subscriptions"], &ack["id"]), (&json!([]), &json!(null)));
}

#[tokio::test]
async fn an_update_has_the_newest_window_and_the_last_ones() {
    let mut site = Site::new();
    site.views(0, "final", 62);
    site.result("CONVERSION_RATE", 0, "final", r#""value":5,"count":3"#);
    site.commit();
    let mut site = site.serve(|_| ()).await;
    let mut client = site.v1().await;
    client.say(&SUBSCRIBE.replace("}", r#","history":60}"#)).await;
    client.until("ack").await;
    let snapshot = client.json().await;
    assert_eq!(snapshot["type"], "snapshot");
    let window = |end: &str, state: &str| {
        let start = if end == "01:51:00" { "01:50:55" } else { "01:51:00" };
        let time = |t: &str| format!("2023-12-21T{t}.000Z");
        json!({ "start": time(start), "end": time(end), "state": state })
    };
    assert_eq!(snapshot["window"], window("01:51:00", "final"));
    assert_eq!((&snapshot["seq"], &snapshot["stream"]), (&json!("1.1"), &json!("w0")));
    assert_eq!(snapshot["data"]["pageViews"], 62);
    assert_eq!(snapshot["data"]["conversionRate"], json!(0.05));
    assert_eq!(snapshot["data"]["bounceRate"], json!(null));
    assert_eq!(snapshot["at"]["conversionRate"]["start"], "2023-12-21T01:50:00.000Z");
    assert_eq!(
        snapshot["rows"],
        json!([[
            "2023-12-21T01:51:00.000Z",
            "final",
            62,
            12.4,
            null,
            null,
            null,
            null,
            0.05,
            null
        ]])
    );
    site.views(5, "provisional", 3);
    site.commit();
    let update = client.json().await;
    assert_eq!((&update["type"], &update["mode"]), (&json!("update"), &json!("replace")));
    assert_eq!(update["window"], window("01:51:05", "provisional"));
    assert_eq!(update["data"]["pageViews"], 3);
    assert_eq!((&update["seq"], &update["conflated"]), (&json!("2.0"), &json!(0)));
    assert_eq!(update["rows"].as_array().unwrap().len(), 2);
    let (start, end) = (crate::site::NOW_MS, crate::site::NOW_MS + 5_000);
    site.put(Topic::LiveMetrics, &format!("PAGE_VIEWS_PER_SECOND|{start}|{end}|"), None);
    site.commit();
    assert_eq!(client.json().await["window"], window("01:51:00", "final"));
}

#[tokio::test]
async fn a_correction_of_an_old_window_comes_as_a_row() {
    let mut site = Site::new();
    (-20..=0).for_each(|n| site.views(n * 5, "final", 62));
    site.commit();
    let mut site = site.serve(|_| ()).await;
    let mut client = site.v1().await;
    client.say(SUBSCRIBE).await;
    client.until("snapshot").await;
    site.views(-100, "corrected", 63);
    site.commit();
    let update = client.until("update").await;
    let rows = update["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0][1], &rows[0][2]), (5, &json!("corrected"), &json!(63)));
    assert_eq!(update["data"]["pageViews"], 62);
}

#[tokio::test]
async fn an_update_leaves_within_milliseconds() {
    let mut site = Site::start().await;
    let mut client = site.v1().await;
    client.say(SUBSCRIBE).await;
    client.until("snapshot").await;
    let mut waits = Vec::new();
    for n in 1..=50 {
        site.views(5, "provisional", n);
        let kept = Instant::now();
        site.commit();
        assert_eq!(client.until("update").await["data"]["pageViews"], n);
        waits.push(kept.elapsed());
    }
    waits.sort_unstable();
    println!("median {:?}, largest {:?}", waits[25], waits[49]);
    assert!(waits[25] < Duration::from_millis(50), "{waits:?}");
}

#[tokio::test]
async fn an_interval_conflates() {
    let mut site = Site::start().await;
    let mut client = site.v1().await;
    client.say(&SUBSCRIBE.replace(":0}", ":200}")).await;
    client.until("snapshot").await;
    site.views(5, "provisional", 1);
    site.commit();
    assert_eq!(client.until("update").await["data"]["pageViews"], 1, "the first leaves at once");
    for n in 2..=9 {
        site.views(5, "provisional", n);
        site.commit();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let update = client.until("update").await;
    assert_eq!((&update["data"]["pageViews"], &update["conflated"]), (&json!(9), &json!(7)));
    assert!(client.is_silent().await);
}

#[tokio::test]
async fn lists_and_the_pipeline_have_channels() {
    let mut site = Site::new();
    let items = r#""items":[{"url":"/","views":3,"users":2,"share":75}],"other":1,"count":4"#;
    site.result("POPULAR_CONTENT", 10, "provisional", items);
    site.status(7, "live", r#","epoch":1,"lagMs":800,"lagRecords":120"#);
    site.commit();
    let mut site =
        site.serve(|parts| parts.settings.heartbeat_every = Duration::from_millis(50)).await;
    let mut client = site.v1().await;
    client.say(r#"{"action":"subscribe","channels":["top_content","pipeline"]}"#).await;
    let top = client.until("snapshot").await;
    assert_eq!((&top["channel"], &top["stream"]), (&json!("top_content"), &json!("w7")));
    assert_eq!(top["data"]["items"][0]["share"], 75);
    assert_eq!((&top["data"]["other"], &top["data"]["count"]), (&json!(1), &json!(4)));
    let pipeline = client.until("snapshot").await;
    assert_eq!(pipeline["data"]["job"]["lagRecords"], 120);
    let beat = client.until("heartbeat").await;
    assert_eq!(beat["lag"], json!({ "kafka_records": 120, "seconds": 0.8 }));
    assert_eq!(beat["server_time"], "2023-12-21T01:51:00.000Z");
    site.status(7, "behind", "");
    site.commit();
    assert_eq!(client.until("update").await["data"]["job"]["state"], "behind");
}

#[tokio::test]
async fn another_job_is_another_stream() {
    let mut site = Site::new();
    site.status(1, "live", "");
    site.views(0, "final", 62);
    site.views(5, "provisional", 3);
    site.commit();
    let mut site = site.serve(|_| ()).await;
    let mut client = site.v1().await;
    client.say(SUBSCRIBE).await;
    assert_eq!(client.until("snapshot").await["data"]["pageViews"], 3);
    site.status(2, "restoring", "");
    site.commit();
    let snapshot = client.json().await;
    assert_eq!((&snapshot["type"], &snapshot["stream"]), (&json!("snapshot"), &json!("w2")));
    assert_eq!(snapshot["reason"], "stream_changed");
    assert_eq!(snapshot["data"]["pageViews"], 62, "what was provisional is forgotten");
}

#[tokio::test]
async fn clients_are_told_when_to_come_back() {
    let mut site = Site::start().await;
    let mut client = site.v1().await;
    site.stop();
    let bye = client.until("bye").await;
    assert_eq!(bye["reason"], "shutdown");
    assert!(bye["retry_after_ms"].as_u64().unwrap() >= 1_000);
    assert_eq!(client.close_code().await, Some(1012));
    site.ended().await;
}
