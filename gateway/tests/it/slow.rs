//! A client that does not read: it is closed, and nobody else notices.

use crate::site::Site;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_is_closed_and_disturbs_nobody() {
    let mut site =
        Site::new().serve(|p| p.settings.send_timeout = Duration::from_millis(700)).await;
    let mut slow = site.v1().await;
    let mut good = site.v1().await;
    let request = r#"{"action":"subscribe","channels":["metrics","top_content"],"interval_ms":0}"#;
    slow.say(request).await;
    good.say(request).await;
    good.until("snapshot").await;
    good.until("snapshot").await;
    let url = "x".repeat(100_000);
    let mut waits = Vec::new();
    let begun = Instant::now();
    let mut n = 0;
    loop {
        n += 1;
        let items =
            format!(r#""items":[{{"url":"{url}","views":{n},"users":1}}],"other":0,"count":{n}"#);
        site.result("POPULAR_CONTENT", 10, "provisional", &items);
        let kept = Instant::now();
        site.commit();
        while good.until("update").await["data"]["count"] != n {}
        waits.push(kept.elapsed());
        let text = site.get("/metrics").await.body;
        if text.contains("streamgauge_gateway_slow_clients_closed_total 1") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the slow client is never closed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    waits.sort_unstable();
    println!(
        "{n} updates, median {:?}, largest {:?}",
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    assert!(waits[waits.len() / 2] < Duration::from_millis(100));
    drop(slow);
}

#[tokio::test]
async fn a_client_that_pauses_gets_the_newest_value() {
    let mut site = Site::start().await;
    let mut client = site.v1().await;
    client
        .say(r#"{"action":"subscribe","channels":["metrics","top_content"],"interval_ms":0}"#)
        .await;
    client.until("snapshot").await;
    client.until("snapshot").await;
    let url = "x".repeat(100_000);
    for n in 1..=300 {
        let items =
            format!(r#""items":[{{"url":"{url}","views":{n},"users":1}}],"other":0,"count":{n}"#);
        site.result("POPULAR_CONTENT", 10, "provisional", &items);
        site.commit();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut got = 0;
    while client.until("update").await["data"]["count"] != 300 {
        got += 1;
    }
    assert!(got < 290, "what it did not take was replaced: {got} of 300 came");
}
