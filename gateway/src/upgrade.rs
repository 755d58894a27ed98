//! Whether a request becomes a WebSocket, and what is spoken on it.

use crate::hub::Hub;
use crate::problem::Problem;
use crate::socket::{Protocol, V1_NAME};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::info;
use warp::reply::Response;

/// A handshake that can be accepted.
pub(crate) struct Handshake {
    pub(crate) protocol: Protocol,
    accept: String,
}

/// Whether a client asks for a WebSocket.
pub(crate) fn is_asked_for<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    has_token(headers, UPGRADE.as_str(), "websocket")
        && has_token(headers, CONNECTION.as_str(), "upgrade")
}

/// Judges a handshake; all but the number of connections.
pub(crate) fn judge<B>(request: &Request<B>, hub: &Hub) -> Result<Handshake, Problem> {
    let headers = request.headers();
    if !matches!(request.uri().path(), "/" | "/ws") {
        let what = "connect WebSockets to /ws";
        return Err(Problem::new(StatusCode::NOT_FOUND, "no WebSocket here", what));
    }
    if request.method() != Method::GET {
        let what = "open WebSockets with GET";
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not a handshake", what));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let what = "use version 13 of the WebSocket protocol";
        let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, "unknown version", what);
        return Err(problem.header(SEC_WEBSOCKET_VERSION, "13"));
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24) else {
        let what = "send a Sec-WebSocket-Key of 16 bytes in base64";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "not a handshake", what));
    };
    origin(headers, hub)?;
    let protocol = protocol(headers)?;
    Ok(Handshake { protocol, accept: derive_accept_key(key.as_bytes()) })
}

fn origin(headers: &HeaderMap, hub: &Hub) -> Result<(), Problem> {
    let allowed = &hub.settings.allowed_origins;
    let Some(origin) = headers.get(ORIGIN).filter(|_| !allowed.is_empty()) else { return Ok(()) };
    if allowed.iter().any(|allowed| origin == allowed.as_str()) {
        return Ok(());
    }
    info!(?origin, "a web socket was refused: its origin is not allowed");
    let what = "add this page's origin to the gateway's allowed origins";
    Err(Problem::new(StatusCode::FORBIDDEN, "origin not allowed", what))
}

fn protocol(headers: &HeaderMap) -> Result<Protocol, Problem> {
    let mut any = false;
    for name in tokens(headers, SEC_WEBSOCKET_PROTOCOL.as_str()) {
        if name == V1_NAME {
            return Ok(Protocol::V1);
        }
        any = true;
    }
    if any {
        let what = "offer the subprotocol rta.v1.json, or none for the flat map";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "unknown subprotocol", what));
    }
    Ok(Protocol::Legacy)
}

/// There are as many connections as there may be.
pub(crate) fn full(hub: &Hub) -> Problem {
    let what = format!(
        "all {} connections are in use: try again later, or at another gateway",
        hub.settings.max_connections
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many connections", what)
        .header(RETRY_AFTER, "5")
}

impl Handshake {
    /// The answer that turns the connection into a WebSocket.
    pub(crate) fn response(&self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(hyper::header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if self.protocol == Protocol::V1 {
            // Browsers fail a connection on which what they offered is not chosen.
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(V1_NAME));
        }
        response
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}
