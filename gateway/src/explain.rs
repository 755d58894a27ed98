//! What explains results: the gateway computes nothing, so it asks whoever can.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::Semaphore;

/// Explains results by the records that they were made from.
pub trait Explain: Send + Sync {
    /// Explains the result with this key, and lists `limit` records at most; gives one
    /// JSON object. It may take long, and should end soon after `stop` is set.
    ///
    /// # Errors
    /// If it is no key, there is no such result, or it cannot be explained.
    fn explain(&self, key: &str, limit: usize, stop: &AtomicBool) -> Result<String, Unexplained>;
}

/// Why there is no explanation; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// What was given is no key.
    NoKey(String),
    /// There is no result under it.
    Unknown(String),
    /// What is needed cannot be read.
    Failed(String),
}

/// Who explains, and whose turn it is.
#[derive(Clone)]
pub(crate) struct Explaining {
    pub(crate) explain: Arc<dyn Explain>,
    pub(crate) turn: Arc<Semaphore>,
}

impl Explaining {
    pub(crate) fn new(explain: Arc<dyn Explain>) -> Self {
        Self { explain, turn: Arc::new(Semaphore::new(1)) }
    }
}
