//! The history of a site: who answers for it, and the feed that fills it, in a thread of its
//! own.

use super::site::{Lock, Site, lock};
use anyhow::Result;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamgauge::config::Config;
use streamgauge_sink::store::{
    EMBEDDED_FILE_NAME, EmbeddedHistory, EmbeddedStore, FeedError, FeedNote, FeedStatus,
    HistoryStore, InfluxFeed, InfluxHistory, InfluxMeans, Retention, feed,
};

/// How long the feed of the history waits after it has failed, or for another one to end.
const FEED_AGAIN: Duration = Duration::from_secs(5);
/// How often somebody who waits looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

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
struct Held {
    store: Store,
    _lock: File,
}

impl Held {
    /// Opens the history; none if another process feeds it.
    fn open(site: &Site, config: &Config) -> Result<Option<Self>> {
        let Lock::Taken(lock) = lock(&site.directory.join("store.lock"))? else {
            return Ok(None);
        };
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
}

/// What feeds the history of a directory; one process does, and others wait for it to end.
pub(super) struct HistoryFeed(Option<Held>);

impl HistoryFeed {
    /// Opens the history, if no other process feeds it.
    pub(super) fn open(site: &Site, config: &Config) -> Result<Self> {
        Held::open(site, config).map(Self)
    }

    /// How it does, where that is more than whether it runs.
    pub(super) fn status(&self) -> Option<Arc<FeedStatus>> {
        match &self.0.as_ref()?.store {
            Store::Embedded(_) => None,
            Store::Influx(feed) => Some(feed.status()),
        }
    }

    /// Feeds it until asked to stop. What fails is told and tried again: the results
    /// wait in their log.
    pub(super) fn run(self, site: &Site, config: &Config, stop: &AtomicBool, tell: &dyn Fn(&str)) {
        let mut held = self.0;
        let mut is_told = false;
        while !stop.load(Ordering::SeqCst) {
            let done = match &mut held {
                Some(held) => held.feed(site, stop, tell).map_err(anyhow::Error::from),
                None => Held::open(site, config).map(|opened| held = opened),
            };
            match done {
                Ok(()) if held.is_some() => {}
                Ok(()) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tell(
                            "another process writes the history of this directory; this one \
                             begins when that has ended",
                        );
                    }
                    pause(stop);
                }
                Err(error) => {
                    tell(&format!("the history is not written, and tried again: {error:#}"));
                    pause(stop);
                }
            }
        }
    }
}

/// Waits a while, but for when it is to end.
fn pause(stop: &AtomicBool) {
    let mut left = FEED_AGAIN;
    while !left.is_zero() && !stop.load(Ordering::SeqCst) {
        std::thread::sleep(LOOK);
        left = left.saturating_sub(LOOK);
    }
}

impl Held {
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
