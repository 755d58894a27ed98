//! Alerts: identity, bytes, order.

use crate::decimal::Decimal;
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

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert<'a> {
    /// `rule`.
    pub rule: &'a str,
    /// `ruleVersion`.
    pub version: u32,
    /// `alertType`.
    pub alert_type: &'a str,
    /// `severity`.
    pub severity: &'a str,
    /// `title`.
    pub title: &'a str,
    /// `description`.
    pub description: &'a str,
    /// What it is about: a user, or a result and its dimensions.
    pub subject: &'a str,
    /// `userId`, where it is about a user.
    pub user: Option<&'a str>,
    /// `windowStart`, ms.
    pub start_ms: i64,
    /// `windowEnd`, ms.
    pub end_ms: i64,
    /// `value`.
    pub value: Decimal,
    /// `threshold`.
    pub threshold: Decimal,
}

impl Alert<'_> {
    /// Its place in a file: rule (bytes), window start (number), subject (bytes).
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = self.rule.as_bytes().to_vec();
        key.push(0);
        // With the sign bit turned, signed numbers sort as their big-endian bytes do.
        key.extend_from_slice(&(self.start_ms.cast_unsigned() ^ 1 << 63).to_be_bytes());
        key.extend_from_slice(self.subject.as_bytes());
        key
    }

    /// Its line up to the tail: of one that fires, or was taken back.
    #[must_use]
    pub fn body(&self, firing: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(400);
        let mut o = Object::open(&mut out);
        o.text("alertId", &self.id())
            .text("alertType", self.alert_type)
            .text("severity", self.severity)
            .text("title", self.title)
            .text("description", self.description);
        if let Some(user) = self.user {
            o.text("userId", user);
        }
        o.integer("windowStart", self.start_ms)
            .integer("windowEnd", self.end_ms)
            .text("state", if firing { "firing" } else { "retracted" });
        self.value.write(o.field("value"));
        self.threshold.write(o.field("threshold"));
        o.text("rule", self.rule).integer("ruleVersion", self.version);
        out
    }

    /// The first 32 hex digits of SHA-256 of `rule|ruleVersion|subject|windowStart`.
    #[must_use]
    pub fn id(&self) -> String {
        alert_id(self.rule, self.version, self.subject, self.start_ms)
    }
}

/// The `alertId` of what a rule says of a subject and a time, ms.
#[must_use]
pub fn alert_id(rule: &str, version: u32, subject: &str, start_ms: i64) -> String {
    let hash = Sha256::digest(format!("{rule}|{version}|{subject}|{start_ms}"));
    let first = hash[..16].iter().fold(0u128, |id, b| id << 8 | u128::from(*b));
    format!("{first:032x}")
}

/// The description of an alert of [`HIGH_BOUNCE_RATE`].
#[must_use]
pub fn bounce_description(user: &str) -> String {
    format!("User {user} viewed only one page")
}

/// An alert of [`HIGH_BOUNCE_RATE`] with its description.
#[must_use]
pub fn bounce_alert<'a>(
    user: &'a str,
    description: &'a str,
    start_ms: i64,
    end_ms: i64,
) -> Alert<'a> {
    let Rule { name, version, alert_type, severity, title } = HIGH_BOUNCE_RATE;
    Alert {
        rule: name,
        version,
        alert_type,
        severity,
        title,
        description,
        subject: user,
        user: Some(user),
        start_ms,
        end_ms,
        value: Decimal::whole(1),
        threshold: Decimal::whole(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(user: &str, start_ms: i64) -> Alert<'_> {
        let description = "User u0b7b71cee4fd viewed only one page";
        bounce_alert(user, description, start_ms, start_ms + 300_000)
    }

    #[test]
    fn identity_and_bytes() {
        let body = alert("u0b7b71cee4fd", 1_431_857_100_000).body(true);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"alertId":"81a4c8467e7bccccb424eaa6a606bd8c","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"High Bounce Rate Detected","description":"User u0b7b71cee4fd viewed only one page","userId":"u0b7b71cee4fd","windowStart":1431857100000,"windowEnd":1431857400000,"state":"firing","value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1"#
        );
    }

    #[test]
    fn what_is_about_no_user_names_none() {
        let alert = Alert { user: None, value: Decimal::ratio(5, 2), ..alert("X|", 0) };
        let body = String::from_utf8(alert.body(false)).unwrap();
        assert!(!body.contains("userId"), "{body}");
        assert!(body.contains(r#""state":"retracted","value":2.5,"threshold":1,"#), "{body}");
    }

    #[test]
    fn files_are_in_the_order_of_window_and_subject() {
        let keys = [alert("b", -300_000), alert("a", 0), alert("ab", 0), alert("", 300_000)];
        let keys = keys.map(|a| a.key());
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
