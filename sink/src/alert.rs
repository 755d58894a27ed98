//! Alerts: identity, bytes, order.

use crate::json::Object;
use sha2::{Digest as _, Sha256};

/// A rule that alerts, as its alerts name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Its version: part of the identity of its alerts.
    pub version: u32,
    /// `alertType`.
    pub alert_type: &'static str,
    /// `severity`.
    pub severity: &'static str,
    /// `title`.
    pub title: &'static str,
}

/// A user with exactly one page view in a tumbling window of five minutes.
pub const HIGH_BOUNCE_RATE: Rule = Rule {
    name: "high_bounce_rate",
    version: 1,
    alert_type: "HIGH_BOUNCE_RATE",
    severity: "MEDIUM",
    title: "High Bounce Rate Detected",
};

/// One alert of [`HIGH_BOUNCE_RATE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BounceAlert<'a> {
    /// The user.
    pub user: &'a str,
    /// Start of the window, ms.
    pub start_ms: i64,
    /// End of the window, ms.
    pub end_ms: i64,
    /// Whether it stands, or was taken back.
    pub firing: bool,
}

impl BounceAlert<'_> {
    /// Its place in a file: rule (bytes), window start (number), subject (bytes).
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = HIGH_BOUNCE_RATE.name.as_bytes().to_vec();
        key.push(0);
        // With the sign bit turned, signed numbers sort as their big-endian bytes do.
        key.extend_from_slice(&(self.start_ms.cast_unsigned() ^ 1 << 63).to_be_bytes());
        key.extend_from_slice(self.user.as_bytes());
        key
    }

    /// Its `alertId`.
    #[must_use]
    pub fn id(&self) -> String {
        alert_id(&HIGH_BOUNCE_RATE, self.user, self.start_ms)
    }

    /// Its line up to the tail.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let rule = &HIGH_BOUNCE_RATE;
        let mut out = Vec::with_capacity(400);
        let mut o = Object::open(&mut out);
        o.text("alertId", &self.id())
            .text("alertType", rule.alert_type)
            .text("severity", rule.severity)
            .text("title", rule.title)
            .text("description", &format!("User {} viewed only one page", self.user))
            .text("userId", self.user)
            .integer("windowStart", self.start_ms)
            .integer("windowEnd", self.end_ms)
            .text("state", if self.firing { "firing" } else { "retracted" })
            .integer("value", 1)
            .integer("threshold", 1)
            .text("rule", rule.name)
            .integer("ruleVersion", rule.version);
        out
    }
}

/// The first 32 hex digits of SHA-256 of `rule|ruleVersion|subject|windowStart`.
fn alert_id(rule: &Rule, subject: &str, start_ms: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{}|{}|{subject}|{start_ms}", rule.name, rule.version));
    let hash = hash.finalize();
    let first = hash[..16].iter().fold(0u128, |id, b| id << 8 | u128::from(*b));
    format!("{first:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(user: &str, start_ms: i64) -> BounceAlert<'_> {
        BounceAlert { user, start_ms, end_ms: start_ms + 300_000, firing: true }
    }

    #[test]
    fn identity_and_bytes() {
        let line = String::from_utf8(alert("u0b7b71cee4fd", 1_431_857_100_000).body()).unwrap();
        assert_eq!(
            line,
            r#"{"alertId":"81a4c8467e7bccccb424eaa6a606bd8c","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"High Bounce Rate Detected","description":"User u0b7b71cee4fd viewed only one page","userId":"u0b7b71cee4fd","windowStart":1431857100000,"windowEnd":1431857400000,"state":"firing","value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1"#
        );
    }

    #[test]
    fn files_are_in_the_order_of_window_and_subject() {
        let keys = [alert("b", -300_000), alert("a", 0), alert("ab", 0), alert("", 300_000)];
        let keys = keys.map(|a| a.key());
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
