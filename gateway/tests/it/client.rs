//! What clients are made of.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

pub(crate) async fn connect(
    address: SocketAddr,
    path: &str,
    protocol: Option<&str>,
) -> Result<Client, Error> {
    let mut request = format!("ws://{address}{path}").into_client_request()?;
    if let Some(protocol) = protocol {
        let value = HeaderValue::from_str(protocol)?;
        request.headers_mut().insert("sec-websocket-protocol", value);
    }
    let (socket, response) = timeout(PATIENCE, connect_async(request)).await.unwrap()?;
    let chosen = response.headers().get("sec-websocket-protocol");
    assert_eq!(chosen.is_some(), protocol.is_some(), "what was offered is chosen");
    Ok(Client(socket))
}

impl Client {
    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, text: &str) -> Value {
        self.say(text).await;
        self.json().await
    }

    /// The next text, within a time that is long for tests.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    /// The next text but heartbeats, which may come at any time.
    pub(crate) async fn answer(&mut self) -> String {
        loop {
            let text = self.text().await;
            if !text.starts_with(r#"{"type":"heartbeat""#) {
                return text;
            }
        }
    }

    /// The next message but heartbeats.
    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.answer().await).unwrap()
    }

    /// The next message of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        let wanted = async {
            loop {
                let value: Value = serde_json::from_str(&self.text().await).unwrap();
                if value["type"] == kind {
                    return value;
                }
            }
        };
        timeout(PATIENCE, wanted).await.unwrap_or_else(|_| panic!("no {kind} in time"))
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(150), self.json()).await.is_err()
    }

    /// The code that the connection is closed with; what comes before is passed over.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Http {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// A problem, and what it says to do.
    pub(crate) fn problem(&self) -> String {
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].is_string() && problem["type"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Http {
    http(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
}

/// Sends these bytes and reads to the end.
pub(crate) async fn http(address: SocketAddr, request: &str) -> Http {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    timeout(PATIENCE, read).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Http { status: status.unwrap(), head: head.to_lowercase(), body: body.to_owned() }
}
