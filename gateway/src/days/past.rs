//! Days that are over, as the history has them.
//!
//! They hardly change, and a page asks for them every few seconds: what was read is kept
//! for a while. A correction within that time comes over the log, and stands in memory.

use super::{Extent, Facts, stored};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use streamgauge_sink::store::{HistoryStore, StoreError};

/// How long what was read is taken as true, ms.
const KEPT_FOR_MS: i64 = 20_000;
/// Days that are kept at most.
const MOST: usize = 96;

/// A day is told by its end.
type Key = (i64, Extent);

/// What was read, and when, ms.
type Kept = (i64, Arc<Facts>);

/// Days that are over, each with when it was read. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past(Arc<Mutex<BTreeMap<Key, Kept>>>);

impl Past {
    /// What was read not long ago of the day that ends here.
    pub(crate) fn kept(&self, end_ms: i64, extent: Extent, now_ms: i64) -> Option<Arc<Facts>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_ms, facts) = all.get(&(end_ms, extent))?;
        is_fresh(*read_ms, now_ms).then(|| facts.clone())
    }

    /// Reads the day that ends here.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn read(
        &self,
        store: &dyn HistoryStore,
        (end_ms, extent): Key,
        now_ms: i64,
    ) -> Result<Arc<Facts>, StoreError> {
        let facts = Arc::new(stored::read(store, end_ms, extent)?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (read_ms, _)| is_fresh(*read_ms, now_ms));
        if all.len() < MOST {
            all.insert((end_ms, extent), (now_ms, facts.clone()));
        }
        Ok(facts)
    }
}

/// Clocks can go back: then nothing is taken as true for longer.
fn is_fresh(read_ms: i64, now_ms: i64) -> bool {
    (0..KEPT_FOR_MS).contains(&now_ms.saturating_sub(read_ms))
}
