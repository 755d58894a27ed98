//! Alerts: a log that clients can go on reading.

use crate::site::Site;
use serde_json::{Value, json};

fn ids(message: &Value) -> Vec<&str> {
    let items = message["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

const SUBSCRIBE: &str = r#"{"action":"subscribe","channels":["alerts"]}"#;

#[tokio::test]
async fn alerts_are_appended_and_grouped() {
    let mut site = Site::new();
    site.alert("a", "firing");
    site.alert("b", "firing");
    site.commit();
    let mut site = site.serve(|_| ()).await;
    let mut client = site.v1().await;
    client.say(SUBSCRIBE).await;
    let snapshot = client.until("snapshot").await;
    assert_eq!(ids(&snapshot), ["a", "b"]);
    assert_eq!(snapshot["items"][0]["severity"], "medium");
    site.alert("a", "retracted");
    site.alert("c", "firing");
    site.commit();
    let update = client.until("update").await;
    assert_eq!((&update["mode"], ids(&update)), (&json!("append"), vec!["a", "c"]));
    assert_eq!(update["items"][0]["state"], "retracted");
    let group = &update["groups"][0];
    assert_eq!((&group["firing"], &group["retracted"]), (&json!(2), &json!(1)));
    assert!(client.is_silent().await);
    let now = site.get("/api/v1/snapshot").await.json();
    let firing = now["alerts"]["firing"].as_array().unwrap();
    let firing: Vec<_> = firing.iter().map(|alert| &alert["id"]).collect();
    assert_eq!(firing, ["c", "b"], "the newest first");
}

#[tokio::test]
async fn a_client_goes_on_where_it_was() {
    let mut site = Site::new();
    site.alert("a", "firing");
    site.commit();
    let mut site = site.serve(|parts| parts.settings.stream = Some("k7x2".into())).await;
    let mut client = site.v1().await;
    client.say(SUBSCRIBE).await;
    let seq = client.until("snapshot").await["seq"].as_str().unwrap().to_owned();
    drop(client);
    site.alert("b", "firing");
    site.alert("c", "firing");
    site.commit();
    let resume = |stream: &str, seq: &str| {
        let point = json!({ "alerts": { "stream": stream, "seq": seq } });
        json!({ "action": "subscribe", "channels": ["alerts"], "resume": point }).to_string()
    };
    let mut client = site.v1().await;
    client.say(&resume("k7x2", &seq)).await;
    assert_eq!(client.until("ack").await["resumed"], json!({ "alerts": true }));
    let update = client.json().await;
    assert_eq!(ids(&update), ["b", "c"]);
    let mut current = site.v1().await;
    current.say(&resume("k7x2", update["seq"].as_str().unwrap())).await;
    assert_eq!(current.until("ack").await["resumed"], json!({ "alerts": true }));
    assert!(current.is_silent().await, "there is nothing that it has missed");
    site.alert("d", "firing");
    site.commit();
    for client in [&mut client, &mut current] {
        let update = client.json().await;
        assert_eq!((&update["type"], ids(&update)), (&json!("update"), vec!["d"]));
    }
    for (stream, seq) in [("other", &*seq), ("k7x2", "99.9"), ("k7x2", "nonsense")] {
        let mut client = site.v1().await;
        client.say(&resume(stream, seq)).await;
        assert_eq!(client.until("ack").await["resumed"], json!({ "alerts": false }));
        assert_eq!(ids(&client.json().await), ["a", "b", "c", "d"]);
    }
}

#[tokio::test]
async fn many_alerts_at_once_are_a_snapshot() {
    let mut site = Site::start().await;
    let mut client = site.v1().await;
    client.say(SUBSCRIBE).await;
    client.until("snapshot").await;
    for n in 0..3_000 {
        site.alert(&n.to_string(), "firing");
    }
    site.commit();
    let mut last = 0;
    while last < 2_999 {
        let message = client.json().await;
        assert!(message["items"].as_array().unwrap().len() <= 720);
        let newest: i64 = ids(&message).last().unwrap().parse().unwrap();
        assert!(newest > last, "never back");
        last = newest;
    }
}
