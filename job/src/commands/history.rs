//! The history of a site: who answers for it, and the feed that fills it, in a thread of its
//! own.

use super::patience::pause;
use super::site::{Lock, Obstacle, Site, lock, lock_when_free};
use anyhow::Result;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamgauge::config::Config;
use streamgauge_sink::store::{
    EMBEDDED_FILE_NAME, EmbeddedHistory, EmbeddedStore, FeedError, FeedNote, FeedStatus,
    HistoryStore, InfluxFeed, InfluxHistory, InfluxMeans, Retention, feed,
};

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

impl Store {
    fn open(site: &Site, config: &Config, status: Option<&Arc<FeedStatus>>) -> Result<Self> {
        if let (Some(settings), Some(status)) = (&config.influxdb, status) {
            let feed = InfluxFeed::open(&site.directory, settings, Arc::clone(status))?;
            return Ok(Self::Influx(Box::new(feed)));
        }
        let keep = Duration::from_millis(config.store.retention_ms.unsigned_abs());
        let retention = Retention::new(keep, Arc::clone(&site.clock));
        let path = site.directory.join(EMBEDDED_FILE_NAME);
        Ok(Self::Embedded(Box::new(EmbeddedStore::open(&path, retention)?)))
    }
}

/// What feeds the history of a directory; one process does, and others wait for it to end.
pub(super) struct HistoryFeed {
    /// The right to write it, if no other process has it.
    lock: Option<File>,
    store: Option<Store>,
    status: Option<Arc<FeedStatus>>,
}

impl HistoryFeed {
    /// Opens the history, if no other process feeds it.
    pub(super) fn open(site: &Site, config: &Config) -> Result<Self> {
        let status = config.influxdb.is_some().then(InfluxFeed::new_status);
        let (lock, store) = match lock(&lock_path(site))? {
            Lock::Taken(file) => (Some(file), Some(Store::open(site, config, status.as_ref())?)),
            Lock::HeldBy(_) => (None, None),
        };
        Ok(Self { lock, store, status })
    }

    /// How it does, where that is more than whether it runs.
    pub(super) fn status(&self) -> Option<Arc<FeedStatus>> {
        self.status.clone()
    }

    /// Feeds it until asked to stop, and before that waits for whoever does. What fails is
    /// told and tried again: the results wait in their log.
    pub(super) fn run(self, site: &Site, config: &Config, stop: &AtomicBool, tell: &dyn Fn(&str)) {
        let Self { lock, mut store, status } = self;
        let note = |writer: Option<String>| {
            if let Some(status) = &status {
                status.note(|report| report.written_by = writer);
            }
        };
        let waits = |obstacle| match obstacle {
            Obstacle::Process(process) => {
                tell(&format!(
                    "process {process} writes the history of this directory; this one begins \
                     when that has ended"
                ));
                note(Some(process));
            }
            Obstacle::Error(error) => tell(&failed(&error)),
        };
        let Some(_lock) = lock.or_else(|| lock_when_free(&lock_path(site), stop, waits)) else {
            return;
        };
        note(None);
        while !stop.load(Ordering::SeqCst) {
            let done = match &mut store {
                Some(store) => store.feed(site, stop, tell).map_err(anyhow::Error::from),
                None => Store::open(site, config, status.as_ref()).map(|new| store = Some(new)),
            };
            if let Err(error) = done {
                tell(&failed(&format!("{error:#}")));
                pause(stop);
            }
        }
    }
}

fn lock_path(site: &Site) -> PathBuf {
    site.directory.join("store.lock")
}

fn failed(error: &str) -> String {
    format!("the history is not written, and tried again: {error}")
}

impl Store {
    fn feed(
        &mut self,
        site: &Site,
        stop: &AtomicBool,
        tell: &dyn Fn(&str),
    ) -> Result<(), FeedError> {
        match self {
            Self::Embedded(store) => {
                feed(&*site.results, store, stop, &mut |note| tell(&told(note)))
            }
            Self::Influx(feed) => {
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
