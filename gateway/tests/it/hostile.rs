//! Clients that mean no good, or do not know better.

use crate::client::Client;
use crate::site::Site;
use futures_util::SinkExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// Numbers without a pattern, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()[3]
    });
    next.take(length).collect()
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let site = Site::start().await;
    for mut client in [site.v1().await, site.legacy("/").await] {
        let large = "x".repeat(16 * 1024 + 1);
        client.say(&large).await;
        assert_eq!(client.close_code().await, Some(1009));
    }
    let mut client = site.v1().await;
    let _ = client.0.send(Message::Binary(vec![0; 4 << 20].into())).await;
    assert!(matches!(client.close_code().await, Some(1009) | None));
    well(&site).await;
}

#[tokio::test]
async fn what_is_no_request_is_answered_a_few_times() {
    let site = Site::start().await;
    let mut client = site.v1().await;
    for text in ["", "nonsense", "[]", "\"subscribe\""] {
        let error = client.ask(text).await;
        assert_eq!(
            (error["type"].as_str(), error["code"].as_str()),
            (Some("error"), Some("bad_request"))
        );
    }
    client.say("7").await;
    assert_eq!(client.close_code().await, Some(4400));
    let mut client = site.v1().await;
    client.0.send(Message::Binary(noise(1, 100).into())).await.unwrap();
    assert_eq!(client.close_code().await, Some(4400));
    well(&site).await;
}

#[tokio::test]
async fn deep_and_odd_requests_are_refused() {
    let site = Site::new().serve(|parts| parts.settings.requests_per_s = 1_000).await;
    let mut client = site.v1().await;
    let deep = format!(r#"{{"action":"ping","x":{}{}}}"#, "[".repeat(8_000), "]".repeat(8_000));
    assert_eq!(client.ask(&deep).await["code"], "bad_request");
    for request in [
        r#"{"action":{}}"#,
        r#"{"action":"subscribe","metrics":[1,2]}"#,
        r#"{"action":"subscribe","metrics":{"a":1}}"#,
        r#"{"action":"subscribe","channels":["metrics"],"interval_ms":1e99}"#,
        r#"{"action":"subscribe","channels":["metrics"],"interval_ms":18446744073709551616}"#,
        r#"{"action":"subscribe","channels":["metrics"],"history":-1}"#,
        r#"{"action":"subscribe","channels":["alerts"],"resume":[]}"#,
        r#"{"action":"ping","id":[[]]}"#,
        "{\"action\":\"\\u0000\"}",
    ] {
        let answer = client.ask(request).await;
        assert_eq!(answer["type"], "error", "{request}");
    }
    well(&site).await;
}

#[tokio::test]
async fn random_bytes_harm_nobody() {
    let site = Site::start().await;
    for seed in 0..40 {
        for client in [site.v1().await, site.legacy("/ws").await] {
            fuzz(client, seed).await;
        }
        let request = noise(seed, 300);
        let text: String = request.iter().map(|b| char::from(b & 0x7f)).collect();
        let line = format!("GET /{} HTTP/1.1\r\n\r\n", text.replace(['\r', '\n'], "x"));
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        stream.write_all(&noise(seed + 100, 2_000)).await.unwrap();
    }
    well(&site).await;
}

/// Bytes under the framing: most are no frames at all.
async fn fuzz(mut client: Client, seed: u64) {
    let length = usize::try_from(seed * 13 % 600).unwrap();
    let _ = client.0.get_mut().write_all(&noise(seed, length)).await;
    let _ = client.0.get_mut().flush().await;
}

async fn well(site: &Site) {
    let mut client = site.v1().await;
    assert_eq!(client.ask(r#"{"action":"ping"}"#).await["type"], "pong");
}
