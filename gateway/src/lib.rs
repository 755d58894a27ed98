//! Results for browsers and machines: WebSockets, REST and a live page on one port.
//!
//! A thread tails the log of results and keeps what is current; clients are served
//! from that, so neither the job nor the store notices how many there are. Any number
//! of gateways can read one log and say the same.
//!
//! Invariants: nothing queues up for a client, and everything that clients can make
//! grow is bounded; what is shown comes from the log, and times from the injected
//! clock alone. It deliberately computes no result, writes nothing, and knows nothing
//! of how the log is kept.

mod catalogue;
mod days;
mod explain;
mod feed;
mod hub;
mod problem;
mod rest;
mod server;
mod settings;
mod socket;
mod state;
mod times;
mod upgrade;
mod wire;

pub use explain::{Explain, Unexplained};
pub use settings::Settings;

use days::Days;
use hub::Hub;
use std::future::Future;
use std::io;
use std::sync::Arc;
use streamgauge_ingest::clock::Clock;
use streamgauge_sink::results::ResultLog;
use streamgauge_sink::store::{FeedStatus, HistoryStore};
use streamgauge_sink::webhook::Counts;
use thiserror::Error;
use tokio::net::TcpListener;

/// What a gateway is made of.
pub struct Parts {
    /// The log that is served.
    pub results: Arc<dyn ResultLog>,
    /// Answers questions about the past; without it `/api/v1/history` says so.
    pub history: Option<Arc<dyn HistoryStore>>,
    /// Explains results; without it `/api/v1/explain` says so.
    pub explain: Option<Arc<dyn Explain>>,
    /// The time that is shown, and that the job's age is told by.
    pub clock: Arc<dyn Clock>,
    /// What has become of the deliveries of webhooks, where this process sends them: told
    /// by `/metrics` alone, as a receiver that is away makes nothing here less ready.
    pub webhooks: Vec<Arc<Counts>>,
    /// How the feed of the store does, where this process runs it: a store that is away is
    /// told, and makes nothing here less ready either.
    pub store: Option<Arc<FeedStatus>>,
    /// How to serve.
    pub settings: Settings,
}

/// Why a gateway could not serve.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// The listener cannot be used.
    #[error("the listener of the gateway cannot be used: {0}")]
    Listener(#[source] io::Error),
    /// There is no such time zone.
    #[error("there is no time zone {0:?}: expected a name such as Europe/Berlin")]
    TimeZone(String),
    /// The thread that reads the log cannot be started.
    #[error("no thread for reading the log of results: {0}")]
    Thread(#[source] io::Error),
}

/// Serves until `shutdown` is ready, then closes all connections and returns.
///
/// Must run on a tokio runtime with I/O and timers.
///
/// # Errors
/// If it cannot begin. What fails later is said by `/readyz` and tried again.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    let Parts { results, history, explain, clock, webhooks, store, settings } = parts;
    let days = match &settings.days {
        None => None,
        Some(zone) => Some(Days::of(zone).ok_or_else(|| GatewayError::TimeZone(zone.clone()))?),
    };
    let hub =
        Arc::new(Hub::new(clock, history, explain, days, webhooks, settings).with_store(store));
    let feed = {
        let hub = hub.clone();
        let name = "gateway-feed".to_owned();
        let feed = std::thread::Builder::new().name(name);
        feed.spawn(move || feed::run(&hub, results.as_ref())).map_err(GatewayError::Thread)?
    };
    let beat = tokio::spawn({
        let hub = hub.clone();
        async move { hub.beat().await }
    });
    let served = server::run(listener, hub.clone(), shutdown).await;
    hub.stop.send_replace(true);
    beat.abort();
    // The feed looks at the hub ten times a second; a panic of it has been told.
    let _ = tokio::task::spawn_blocking(move || feed.join()).await;
    served
}
