//! Handshakes that are accepted and refused.

use crate::client::http;
use crate::site::Site;

fn handshake(path: &str, version: &str, key: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: {version}\r\nsec-websocket-key: {key}\r\n{more}\r\n"
    )
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[tokio::test]
async fn refusals_say_what_to_do() {
    let site = Site::new()
        .serve(|parts| parts.settings.allowed_origins = vec!["https://shop.example".into()])
        .await;
    let protocol = "sec-websocket-protocol: foo, bar\r\n";
    let origin = "origin: https://evil.example\r\n";
    for (request, status, what) in [
        (handshake("/ws", "13", KEY, protocol), 400, "rta.v1.json"),
        (handshake("/ws", "13", "short", ""), 400, "Sec-WebSocket-Key"),
        (handshake("/ws", "8", KEY, ""), 426, "version 13"),
        (handshake("/metrics", "13", KEY, ""), 404, "/ws"),
        (handshake("/ws", "13", KEY, origin), 403, "origin"),
        (handshake("/ws", "13", KEY, "").replacen("GET", "POST", 1), 405, "GET"),
    ] {
        // Whoever is refused may ask again on the same connection, so close it.
        let request = request.replace("keep-alive, Upgrade", "close, Upgrade");
        let answer = http(site.address, &request).await;
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.problem().contains(what), "{}", answer.body);
    }
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("streamgauge_gateway_connections_refused_total 6"));
}

#[tokio::test]
async fn an_allowed_origin_and_none_are_let_in() {
    let mut site = Site::new()
        .serve(|parts| parts.settings.allowed_origins = vec!["https://shop.example".into()])
        .await;
    site.legacy("/").await;
    let origin = "origin: https://shop.example\r\nsec-websocket-protocol: rta.v1.json\r\n";
    let request = handshake("/", "13", KEY, origin);
    let address = site.address;
    let asked = tokio::spawn(async move { http(address, &request).await.head });
    // The answer is read to its end, which is the gateway's.
    while !site.get("/metrics").await.body.contains("connections_total 2\n") {}
    site.stop();
    let head = asked.await.unwrap();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    assert!(head.contains("sec-websocket-protocol: rta.v1.json"), "{head}");
    site.ended().await;
}
