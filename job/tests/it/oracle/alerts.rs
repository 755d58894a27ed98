//! HIGH_BOUNCE_RATE: a user with exactly one page view in a 5 min window.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::event::EventKind;
use super::log::Entry;
use super::record::{Record, quoted};

/// The alerts of a window that fire, by user.
pub(super) fn of_window(window_ms: (i64, i64), entries: &[Entry<'_>]) -> Vec<Record> {
    let mut views = BTreeMap::<&str, usize>::new();
    for entry in entries.iter().filter(|entry| entry.event.kind == EventKind::PageView) {
        *views.entry(&entry.event.user).or_default() += 1;
    }
    views
        .into_iter()
        .filter(|(_, views)| *views == 1)
        .map(|(user, _)| alert(window_ms, user))
        .collect()
}

fn alert((start_ms, end_ms): (i64, i64), user: &str) -> Record {
    let digest = Sha256::digest(format!("high_bounce_rate|1|{user}|{start_ms}"));
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let line = format!(
        concat!(
            r#"{{"alertId":"{}","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"High Bounce Rate Detected","#,
            r#""description":{},"userId":{},"windowStart":{},"windowEnd":{},"state":"firing","#,
            r#""value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1}}"#
        ),
        id,
        quoted(&format!("User {user} viewed only one page")),
        quoted(user),
        start_ms,
        end_ms
    );
    Record::whole(id, line)
}

#[cfg(test)]
mod tests {
    use super::super::example::{conversion, finals_of, page_view};

    #[test]
    fn one_view_in_a_window_is_an_alert() {
        let finals = finals_of(&[
            page_view("u0b7b71cee4fd", 1_431_857_100_000, "/"),
            conversion("u0b7b71cee4fd", 1_431_857_100_001, "1", "USD"),
            page_view("b", 1_431_857_100_000, "/"),
            page_view("b", 1_431_857_399_999, "/"),
            page_view("a", 1_431_857_400_000, "/"),
        ]);
        assert_eq!(finals.alerts.len(), 2);
        assert_eq!(
            finals.alerts[0],
            concat!(
                r#"{"alertId":"81a4c8467e7bccccb424eaa6a606bd8c","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","#,
                r#""title":"High Bounce Rate Detected","description":"User u0b7b71cee4fd viewed only one page","#,
                r#""userId":"u0b7b71cee4fd","windowStart":1431857100000,"windowEnd":1431857400000,"state":"firing","#,
                r#""value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1}"#
            )
        );
        assert!(finals.alerts[1].contains(r#""userId":"a""#));
    }
}
