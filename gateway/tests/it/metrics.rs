//! The text for Prometheus.

use crate::site::Site;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use streamgauge_sink::webhook::Counts;

/// Reads the format strictly: each family has one head, before its samples.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut heads = BTreeSet::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(heads.insert(name.to_owned()), "two heads: {name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            family = name.to_owned();
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&family), "{name} is not of {family}");
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none());
        }
    }
    samples
}

#[tokio::test]
async fn the_original_names_and_ours() {
    let mut site = Site::new();
    site.views(-60, "final", 62);
    site.commit();
    let mut site = site.serve(|_| ()).await;
    let before = parse(&site.get("/metrics").await.body);
    assert_eq!(before["websocket_server_active_connections"], 0.0);
    assert_eq!(before["streamgauge_job_state{state=\"unknown\"}"], 1.0);
    let mut client = site.v1().await;
    client.say(r#"{"action":"subscribe","channels":["pipeline"],"interval_ms":0}"#).await;
    client.until("snapshot").await;
    site.status(
        1,
        "live",
        r#","read":100,"accepted":90,"duplicates":2,"tooLarge":3,"deadLetters":{"late":5,"malformed":3,"a\"} b":0},"lagMs":40,"lagRecords":8,"workers":2,"checkpoint":{"epoch":1,"atMs":1703123450000,"bytes":4096}"#,
    );
    site.put(streamgauge_sink::results::Topic::Alerts, "x", Some("nonsense"));
    site.commit();
    assert_eq!(client.until("snapshot").await["reason"], "stream_changed");
    let answer = site.get("/metrics").await;
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"));
    let now = parse(&answer.body);
    for (name, value) in [
        ("analytics_pipeline_events_total", 100.0),
        ("analytics_pipeline_errors_total", 8.0),
        ("analytics_pipeline_latency_seconds_bucket{le=\"0.025\"}", 0.0),
        ("analytics_pipeline_latency_seconds_bucket{le=\"0.05\"}", 1.0),
        ("analytics_pipeline_latency_seconds_bucket{le=\"+Inf\"}", 1.0),
        ("analytics_pipeline_latency_seconds_sum", 0.04),
        ("analytics_pipeline_latency_seconds_count", 1.0),
        ("websocket_server_active_connections", 1.0),
        ("streamgauge_gateway_connections_total", 1.0),
        ("streamgauge_gateway_slow_clients_closed_total", 0.0),
        ("streamgauge_gateway_records_unreadable_total", 1.0),
        ("streamgauge_gateway_feed_up", 1.0),
        ("streamgauge_gateway_feed_lag_seconds", 0.0),
        ("streamgauge_epoch", 2.0),
        ("streamgauge_watermark_delay_seconds", 60.0),
        ("streamgauge_events_read_total", 100.0),
        ("streamgauge_results_too_large_total", 3.0),
        ("streamgauge_dead_letters_total{reason=\"late\"}", 5.0),
        ("streamgauge_dead_letters_total{reason=\"a___b\"}", 0.0),
        ("streamgauge_job_state{state=\"live\"}", 1.0),
        ("streamgauge_checkpoint_age_seconds", 10.0),
        ("streamgauge_checkpoint_bytes", 4096.0),
        ("streamgauge_checkpoint_failed", 0.0),
    ] {
        assert_eq!(now.get(name), Some(&value), "{name}");
    }
    assert!(now["streamgauge_gateway_messages_sent_total"] >= 4.0);
}

#[tokio::test]
async fn webhooks_are_counted_by_what_has_become_of_them() {
    let site = Site::new();
    let counts = ["on-call", "log"].map(|name| Arc::new(Counts::new(name)));
    let site = site.serve(|parts| parts.webhooks = counts.to_vec()).await;
    let now = parse(&site.get("/metrics").await.body);
    for (name, value) in [
        ("streamgauge_webhook_deliveries_total{webhook=\"on-call\",outcome=\"delivered\"}", 0.0),
        ("streamgauge_webhook_deliveries_total{webhook=\"log\",outcome=\"dead\"}", 0.0),
        ("streamgauge_webhook_waiting{webhook=\"on-call\"}", 0.0),
    ] {
        assert_eq!(now.get(name), Some(&value), "{name}");
    }
    let site = Site::start().await;
    assert!(!site.get("/metrics").await.body.contains("webhook"), "where there are none");
}
