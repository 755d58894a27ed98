//! What every store of the past must do, whatever keeps it.

pub(crate) mod records;
mod suite;

pub(crate) use suite::{SUITE, same_answers};

use records::Record;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_sink::results::Position;
use streamgauge_sink::store::{EmbeddedHistory, EmbeddedStore, HistoryStore, Retention};
use tempfile::TempDir;

/// A store that can be fed.
pub(crate) trait Fixture {
    /// Feeds it these records, to the end.
    fn feed(&mut self, records: Vec<Record>);
    /// Answers for it.
    fn history(&self) -> &dyn HistoryStore;
    /// A whole hour not long ago: the times of records are not far behind it.
    fn hour_ms(&self) -> i64;
}

/// The embedded store.
pub(crate) struct Embedded {
    store: EmbeddedStore,
    history: EmbeddedHistory,
    hour_ms: i64,
    fed: u64,
    _folder: TempDir,
}

impl Embedded {
    pub(crate) fn new(hour_ms: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(hour_ms));
        let retention = Retention::new(Duration::from_secs(30 * 86_400), clock);
        let store = EmbeddedStore::open(&folder.path().join("store.db"), retention).unwrap();
        let history = store.history().unwrap();
        Self { store, history, hour_ms, fed: 0, _folder: folder }
    }
}

impl Fixture for Embedded {
    fn feed(&mut self, records: Vec<Record>) {
        self.fed += 1;
        self.store.apply(&records, &Position(vec![self.fed])).unwrap();
    }

    fn history(&self) -> &dyn HistoryStore {
        &self.history
    }

    fn hour_ms(&self) -> i64 {
        self.hour_ms
    }
}

#[test]
fn the_embedded_store_conforms() {
    for (name, test) in SUITE {
        println!("{name}");
        test(&mut Embedded::new(1_703_120_400_000));
    }
}
