//! The original's protocol, byte for byte.

use crate::site::Site;
use std::time::Duration;

async fn busy() -> Site {
    let mut site = Site::new();
    site.views(0, "final", 62);
    site.result("ACTIVE_USERS", 0, "final", r#""value":41,"count":80"#);
    site.result("BOUNCE_RATE", 0, "final", r#""value":33.333333,"count":3"#);
    site.result("AVERAGE_SESSION_DURATION", 0, "final", r#""value":184.5,"count":3"#);
    site.result("CONVERSION_RATE", 0, "final", r#""value":4.166667,"count":3"#);
    let usd = "REVENUE_PER_USER currency=USD";
    site.result(usd, 0, "final", r#""value":2.5,"count":2"#);
    let eur = "REVENUE_PER_USER currency=EUR";
    site.result(eur, 0, "final", r#""value":7.5,"count":1"#);
    site.views(5, "provisional", 999);
    site.commit();
    site.serve(|parts| parts.settings.legacy_every = Duration::from_millis(50)).await
}

const ALL: &str = r#"{"pageViewsPerSecond":12.4,"activeUsers":41,"bounceRate":33.333333,"averageSessionDuration":184.5,"conversionRate":0.04166667,"revenuePerUser":2.5,"timestamp":1703123460000}"#;

#[tokio::test]
async fn the_flat_map_comes_on_connect_and_then_again() {
    let site = busy().await;
    for path in ["", "/", "/ws"] {
        let mut client = site.legacy(path).await;
        assert_eq!(client.text().await, ALL);
        site.clock.advance(0);
        assert_eq!(client.text().await, ALL);
    }
    assert_eq!(site.get("/api/v1/snapshot?flat=1").await.body, ALL);
}

#[tokio::test]
async fn a_filter_leaves_the_keys_that_were_asked_for() {
    let site = busy().await;
    let mut client = site.legacy("/").await;
    client.say(r#"{"action":"subscribe","metrics":["activeUsers","pageViewsPerSecond"]}"#).await;
    let filtered = r#"{"pageViewsPerSecond":12.4,"activeUsers":41}"#;
    while client.text().await != filtered {}
    for _ in 0..3 {
        client.say("this is no request, and nobody minds").await;
        assert_eq!(client.text().await, filtered);
    }
    let mut other = site.legacy("/").await;
    assert_eq!(other.text().await, ALL, "a filter is one client's own");
}

#[tokio::test]
async fn where_there_is_no_record_page_views_and_users_are_zero() {
    let site = Site::start().await;
    let nothing = r#"{"pageViewsPerSecond":0,"activeUsers":0,"timestamp":1703123460000}"#;
    assert_eq!(site.legacy("/").await.text().await, nothing);
}

#[tokio::test]
async fn a_correction_shows_and_a_quiet_window_does() {
    let mut site = busy().await;
    let mut client = site.legacy("/").await;
    site.views(0, "corrected", 63);
    site.commit();
    while !client.text().await.contains(r#""pageViewsPerSecond":12.6,"#) {}
    let epoch = site.epoch;
    let more = format!(r#","epoch":{epoch},"watermark":{}"#, crate::site::NOW_MS + 11_000);
    site.status(1, "live", &more);
    site.commit();
    let quiet = r#"{"pageViewsPerSecond":0,"activeUsers":0,"timestamp":1703123460000}"#;
    while client.text().await != quiet {}
}

#[tokio::test]
async fn clients_are_told_of_the_end() {
    let mut site = busy().await;
    let mut client = site.legacy("/").await;
    client.text().await;
    site.stop();
    assert_eq!(client.close_code().await, Some(1012));
    site.ended().await;
}
