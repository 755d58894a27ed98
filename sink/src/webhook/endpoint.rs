//! A webhook: where alerts are sent, and which.

use super::url::Url;
use std::time::Duration;
pub use streamgauge_ingest::secret::Secret;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name: under it the queue remembers how far it is.
    pub name: String,
    /// Where to send to.
    pub url: Url,
    /// What deliveries are signed with; without it they are not.
    pub secret: Option<Secret>,
    /// The rules whose alerts are sent; none is all.
    pub rules: Vec<String>,
    /// The severities that are sent; none is all.
    pub severities: Vec<String>,
    /// How long the receiver may take for an answer.
    pub timeout: Duration,
    /// How long after its first attempt an alert is given up.
    pub give_up_after: Duration,
    /// How many attempts there are at most.
    pub max_attempts: u32,
}

impl Endpoint {
    /// Whether an alert of this rule and severity is sent.
    #[must_use]
    pub fn wants(&self, rule: &str, severity: &str) -> bool {
        let among = |all: &[String], one: &str| all.is_empty() || all.iter().any(|a| a == one);
        among(&self.rules, rule) && among(&self.severities, severity)
    }
}
