//! What one client may do, and how many there may be.

use crate::client::connect;
use crate::site::Site;
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Error;

#[tokio::test]
async fn faults_have_codes_and_say_what_is_known() {
    let site = Site::new().serve(|parts| parts.settings.requests_per_s = 100).await;
    let mut client = site.v1().await;
    for (request, code) in [
        (r#"{"action":"subscribe","id":2,"metrics":["foo"]}"#, "unknown_metric"),
        (r#"{"action":"subscribe","id":2,"channels":["geo"]}"#, "unknown_channel"),
        (r#"{"action":"subscribe","id":2}"#, "bad_request"),
        (r#"{"action":"dance","id":2}"#, "unknown_action"),
        (r#"{"id":2}"#, "unknown_action"),
        (
            r#"{"action":"subscribe","id":2,"channels":["alerts"],"interval_ms":70000}"#,
            "bad_interval",
        ),
    ] {
        let error = client.ask(request).await;
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!(2)), "{request}");
        assert_eq!((&error["code"], &error["retryable"]), (&json!(code), &json!(false)));
    }
    let error = client.ask(r#"{"action":"subscribe","id":2,"metrics":["foo"]}"#).await;
    assert_eq!(error["message"], r#"unknown metric "foo""#);
    assert!(error["detail"]["known"].as_array().unwrap().contains(&json!("activeUsers")));
    let names = vec!["activeUsers"; 65];
    let request = json!({ "action": "subscribe", "metrics": names }).to_string();
    assert_eq!(client.ask(&request).await["code"], "too_many_subscriptions");
    assert_eq!(client.ask(r#"{"action":"list"}"#).await["subscriptions"], json!([]));
}

#[tokio::test]
async fn requests_above_the_rate_are_refused_then_closed() {
    let site = Site::start().await;
    let mut client = site.v1().await;
    for n in 0..8 {
        client.say(&json!({ "action": "ping", "id": n }).to_string()).await;
    }
    for n in 0..5 {
        assert_eq!(client.json().await["id"], n);
    }
    let error = client.json().await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("rate_limited"), &json!(true)));
    for _ in 0..30 {
        client.say(r#"{"action":"ping"}"#).await;
    }
    assert_eq!(client.close_code().await, Some(4429));
}

#[tokio::test]
async fn there_are_only_so_many_connections() {
    let site = Site::new().serve(|parts| parts.settings.max_connections = 2).await;
    let first = site.v1().await;
    let second = site.legacy("/").await;
    let Err(Error::Http(response)) = connect(site.address, "/ws", None).await else {
        panic!("refused");
    };
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    assert_eq!(site.get("/healthz").await.status, 200, "requests are served nevertheless");
    drop(first);
    let mut tries = 0;
    while connect(site.address, "/ws", None).await.is_err() {
        tries += 1;
        assert!(tries < 200, "a place that is free again is given");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(second);
}

#[tokio::test]
async fn who_does_not_answer_pings_is_closed() {
    let site = Site::new().serve(|p| p.settings.ping_every = Duration::from_millis(500)).await;
    let mut good = site.v1().await;
    // This client's library answers pings only while it is read from.
    let mut mute = site.v1().await;
    let end = tokio::time::Instant::now() + Duration::from_millis(1_300);
    while tokio::time::Instant::now() < end {
        assert_eq!(good.ask(r#"{"action":"ping"}"#).await["type"], "pong");
        tokio::time::sleep(Duration::from_millis(210)).await;
    }
    assert_eq!(mute.close_code().await, Some(4408));
    assert_eq!(good.ask(r#"{"action":"ping"}"#).await["type"], "pong");
}
