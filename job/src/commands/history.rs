//! The history of a site: who answers for it, and the feed that fills it, in a thread of its
//! own.

use super::site::Site;
use anyhow::{Context, Result};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamgauge::config::Config;
use streamgauge_sink::store::{
    EMBEDDED_FILE_NAME, EmbeddedHistory, EmbeddedStore, FeedError, FeedNote, FeedStatus,
    HistoryStore, InfluxFeed, InfluxHistory, InfluxMeans, Retention, feed,
};

/// How long the feed of the history waits after it has failed.
const FEED_AGAIN: Duration = Duration::from_secs(5);

/// What answers questions about the past.
pub(super) fn history_store(site: &Site, config: &Config) -> Result<Arc<dyn HistoryStore>> {
    Ok(match &config.influxdb {
        Some(settings) => Arc::new(InfluxHistory::new(settings)?),
        None => Arc::new(EmbeddedHistory::open(&site.directory.join(EMBEDDED_FILE_NAME))?),
    })
}

/// A store that is fed.
enum Store {
    Embedded(Box<EmbeddedStore>),
    Influx(Box<InfluxFeed>),
}

/// The history of a directory, and the right to write it.
pub(super) struct HistoryFeed {
    store: Store,
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
        let store = match &config.influxdb {
            Some(settings) => Store::Influx(Box::new(InfluxFeed::open(&site.directory, settings)?)),
            None => {
                let keep = Duration::from_millis(config.store.retention_ms.unsigned_abs());
                let retention = Retention::new(keep, Arc::clone(&site.clock));
                let path = site.directory.join(EMBEDDED_FILE_NAME);
                Store::Embedded(Box::new(EmbeddedStore::open(&path, retention)?))
            }
        };
        Ok(Some(Self { store, _lock: lock }))
    }

    /// How it does, where that is more than whether it runs.
    pub(super) fn status(&self) -> Option<Arc<FeedStatus>> {
        match &self.store {
            Store::Embedded(_) => None,
            Store::Influx(feed) => Some(feed.status()),
        }
    }

    /// Feeds it until asked to stop. What fails is told and tried again: the results
    /// wait in their log.
    pub(super) fn run(mut self, site: &Site, stop: &AtomicBool, tell: &dyn Fn(&str)) {
        while !stop.load(Ordering::SeqCst) {
            if let Err(error) = self.feed(site, stop, tell) {
                tell(&format!("the history is not written, and tried again: {error}"));
                std::thread::sleep(FEED_AGAIN);
            }
        }
    }

    fn feed(
        &mut self,
        site: &Site,
        stop: &AtomicBool,
        tell: &dyn Fn(&str),
    ) -> Result<(), FeedError> {
        match &mut self.store {
            Store::Embedded(store) => {
                feed(&*site.results, store, stop, &mut |note| tell(&told(note)))
            }
            Store::Influx(feed) => {
                let means = InfluxMeans::new(Arc::clone(&site.clock), tell);
                feed.run(&*site.results, &means, stop)
            }
        }
    }
}

fn told(note: FeedNote) -> String {
    match note {
        FeedNote::Unreadable(what) => format!("the history leaves a result away: {what}"),
        FeedNote::Expired => "results older than the history's retention are left away".to_owned(),
        FeedNote::Gap { .. } => {
            "the history has a gap: the results' retention has cut what it had not read".to_owned()
        }
    }
}
