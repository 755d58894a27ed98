//! The gateway and the feed of the history, each in a thread of its own, over the data
//! directory of a site.

use super::explain::ForGateway;
use super::site::Site;
use super::webhooks::Webhooks;
use anyhow::{Context, Result};
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamgauge::config::Config;
use streamgauge_gateway::{Parts, Settings};
use streamgauge_sink::store::{
    EMBEDDED_FILE_NAME, EmbeddedHistory, EmbeddedStore, FeedNote, HistoryStore, Retention, feed,
};

/// How often a server looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How long the feed of the history waits after it has failed.
const FEED_AGAIN: Duration = Duration::from_secs(5);

/// Takes the address of the gateway, before anything else is begun.
pub(super) fn listen(config: &Config) -> Result<TcpListener> {
    let address: SocketAddr = config.gateway.listen.parse().context("gateway.listen")?;
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}: choose another address with --listen, such as 127.0.0.1:8083")
    })?;
    listener.set_nonblocking(true).context("the listener")?;
    Ok(listener)
}

/// Serves until asked to stop.
pub(super) fn serve(
    site: &Site,
    config: &Config,
    webhooks: &Webhooks,
    listener: TcpListener,
    stop: &AtomicBool,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("gateway")
        .enable_all()
        .build()
        .context("cannot start the gateway")?;
    let history = EmbeddedHistory::open(&site.directory.join(EMBEDDED_FILE_NAME))?;
    let parts = Parts {
        results: Arc::clone(&site.results),
        history: Some(Arc::new(history) as Arc<dyn HistoryStore>),
        explain: Some(Arc::new(ForGateway::new(site, config))),
        clock: Arc::clone(&site.clock),
        webhooks: webhooks.counts(),
        settings: Settings {
            funnels: config.funnels.iter().map(|funnel| funnel.name.clone()).collect(),
            days: config.site.has_days.then(|| config.site.time_zone.clone()),
            ..Settings::default()
        },
    };
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let stopped = async {
            while !stop.load(Ordering::SeqCst) {
                tokio::time::sleep(LOOK).await;
            }
        };
        streamgauge_gateway::serve(listener, parts, stopped).await?;
        anyhow::Ok(())
    })
}

/// The history of a directory, and the right to write it.
pub(super) struct HistoryFeed {
    store: EmbeddedStore,
    _lock: File,
}

impl HistoryFeed {
    /// Opens the history; none if another process feeds it.
    pub(super) fn open(site: &Site, config: &Config) -> Result<Option<Self>> {
        let path = site.directory.join("store.lock");
        let lock =
            File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        if lock.try_lock().is_err() {
            return Ok(None);
        }
        let keep = Duration::from_millis(config.store.retention_ms.unsigned_abs());
        let retention = Retention::new(keep, Arc::clone(&site.clock));
        let store = EmbeddedStore::open(&site.directory.join(EMBEDDED_FILE_NAME), retention)?;
        Ok(Some(Self { store, _lock: lock }))
    }

    /// Feeds it until asked to stop. What fails is told and tried again: the results
    /// wait in their log.
    pub(super) fn run(mut self, site: &Site, stop: &AtomicBool, tell: &dyn Fn(&str)) {
        let mut note = |note: FeedNote| match note {
            FeedNote::Unreadable(what) => {
                tell(&format!("the history leaves a result away: {what}"))
            }
            FeedNote::Expired => tell("results older than the history's retention are left away"),
            FeedNote::Gap { .. } => {
                tell("the history has a gap: the results' retention has cut what it had not read");
            }
        };
        while !stop.load(Ordering::SeqCst) {
            if let Err(error) = feed(&*site.results, &mut self.store, stop, &mut note) {
                tell(&format!("the history is not written, and tried again: {error}"));
                std::thread::sleep(FEED_AGAIN);
            }
        }
    }
}
