//! Sessions: the events of one user and session id, cut by silence and by SESSION_END.
//!
//! Invariant: the sessions of a prefix of the log are a function of the set of events in it, not of
//! the order in which they came.

use std::collections::BTreeMap;

use super::event::{Event, EventKind};
use super::log::Entry;

/// A session: at least one event, in the order time, partition, offset.
#[derive(Clone, Debug)]
pub(super) struct Session<'a> {
    pub(super) user: &'a str,
    pub(super) id: &'a str,
    pub(super) events: Vec<&'a Event>,
    /// When it ended, or will have ended if nothing more comes, in ms since the epoch.
    pub(super) ended_ms: i64,
}

/// The entries by user and session id, in the order time, partition, offset.
pub(super) fn grouped<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
) -> BTreeMap<(&'a str, &'a str), Vec<Entry<'a>>> {
    let mut groups = BTreeMap::<_, Vec<Entry<'a>>>::new();
    for entry in entries {
        groups
            .entry((entry.event.user.as_str(), entry.event.session.as_str()))
            .or_default()
            .push(entry);
    }
    for group in groups.values_mut() {
        group.sort_by_key(|entry| (entry.event.timestamp_ms, entry.origin));
    }
    groups
}

/// All sessions of the first `bound` records.
pub(super) fn all<'a>(
    groups: &BTreeMap<(&'a str, &'a str), Vec<Entry<'a>>>,
    bound: usize,
    gap_ms: i64,
) -> Vec<Session<'a>> {
    let mut all = Vec::new();
    for ((user, id), entries) in groups {
        let events = entries.iter().filter(|entry| entry.place < bound).map(|entry| entry.event);
        all.extend(cut(events, gap_ms).into_iter().map(|events| Session {
            user,
            id,
            ended_ms: ended_ms(&events, gap_ms),
            events,
        }));
    }
    all
}

/// Cuts where the silence is longer than the gap, and behind a SESSION_END.
fn cut<'a>(events: impl Iterator<Item = &'a Event>, gap_ms: i64) -> Vec<Vec<&'a Event>> {
    let mut sessions: Vec<Vec<&Event>> = Vec::new();
    for event in events {
        match sessions.last_mut().filter(|session| continues(session, event, gap_ms)) {
            Some(session) => session.push(event),
            None => sessions.push(vec![event]),
        }
    }
    sessions
}

fn continues(session: &[&Event], event: &Event, gap_ms: i64) -> bool {
    let silence_ms = session.last().map_or(0, |last| event.timestamp_ms - last.timestamp_ms);
    let over =
        session.iter().any(|earlier| is_end(earlier) && event.timestamp_ms > earlier.timestamp_ms);
    silence_ms <= gap_ms && !over
}

fn is_end(event: &Event) -> bool {
    event.kind == EventKind::SessionEnd
}

fn ended_ms(events: &[&Event], gap_ms: i64) -> i64 {
    let by_event = events.iter().find(|event| is_end(event)).map(|event| event.timestamp_ms);
    by_event.unwrap_or_else(|| events.last().map_or(0, |last| last.timestamp_ms + gap_ms))
}

impl<'a> Session<'a> {
    pub(super) fn start_ms(&self) -> i64 {
        self.events.first().map_or(0, |first| first.timestamp_ms)
    }

    pub(super) fn end_ms(&self) -> i64 {
        self.events.last().map_or(0, |last| last.timestamp_ms)
    }

    pub(super) fn duration_ms(&self) -> i64 {
        self.end_ms() - self.start_ms()
    }

    pub(super) fn page_views(&self) -> usize {
        self.pages().count()
    }

    /// Whether a SESSION_END ended it, and not silence.
    pub(super) fn ended_by_event(&self) -> bool {
        self.events.iter().any(|event| is_end(event))
    }

    /// Exactly one page view and no conversion.
    pub(super) fn bounced(&self) -> bool {
        self.page_views() == 1 && self.conversions().count() == 0
    }

    /// Its pages in order, consecutive repeats once.
    pub(super) fn journey(&self) -> Vec<&'a str> {
        let mut pages: Vec<&str> = self.pages().collect();
        pages.dedup();
        pages
    }

    /// The first page.
    pub(super) fn entry_page(&self) -> Option<&'a str> {
        self.pages().next()
    }

    /// The last page.
    pub(super) fn exit_page(&self) -> Option<&'a str> {
        self.pages().last()
    }

    fn pages(&self) -> impl Iterator<Item = &'a str> {
        self.events
            .iter()
            .filter(|event| event.kind == EventKind::PageView)
            .map(|event| event.page.as_str())
    }

    pub(super) fn conversions(&self) -> impl Iterator<Item = &'a Event> {
        self.events.iter().copied().filter(|event| event.kind == EventKind::Conversion)
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{event, finals_of};

    const END: &str = "SESSION_END";

    /// The sessions of one user as `start-end/ended at, ended by`, all in s.
    fn check(events: &[(i64, &str)], expected: &[&str]) {
        let values: Vec<_> =
            events.iter().map(|(at_s, kind)| event("u", at_s * 1000, kind, "")).collect();
        let finals = finals_of(&values);
        let number = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":")).unwrap();
            rest.split(',').next().unwrap().parse::<i64>().unwrap() / 1000
        };
        let sessions: Vec<String> = finals
            .results
            .iter()
            .filter(|(key, _)| key.starts_with("SESSION|"))
            .map(|(_, line)| {
                let by = if line.contains(r#""endedBy":"event""#) { "event" } else { "gap" };
                format!(
                    "{}-{}/{} {by}",
                    number(line, "start"),
                    number(line, "end"),
                    number(line, "windowEnd")
                )
            })
            .collect();
        assert_eq!(sessions, expected, "{events:?}");
    }

    #[test]
    fn sessions_are_cut_by_silence_and_by_their_end() {
        check(&[(0, "PAGE_VIEW"), (1800, "PAGE_VIEW")], &["0-1800/3600 gap"]);
        check(&[(0, "PAGE_VIEW"), (1801, "PAGE_VIEW")], &["0-0/1800 gap", "1801-1801/3601 gap"]);
        check(&[(3, "PAGE_VIEW"), (1, END), (2, "PAGE_VIEW")], &["1-1/1 event", "2-3/1803 gap"]);
        check(&[(1, END), (1, "PAGE_VIEW"), (1, END)], &["1-1/1 event"]);
        check(&[(1, "SESSION_START"), (2, "SESSION_START"), (3, "OTHER")], &["1-2/1802 gap"]);
        check(&[(1, END), (2, END)], &["1-1/1 event", "2-2/2 event"]);
    }

    #[test]
    fn one_id_with_two_users_is_two_sessions() {
        let id = r#","sessionId":"s""#;
        let finals = finals_of(&[event("u", 1, "PAGE_VIEW", id), event("v", 1, "PAGE_VIEW", id)]);
        assert_eq!(finals.summary.results["SESSION"], 2);
    }
}
