//! Alerts as they are read from their topic: which of them are sent, and under which id.

use super::endpoint::Endpoint;
use super::queue::New;
use crate::results::Stored;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// The longest identity of an alert.
const MOST_ALERT_BYTES: usize = 256;

/// What is read of an alert: the rest is for the receiver.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow)]
    alert_id: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    rule: Cow<'a, str>,
}

/// Records while they are read.
pub(super) struct Records<'a> {
    endpoint: &'a Endpoint,
    /// Those that are sent.
    pub(super) new: Vec<New>,
    /// The key of the first that could not be understood.
    pub(super) unreadable: Option<String>,
}

impl<'a> Records<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, new: Vec::new(), unreadable: None }
    }

    pub(super) fn take(&mut self, stored: &Stored<'_>) {
        // Alerts are taken back by their state; a key that ends says nothing more.
        let Some(value) = stored.value else { return };
        let head = serde_json::from_slice::<Head<'_>>(value).ok();
        let Some(head) = head.filter(|head| head.alert_id.len() <= MOST_ALERT_BYTES) else {
            let key = || String::from_utf8_lossy(stored.key).chars().take(64).collect();
            self.unreadable.get_or_insert_with(key);
            return;
        };
        if self.endpoint.wants(&head.rule, &head.severity) {
            let key = key(&head.alert_id, &head.state, stored.epoch);
            self.new.push(New { key, alert: head.alert_id.into_owned(), body: value.to_vec() });
        }
    }
}

/// What a delivery is known by: a function of the alert, its state, and the epoch in which
/// it came to that, so the same however often it is sent. An alert changes once in an
/// epoch at most.
fn key(alert: &str, state: &str, epoch: u64) -> String {
    let hash = Sha256::digest(format!("{epoch}|{state}|{alert}"));
    hash[..16].iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"))
}
