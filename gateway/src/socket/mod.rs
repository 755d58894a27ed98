//! Clients that are connected by WebSocket.
//!
//! Each has one task. A task waits for what its client says and for what it is to be
//! told, sends one message at a time, and ends when the client does not take it in
//! time: so a slow client costs one blocked task and holds up nobody else.

mod budget;
mod legacy;
mod link;
mod request;
mod subscriptions;
mod v1;

use crate::hub::Hub;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use link::Link;
use std::sync::Arc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The original's: a flat map every 5 s.
    Legacy,
    /// `rta.v1.json`.
    V1,
}

/// The name of version 1.
pub(crate) const V1_NAME: &str = "rta.v1.json";

const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Above the largest snapshot: all alerts, with long texts.
const WRITE_BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// Serves a client to its end.
pub(crate) async fn serve(hub: Arc<Hub>, upgraded: Upgraded, protocol: Protocol, session: u64) {
    let message_bytes = hub.settings.message_bytes;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    let io = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    hub.counters.opened.add(1);
    hub.counters.open.add(1);
    let mut link = Link::new(hub.clone(), socket);
    let end = match protocol {
        Protocol::Legacy => legacy::serve(&mut link).await,
        Protocol::V1 => v1::serve(&mut link, session).await,
    };
    link.close(end, protocol, session).await;
    hub.counters.open.add(-1);
}
