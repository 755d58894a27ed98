//! What was published under keys: the last record of each, and what else there is where
//! there is none.

use super::ExplainError;
use super::key::{Key, What};
use hashbrown::HashMap;
use serde::Deserialize;
use std::collections::BTreeSet;
use streamgauge_sink::results::{Position, ResultError, ResultLog, Stored, Topic};

/// Records read at once.
const BATCH: usize = 1_000;
/// Keys that are named where there is none.
const NEAR: usize = 5;

/// The last record of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// The epoch that it is an effect of.
    pub(super) epoch: u64,
    /// When it was kept, ms.
    pub(super) at_ms: i64,
    /// Its line; none where the result has ended.
    pub(super) line: Option<String>,
}

/// What an alert says of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) rule: String,
    pub(super) rule_version: u32,
    /// Whom it is about, if it is about a user.
    pub(super) user_id: Option<String>,
    pub(super) window_start: i64,
    pub(super) window_end: i64,
    state: String,
}

/// What a line says of its window.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    window_end: i64,
}

impl Published {
    /// The end of its window, ms.
    pub(super) fn window_end_ms(&self) -> Option<i64> {
        let window: Window = serde_json::from_str(self.line.as_ref()?).ok()?;
        Some(window.window_end)
    }

    /// What it says, if it is an alert.
    pub(super) fn alert(&self) -> Option<Alert> {
        serde_json::from_str(self.line.as_ref()?).ok()
    }

    /// Its line up to its tail; none if it was taken back.
    pub(super) fn body(&self) -> Option<&str> {
        let line = self.line.as_ref()?;
        if let Some(alert) = self.alert() {
            let body = line.rfind(",\"epoch\":").map_or(&**line, |at| &line[..at]);
            return (alert.state == "firing").then_some(body);
        }
        // A quote within a text is escaped, so this is no part of one.
        Some(line.rfind(",\"state\":\"").map_or(&**line, |at| &line[..at]))
    }
}

/// The end of the window of a line up to its tail, ms.
pub(super) fn window_end_ms(body: &[u8]) -> Option<i64> {
    let line = [body, b"}"].concat();
    Some(serde_json::from_slice::<Window>(&line).ok()?.window_end)
}

/// The topics in which what is published under a key stands.
fn topics(key: &Key) -> &'static [Topic] {
    match key.what {
        What::Window { .. } => &[Topic::ProcessedMetrics],
        What::Session { .. } => &[Topic::Sessions],
        What::Alert => &[Topic::Alerts],
    }
}

/// How long before its window's end, by the clock of the log of results, nothing is
/// published as final, ms: room for clocks that differ.
const CLOCKS_MS: i64 = 600_000;

/// The last record of each key.
pub(super) fn find(
    results: &dyn ResultLog,
    keys: &[Key],
) -> Result<Vec<Option<Published>>, ResultError> {
    let mut found = vec![None; keys.len()];
    let end_ms = |key: &Key| match &key.what {
        What::Window { end_ms, .. } => *end_ms,
        What::Session { start_ms, .. } => *start_ms,
        What::Alert => i64::MIN,
    };
    let first_ms = keys.iter().map(end_ms).min().unwrap_or(i64::MIN);
    let from = results.position_at(first_ms.saturating_sub(CLOCKS_MS))?;
    read(results, keys, from, &mut found)?;
    if found.iter().any(Option::is_none) {
        // Clocks may differ by more, or have been set.
        read(results, keys, Position::default(), &mut found)?;
    }
    Ok(found)
}

fn read(
    results: &dyn ResultLog,
    keys: &[Key],
    from: Position,
    found: &mut [Option<Published>],
) -> Result<(), ResultError> {
    let wanted: HashMap<&[u8], usize> =
        keys.iter().enumerate().map(|(i, key)| (key.text.as_bytes(), i)).collect();
    let all: BTreeSet<Topic> = keys.iter().flat_map(topics).copied().collect();
    let all: Vec<_> = all.into_iter().collect();
    let mut note = |stored: Stored<'_>| {
        let Some(i) = wanted.get(stored.key) else { return };
        let line = stored.value.map(|value| String::from_utf8_lossy(value).into_owned());
        found[*i] = Some(Published { epoch: stored.epoch, at_ms: stored.at_ms, line });
    };
    let mut reader = results.reader(&all, from)?;
    while reader.poll(BATCH, &mut note)? > 0 {}
    Ok(())
}

/// Keys that exist and are near to one under which there is nothing.
pub(super) fn near(results: &dyn ResultLog, key: &Key) -> Result<Vec<String>, ExplainError> {
    let mut near: BTreeSet<(i64, String)> = BTreeSet::new();
    let mut note = |stored: Stored<'_>| {
        let text = String::from_utf8_lossy(stored.key);
        if let Some(distance) = distance(key, &text) {
            near.insert((distance, text.into_owned()));
            if near.len() > NEAR {
                near.pop_last();
            }
        }
    };
    let mut reader = results.reader(topics(key), Position::default())?;
    while reader.poll(BATCH, &mut note)? > 0 {}
    Ok(near.into_iter().map(|(_, text)| text).collect())
}

/// How far a key that exists is from another, in ms; none if they have nothing in common.
fn distance(key: &Key, other: &str) -> Option<i64> {
    let other = Key::parse(other).ok()?;
    match (&key.what, &other.what) {
        (
            What::Window { kind, start_ms, .. },
            What::Window { kind: other_kind, start_ms: other_ms, .. },
        ) => {
            let same = kind.metric == other_kind.metric;
            (same || start_ms == other_ms).then(|| (start_ms - other_ms).abs() + i64::from(!same))
        }
        (
            What::Session { start_ms, user, session, .. },
            What::Session { start_ms: other_ms, user: u, session: s, .. },
        ) => (user == u || session == s).then(|| (start_ms - other_ms).abs()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_what_has_the_type_or_the_window() {
        let key = |text: &str| Key::parse(text).expect(text);
        let check = |a: &str, b: &str, expected: Option<i64>| {
            assert_eq!(distance(&key(a), b), expected, "{a} {b}");
        };
        check("OS|0|60000|", "OS|10000|70000|", Some(10_000));
        check("OS|0|60000|", "DEVICES|0|60000|", Some(1));
        check("OS|0|60000|", "DEVICES|10000|70000|", None);
        check("SESSION|0||session=s,user=u", "SESSION|7||session=t,user=u", Some(7));
        check("SESSION|0||session=s,user=u", "SESSION|7||session=t,user=v", None);
    }

    #[test]
    fn a_body_is_a_line_without_its_tail() {
        let body = |line: &str| {
            let (epoch, at_ms, line) = (1, 0, Some(line.to_owned()));
            Published { epoch, at_ms, line }.body().map(str::to_owned)
        };
        let line = r#"{"windowEnd":1,"value":2,"state":"final","watermark":3,"epoch":4}"#;
        assert_eq!(body(line).as_deref(), Some(r#"{"windowEnd":1,"value":2"#));
        let alert = |state: &str| {
            format!(
                r#"{{"windowStart":0,"windowEnd":5,"state":"{state}","rule":"busy","ruleVersion":1,"value":1,"epoch":4}}"#
            )
        };
        assert!(body(&alert("firing")).is_some_and(|b| b.ends_with(r#""value":1"#)));
        assert_eq!(body(&alert("retracted")), None);
    }
}
