//! A connection: what comes in, what goes out in time, and how it ends.

use super::Protocol;
use super::budget::{Budget, Verdict};
use crate::hub::Hub;
use crate::wire::{self, Message as Say};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Time that a client has to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client has ended it, or the network.
    Gone,
    /// The client did not take what was sent.
    Slow,
    /// The client did not answer a ping.
    NoPong,
    /// A message was too large.
    TooLarge,
    /// A message was no UTF-8, or no WebSocket.
    NotUtf8,
    /// Too many requests.
    Rate,
    /// What the client says is no request.
    BadRequest,
    /// The gateway ends.
    Shutdown,
}

impl End {
    const fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Gone => return None,
            Self::Slow => (4410, "too slow: the last message was not taken in time"),
            Self::NoPong => (4408, "no pong"),
            Self::TooLarge => (1009, "message too large"),
            Self::NotUtf8 => (1007, "not UTF-8"),
            Self::Rate => (4429, "too many requests"),
            Self::BadRequest => (4400, "not a request: send JSON text"),
            Self::Shutdown => (1012, "the gateway restarts"),
        })
    }
}

/// What a client's task has to see to.
#[derive(Debug)]
pub(crate) enum Event {
    /// A text.
    Text(Utf8Bytes),
    /// Bytes that are no text.
    Binary,
    /// A ping or a pong came: there is nothing to be done.
    Control,
    /// It is time to ask whether the client is there.
    PingDue,
}

/// A connection.
pub(crate) struct Link {
    pub(crate) hub: Arc<Hub>,
    socket: Socket,
    stop: watch::Receiver<bool>,
    pings: Interval,
    awaits_pong: bool,
    budget: Budget,
}

impl Link {
    pub(crate) fn new(hub: Arc<Hub>, socket: Socket) -> Self {
        let every = hub.settings.ping_every;
        let now = Instant::now();
        let mut pings = interval_at(now + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let budget = Budget::new(hub.settings.requests_per_s, now);
        let stop = hub.stop.subscribe();
        Self { hub, socket, stop, pings, awaits_pong: false, budget }
    }

    /// What comes next. Nothing is lost if the future is dropped.
    pub(crate) async fn event(&mut self) -> Result<Event, End> {
        let message = tokio::select! {
            message = self.socket.next() => message,
            _ = self.pings.tick() => return Ok(Event::PingDue),
            _ = self.stop.wait_for(|stop| *stop) => return Err(End::Shutdown),
        };
        message.map_or(Err(End::Gone), |message| self.inbound(message))
    }

    fn inbound(&mut self, message: Result<Message, Error>) -> Result<Event, End> {
        match message {
            Ok(Message::Text(text)) => Ok(Event::Text(text)),
            Ok(Message::Binary(_)) => Ok(Event::Binary),
            Ok(Message::Pong(_)) => {
                self.awaits_pong = false;
                Ok(Event::Control)
            }
            // Answering costs us as much as a request does.
            Ok(Message::Ping(_)) => match self.judge() {
                Verdict::Close => Err(End::Rate),
                _ => Ok(Event::Control),
            },
            Ok(Message::Frame(_)) => Ok(Event::Control),
            Ok(Message::Close(_)) => Err(End::Gone),
            Err(Error::Capacity(_)) => Err(End::TooLarge),
            Err(Error::Utf8(_)) => Err(End::NotUtf8),
            Err(_) => Err(End::Gone),
        }
    }

    /// Judges a request.
    pub(crate) fn judge(&mut self) -> Verdict {
        let verdict = self.budget.take(Instant::now());
        if verdict != Verdict::Allow {
            self.hub.counters.bad_requests.add(1);
        }
        verdict
    }

    /// Asks whether the client is there, unless it has not answered the last time.
    pub(crate) async fn ping(&mut self) -> Result<(), End> {
        if self.awaits_pong {
            return Err(End::NoPong);
        }
        self.awaits_pong = true;
        self.deliver(Message::Ping(Default::default())).await
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        let bytes = text.len() as u64;
        self.deliver(Message::Text(text)).await?;
        self.hub.counters.sent.add(1);
        self.hub.counters.sent_bytes.add(bytes);
        Ok(())
    }

    async fn deliver(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.hub.settings.send_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Slow),
        }
    }

    /// Ends the connection, telling the client why.
    pub(crate) async fn close(mut self, end: End, protocol: Protocol, session: u64) {
        if end == End::Slow {
            self.hub.counters.slow.add(1);
        }
        let Some((code, reason)) = end.close() else {
            // The answer to the client's own close may still wait to be sent.
            let _ = timeout(CLOSE_TIMEOUT, self.socket.flush()).await;
            return;
        };
        let close = async {
            if end == End::Shutdown && protocol == Protocol::V1 {
                let bye = Say::Bye { reason: "shutdown", retry_after_ms: spread_ms(session) };
                let _ = self.socket.feed(Message::Text(wire::text(&bye))).await;
            }
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                // A socket that is closed with something unread takes back what it
                // sent, so what the client still says is read.
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        // Whether the client has heard it is all the same.
        let _ = timeout(CLOSE_TIMEOUT, close).await;
    }
}

/// When a client is to come back, spread over 4 s so that not all come at once.
fn spread_ms(session: u64) -> u64 {
    1_000 + session.wrapping_mul(2_654_435_761) % 4_000
}
