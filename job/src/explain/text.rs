//! An explanation for people.

use super::explanation::{Explanation, Outcome};
use super::listing::Listed;
use super::sessions::{SessionPart, times};
use super::threshold::WindowPart;
use super::times::rfc3339;
use std::fmt::Write as _;

/// A session of which records are shown stands this far in.
const INDENT: &str = "  ";
/// The longest text of a record that is shown, in characters; of its last column more.
const SHOWN: usize = 60;
const SHOWN_LAST: usize = 160;

impl Explanation {
    /// A few lines, and a table of records.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", self.key);
        if !self.r#type.is_empty() {
            let (start, end) = (rfc3339(self.window_start), rfc3339(self.window_end));
            let _ = writeln!(text, "{} from {start} to {end}", self.r#type);
        }
        self.verdict(&mut text);
        for reason in &self.reasons {
            let _ = writeln!(text, "  because: {reason}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        if !self.near.is_empty() {
            let _ = writeln!(text, "  near it there are:");
            for key in &self.near {
                let _ = writeln!(text, "    {key}");
            }
        }
        self.counts(&mut text);
        table(&mut text, &self.listed, "");
        windows(&mut text, &self.windows);
        if let Some(sessions) = &self.sessions {
            for session in &sessions.listed {
                one_session(&mut text, session);
            }
            let shown = sessions.listed.len() as u64;
            if shown < sessions.ended {
                let _ = writeln!(text, "\nand {} more", times(sessions.ended - shown, "session"));
            }
        }
        text
    }

    fn verdict(&self, text: &mut String) {
        let record = self.published.as_ref().and_then(|p| p.record.as_ref());
        let computed = self.computed.as_ref().map_or("nothing", |computed| computed.get());
        let _ = match (self.outcome, record, &self.published) {
            (Outcome::Agrees, None, Some(p)) => {
                writeln!(
                    text,
                    "agrees: it has ended in epoch {}, and the log gives nothing",
                    p.epoch
                )
            }
            (Outcome::Agrees, record, _) => {
                let record = record.map_or("", |record| record.get());
                writeln!(text, "agrees with the log: {record}")
            }
            (Outcome::Differs, record, published) => {
                let record = match (record, published) {
                    (Some(record), _) => record.get().to_owned(),
                    (None, Some(p)) => format!("its end, in epoch {}", p.epoch),
                    (None, None) => "nothing".to_owned(),
                };
                writeln!(text, "DIFFERS\n  published: {record}\n  the log gives: {computed}")
            }
            (Outcome::Open, ..) => writeln!(text, "so far: {computed}"),
            (Outcome::Computed, ..) => writeln!(text, "computed: {computed}"),
            (Outcome::NotFound, ..) => writeln!(text, "there is nothing under this key"),
        };
    }

    fn counts(&self, text: &mut String) {
        let mut line: Vec<String> = self
            .records
            .iter()
            .map(|(verdict, n)| format!("{n} {}", verdict.replace('_', " ")))
            .collect();
        if let Some(users) = self.users {
            line.push(format!("{users} distinct users"));
        }
        if let Some(sessions) = &self.sessions {
            line.push(format!(
                "{}, {} counted",
                times(sessions.ended, "session"),
                sessions.counted
            ));
        }
        let rejected: u64 = self.read.rejected.values().sum();
        let of = if line.is_empty() { "none".to_owned() } else { line.join(", ") };
        let _ = match self.windows.len() {
            0 => write!(text, "records: {of}; of {} read", self.read.records),
            n => write!(
                text,
                "made of {}, each a result of its own; {} read",
                times(n as u64 - 1, "window"),
                times(self.read.records, "record")
            ),
        };
        let _ = match rejected {
            0 => writeln!(text),
            n => writeln!(text, ", {n} rejected"),
        };
    }
}

fn one_session(text: &mut String, session: &SessionPart) {
    let (start, ended) = (rfc3339(session.start), rfc3339(session.ended_at));
    let counted = if session.counted { "counted" } else { "not counted" };
    let _ = writeln!(
        text,
        "\n{}\n{INDENT}{counted}: {}; {} from {start}, ended at {ended} by {}",
        session.key,
        session.reason,
        times(session.events, "event"),
        match &*session.ended_by {
            "event" => "its SESSION_END",
            _ => "silence",
        }
    );
    table(text, &session.records, INDENT);
}

/// The windows of a row, by the keys with which they can be explained themselves.
fn windows(text: &mut String, windows: &[WindowPart]) {
    if windows.is_empty() {
        return;
    }
    let row = |window: &WindowPart| {
        let value = window.value.as_ref().map_or("none", |value| value.get());
        let what = match (&window.value, window.beyond) {
            (_, true) => "beyond the limit",
            (Some(_), false) => "not beyond the limit",
            (None, false) => "no result",
        };
        let what = match (window.place, window.beyond) {
            (0, false) => format!("{what}: the row begins after it"),
            (0, true) => format!("{what}: no row begins after it"),
            (place, _) => format!("{place}: {what}"),
        };
        [shown(&window.key, SHOWN_LAST), value.to_owned(), what]
    };
    let mut rows = vec![["window", "value", "place in the row"].map(str::to_owned)];
    rows.extend(windows.iter().map(row));
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(0), width(1));
    text.push('\n');
    for [key, value, what] in &rows {
        let _ = writeln!(text, "{key:<keys$}  {value:>values$}  {what}");
    }
}

fn table(text: &mut String, records: &[Listed], indent: &str) {
    if records.is_empty() {
        return;
    }
    let row = |l: &Listed| {
        [
            l.partition.to_string(),
            l.offset.to_string(),
            rfc3339(l.timestamp),
            shown(&l.event_type, SHOWN),
            shown(&l.user, SHOWN),
            l.verdict.name().replace('_', " "),
            shown(&l.reason, SHOWN_LAST),
        ]
    };
    let head = ["partition", "offset", "time", "type", "user", "verdict", "as what, or why not"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(records.iter().map(row));
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    text.push('\n');
    for row in &rows {
        text.push_str(indent);
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match i {
                0 | 1 => write!(text, "{cell:>width$}  "),
                _ if i + 1 == row.len() => writeln!(text, "{cell}"),
                _ => write!(text, "{cell:<width$}  "),
            };
        }
    }
}

/// A text of a record on one line of a terminal: nothing in it is a control character.
fn shown(text: &str, most: usize) -> String {
    let mut shown: String =
        text.chars().take(most).map(|c| if c.is_control() { '�' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::listing::Verdict;
    use super::*;

    #[test]
    fn a_table_is_aligned_and_of_one_line_each() {
        let record = |offset: u64, user: &str| Listed {
            partition: 3,
            offset,
            timestamp: 0,
            event_type: "PAGE_VIEW".into(),
            user: user.into(),
            session: "s".into(),
            verdict: Verdict::BoundLater,
            reason: "x".into(),
        };
        let mut text = String::new();
        table(&mut text, &[record(7, "ünal"), record(12_345, "a\nb\u{1b}")], "");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "partition  offset  time                      type       user  verdict      as what, or why not",
                "        3       7  1970-01-01T00:00:00.000Z  PAGE_VIEW  ünal  bound later  x",
                "        3   12345  1970-01-01T00:00:00.000Z  PAGE_VIEW  a�b�  bound later  x",
            ]
        );
    }
}
