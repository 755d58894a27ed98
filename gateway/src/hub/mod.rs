//! Between the feed and the clients: the state, and who is to hear that it changed.
//!
//! The feed's thread applies records and calls [`Hub::publish`]; tasks of clients wait
//! for what concerns them. A message is encoded once for each channel and interval and
//! its bytes are shared: no work per client but sending. What a client has not taken
//! is replaced (state) or sent anew as a snapshot (log): nothing queues up for it.

pub(crate) mod counters;
mod lanes;

pub(crate) use lanes::Lane;

use crate::Settings;
use crate::days::Days;
use crate::explain::{Explain, Explaining};
use crate::state::{Channel, PerChannel, State};
use crate::times::rfc3339;
use crate::wire::{self, Context, Frame, Lag, Message};
use counters::Counters;
use lanes::Lanes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamgauge_ingest::clock::Clock;
use streamgauge_sink::store::{FeedStatus, HistoryStore};
use streamgauge_sink::webhook::Counts;
use tokio::sync::{broadcast, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Messages of alerts that a client can be behind before it gets a snapshot.
const ALERT_FRAMES: usize = 64;

/// Why a snapshot is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Subscribe,
    Lagged,
    StreamChanged,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Lagged => "lagged",
            Self::StreamChanged => "stream_changed",
        }
    }
}

