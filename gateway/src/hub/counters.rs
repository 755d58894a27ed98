//! What the gateway counts of itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that comes and goes.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    pub(crate) fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the classes of latency, ms.
pub(crate) const LATENCY_BOUNDS_MS: [i64; 11] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// A histogram of latencies.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Mutex<Observed>);

/// What a histogram has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Observed {
    /// Observations at or below each bound.
    pub(crate) within: [u64; LATENCY_BOUNDS_MS.len()],
    /// All observations.
    pub(crate) count: u64,
    /// Their sum, ms.
    pub(crate) sum_ms: i64,
}

impl Latencies {
    pub(crate) fn observe(&self, ms: i64) {
        let mut observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (within, bound) in observed.within.iter_mut().zip(LATENCY_BOUNDS_MS) {
            *within += u64::from(ms <= bound);
        }
        observed.count += 1;
        observed.sum_ms = observed.sum_ms.saturating_add(ms);
    }

    pub(crate) fn get(&self) -> Observed {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// WebSockets that are open.
    pub(crate) open: Gauge,
    /// WebSockets that were opened.
    pub(crate) opened: Counter,
    /// WebSockets that were refused.
    pub(crate) refused: Counter,
    /// Messages handed to the network.
    pub(crate) sent: Counter,
    /// Their bytes.
    pub(crate) sent_bytes: Counter,
    /// Clients that were closed because they did not take what was sent.
    pub(crate) slow: Counter,
    /// Requests of clients that were refused.
    pub(crate) bad_requests: Counter,
    /// HTTP requests that were no upgrade.
    pub(crate) http: Counter,
    /// Records read from the log of results.
    pub(crate) records: Counter,
    /// Time from being kept in the log to being read of the last record, ms.
    pub(crate) feed_lag_ms: Gauge,
    /// Lag of the job and of the feed together, once for each status of the job.
    pub(crate) latency: Latencies,
}