/// The map of the original's clients: names, and values as JSON.
pub(crate) type Flat = Vec<(&'static str, String)>;

#[derive(Default)]
struct Published {
    alerts: u64,
    stream: String,
}

type SnapshotKey = (Channel, usize, Reason);

/// What is shared by the feed, the clients and the routes.
pub(crate) struct Hub {
    state: Mutex<State>,
    published: Mutex<Published>,
    versions: PerChannel<watch::Sender<u64>>,
    alerts: broadcast::Sender<Frame>,
    lanes: Lanes,
    snapshots: Mutex<BTreeMap<SnapshotKey, (String, Frame)>>,
    heartbeat: watch::Sender<Option<Utf8Bytes>>,
    hydrated: AtomicBool,
    failure: Mutex<Option<String>>,
    /// What is counted.
    pub(crate) counters: Counters,
    /// How to serve.
    pub(crate) settings: Settings,
    /// The time that is shown.
    pub(crate) clock: Arc<dyn Clock>,
    /// The past.
    pub(crate) history: Option<Arc<dyn HistoryStore>>,
    /// The days of the site, where there are results over them.
    pub(crate) days: Option<Days>,
    /// What has become of the deliveries of webhooks.
    pub(crate) webhooks: Vec<Arc<Counts>>,
    /// How the feed of the store does.
    pub(crate) store: Option<Arc<FeedStatus>>,
    /// What explains results.
    pub(crate) explaining: Option<Explaining>,
    /// Turns true when all is to end.
    pub(crate) stop: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// With nothing in it.
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        history: Option<Arc<dyn HistoryStore>>,
        explain: Option<Arc<dyn Explain>>,
        days: Option<Days>,
        webhooks: Vec<Arc<Counts>>,
        settings: Settings,
    ) -> Self {
        Self {
            state: Mutex::default(),
            published: Mutex::default(),
            versions: PerChannel::new(|_| watch::Sender::new(0)),
            alerts: broadcast::Sender::new(ALERT_FRAMES),
            lanes: Lanes::default(),
            snapshots: Mutex::default(),
            heartbeat: watch::Sender::new(None),
            hydrated: AtomicBool::new(false),
            failure: Mutex::default(),
            counters: Counters::default(),
            settings,
            clock,
            history,
            days,
            webhooks,
            store: None,
            explaining: explain.map(Explaining::new),
            stop: watch::Sender::new(false),
        }
    }

    /// With the feed of a store that is told of.
    pub(crate) fn with_store(self, store: Option<Arc<FeedStatus>>) -> Self {
        Self { store, ..self }
    }

    /// What is current.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Identity of the log of results: what is sent under one goes on from each other.
    pub(crate) fn stream(&self, state: &State) -> String {
        match &self.settings.stream {
            Some(stream) => stream.clone(),
            None => state.writer().map_or_else(|| "w0".into(), |writer| format!("w{writer}")),
        }
    }

    /// Tells the clients what has changed.
    pub(crate) fn publish(&self) {
        let state = self.state();
        let stream = self.stream(&state);
        let mut published = lock(&self.published);
        let context = Context { stream: &stream, now_ms: self.clock.now_ms() };
        let appended = state.alerts().appended();
        if published.stream != stream {
            published.stream.clone_from(&stream);
            let reason = Reason::StreamChanged.name();
            let all = wire::snapshot(&state, Channel::Alerts, reason, 0, context);
            // Without subscribers nobody is to be told.
            let _ = self.alerts.send(all);
        } else if appended > published.alerts && self.alerts.receiver_count() > 0 {
            for frame in wire::alerts_since(&state, published.alerts, context) {
                let _ = self.alerts.send(frame);
            }
        }
        published.alerts = appended;
        let changes = state.changes();
        drop(published);
        drop(state);
        for channel in Channel::ALL {
            let now = *changes.get(channel);
            self.versions.get(channel).send_if_modified(|version| {
                let changed = *version != now;
                *version = now;
                changed
            });
        }
    }

    /// Everything that is current in a channel.
    pub(crate) fn snapshot(&self, channel: Channel, rows: usize, reason: Reason) -> Frame {
        let state = self.state();
        let stream = self.stream(&state);
        let key = (channel, rows, reason);
        let mut snapshots = lock(&self.snapshots);
        let now = *state.changes().get(channel);
        if let Some((of, frame)) = snapshots.get(&key)
            && (frame.version, of) == (now, &stream)
        {
            return frame.clone();
        }
        let context = Context { stream: &stream, now_ms: self.clock.now_ms() };
        let frame = wire::snapshot(&state, channel, reason.name(), rows, context);
        snapshots.insert(key, (stream, frame.clone()));
        frame
    }

    /// The alerts behind this one, if they are all there, and the place behind them.
    pub(crate) fn alerts_behind(&self, stream: &str, seq: &str) -> Option<(Vec<Frame>, u64)> {
        let state = self.state();
        let own = self.stream(&state);
        let seq = crate::state::seq::Seq::parse(seq).filter(|_| own == stream)?;
        let place = state.alerts().behind(seq)?;
        let context = Context { stream: &own, now_ms: self.clock.now_ms() };
        Some((wire::alerts_since(&state, place, context), state.alerts().appended()))
    }

    /// Alerts as they come.
    pub(crate) fn subscribe_alerts(&self) -> broadcast::Receiver<Frame> {
        self.alerts.subscribe()
    }

    /// Updates of a state channel, at most one each `interval_ms`.
    pub(crate) fn subscribe(self: &Arc<Self>, channel: Channel, interval_ms: u64) -> Lane {
        self.lanes.subscribe(self, channel, interval_ms)
    }

    /// The map of the original's clients as of now.
    pub(crate) fn flat(&self) -> Flat {
        let mut flat = self.state().legacy();
        flat.push(("timestamp", self.clock.now_ms().to_string()));
        flat
    }

    /// Heartbeats of version 1.
    pub(crate) fn heartbeats(&self) -> watch::Receiver<Option<Utf8Bytes>> {
        self.heartbeat.subscribe()
    }

    /// Sends heartbeats until all ends.
    pub(crate) async fn beat(&self) {
        let mut ticks = tokio::time::interval(self.settings.heartbeat_every);
        let mut n = 0;
        loop {
            ticks.tick().await;
            n += 1;
            let (watermark_ms, lag) = {
                let state = self.state();
                (state.watermark_ms(), state.job().and_then(Lag::of))
            };
            let watermark = watermark_ms.map(rfc3339);
            let server_time = rfc3339(self.clock.now_ms());
            let message = Message::Heartbeat { n, server_time, watermark, lag };
            self.heartbeat.send_replace(Some(wire::text(&message)));
        }
    }

    /// Whether all that was in the log at the start has been read.
    pub(crate) fn hydrated(&self) -> bool {
        self.hydrated.load(Ordering::Acquire)
    }

    /// All that was in the log has been read.
    pub(crate) fn set_hydrated(&self) {
        self.hydrated.store(true, Ordering::Release);
    }

    /// Why the log cannot be read, if so.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Notes whether the log can be read.
    pub(crate) fn set_failure(&self, failure: Option<String>) {
        *lock(&self.failure) = failure;
    }

    /// Whether all is to end.
    pub(crate) fn stopping(&self) -> bool {
        *self.stop.borrow()
    }
}
