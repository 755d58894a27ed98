//! A key that was asked for, with all that is known of it before the log is read: which
//! records can matter to it, and until when.

use super::key::{Key, What};
use super::kind::{ALERT_WINDOW_MS, Kind, Of};
use super::published::Published;
use crate::window::Windows;
use hashbrown::HashSet;
use std::ops::Range;
use streamgauge_ingest::batch::{Row, Texts};
use streamgauge_ingest::decode::Kind as EventKind;
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::metric::Metric;
use xxhash_rust::xxh3::xxh3_64;

/// How far ahead of the time of appending a timestamp can lie without being rejected, ms.
const FUTURE_MS: i64 = 300_000;

/// What a key is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// A result.
    Result(&'static Kind),
    /// An alert of HIGH_BOUNCE_RATE.
    Bounce,
}

impl Subject {
    pub(super) fn of(self) -> Of {
        match self {
            Self::Result(kind) => kind.of,
            Self::Bounce => Of::Events,
        }
    }

    pub(super) fn family(self) -> Family {
        match self {
            Self::Result(kind) => kind.family,
            Self::Bounce => Family::Alerts,
        }
    }

    pub(super) fn metric(self) -> Option<Metric> {
        match self {
            Self::Result(kind) => Some(kind.metric),
            Self::Bounce => None,
        }
    }

    /// The type of the result, or of the alert.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Result(kind) => kind.metric.name(),
            Self::Bounce => streamgauge_sink::alert::HIGH_BOUNCE_RATE.alert_type,
        }
    }
}

/// Whose events matter.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) user: String,
    pub(super) session: Option<String>,
}

/// A user and a session id, as hashes; the second is 0 where all of a user's matter.
pub(super) type Visit = (u64, u64);

/// A key that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) key: Key,
    pub(super) subject: Subject,
    /// Its window; of a session, from its start to the time it ended at, as published.
    pub(super) window: Range<i64>,
    pub(super) dimension: Option<String>,
    pub(super) who: Option<Who>,
    pub(super) published: Option<Published>,
    /// Event time of the records that can matter, ms.
    pub(super) span: Range<i64>,
    /// Of results over sessions: those that can have ended in the window.
    pub(super) visits: HashSet<Visit>,
    /// The epoch of the published record, where it can be computed again as of then.
    pub(super) as_of: Option<u64>,
    /// The last epoch that is looked at.
    pub(super) last: u64,
    /// Whether its window was still open in that epoch.
    pub(super) is_open: bool,
}

impl Asked {
    /// What a key asks for; none if it is an alert that nothing is known of yet.
    pub(super) fn new(key: &Key, published: Option<Published>) -> Option<Self> {
        let (subject, window, dimension, who) = match &key.what {
            What::Window { kind, start_ms, end_ms, dimension } => {
                (Subject::Result(kind), *start_ms..*end_ms, dimension.clone(), None)
            }
            What::Session { kind, start_ms, user, session } => {
                let end_ms = published.as_ref().and_then(Published::window_end_ms);
                let who = Who { user: user.clone(), session: Some(session.clone()) };
                (Subject::Result(kind), *start_ms..end_ms.unwrap_or(*start_ms), None, Some(who))
            }
            What::Alert => {
                let alert = published.as_ref()?.alert()?;
                let window = alert.window_start..alert.window_start + ALERT_WINDOW_MS;
                (Subject::Bounce, window, None, Some(Who { user: alert.user_id, session: None }))
            }
        };
        Some(Self {
            key: key.clone(),
            subject,
            span: window.clone(),
            window,
            dimension,
            who,
            published,
            visits: HashSet::new(),
            as_of: None,
            last: u64::MAX,
            is_open: false,
        })
    }

    /// An alert that was found among the events.
    pub(super) fn alert(key: &Key, user: &str, start_ms: i64) -> Self {
        let window = start_ms..start_ms + ALERT_WINDOW_MS;
        Self {
            key: key.clone(),
            subject: Subject::Bounce,
            span: window.clone(),
            window,
            dimension: None,
            who: Some(Who { user: user.to_owned(), session: None }),
            published: None,
            visits: HashSet::new(),
            as_of: None,
            last: u64::MAX,
            is_open: false,
        }
    }

    /// Settles which event times can matter.
    pub(super) fn reach(&mut self, windows: &Windows) {
        let (start_ms, end_ms) = (self.window.start, self.window.end);
        let gap_ms = windows.session_gap_ms;
        self.span = match self.subject {
            Subject::Bounce => start_ms..end_ms,
            Subject::Result(kind) => match kind.of {
                Of::Events => end_ms - kind.reach_ms..end_ms,
                // An event a gap before it would make it begin earlier; its end is not
                // known before its events are.
                Of::Session => start_ms - gap_ms..i64::MAX,
                // Sessions reach back as far as they like.
                Of::Sessions | Of::SessionsOfUsers => i64::MIN..end_ms + gap_ms,
            },
        };
    }

    /// Records appended before this time, ms, cannot matter: they would be from too far
    /// in the future. None where any may.
    pub(super) fn appended_from_ms(&self) -> Option<i64> {
        (self.span.start > i64::MIN).then(|| self.span.start.saturating_sub(FUTURE_MS))
    }

    /// Whether its records are listed by session.
    pub(super) fn is_of_sessions(&self) -> bool {
        self.subject.of() != Of::Events
    }

    /// When no record can change it any more, in ms of the global watermark; none where
    /// that is not known before it is computed.
    pub(super) fn frozen_ms(&self, windows: &Windows) -> Option<i64> {
        match self.subject {
            Subject::Bounce => Some(windows.frozen_ms(self.window.end)),
            Subject::Result(kind) if kind.of == Of::Session && self.published.is_none() => None,
            Subject::Result(kind) => Some(kind.frozen_ms(windows, self.window.end)),
        }
    }

    /// Whether a window of it is still open at a global watermark, ms. A session has
    /// none: it is there or not.
    pub(super) fn is_open_at(&self, watermark_ms: i64) -> bool {
        self.subject.of() != Of::Session && watermark_ms < self.window.end
    }

    /// Whether its session can have ended in the window by this event, or by the silence
    /// after it.
    pub(super) fn can_end_a_session(&self, row: &Row, gap_ms: i64) -> bool {
        let by_event = row.kind == EventKind::SessionEnd && self.window.contains(&row.at_ms);
        by_event || self.window.contains(&(row.at_ms + gap_ms))
    }

    /// The visit that a row belongs to, as far as it matters here.
    pub(super) fn visit(&self, row: &Row, texts: &Texts) -> Visit {
        let of_users = self.subject.of() == Of::SessionsOfUsers;
        let session = if of_users { 0 } else { xxh3_64(texts.get(row.session).as_bytes()) };
        (row.user_hash, session)
    }

    /// Whether a row that its family takes, or would take if it were in time, can matter.
    pub(super) fn concerns(&self, row: &Row, texts: &Texts) -> bool {
        if !self.span.contains(&row.at_ms) {
            return false;
        }
        if self.subject.of().is_of_windows_of_sessions() {
            return self.visits.contains(&self.visit(row, texts));
        }
        let Some(Who { user, session }) = &self.who else { return true };
        texts.get(row.user) == user
            && session.as_ref().is_none_or(|session| texts.get(row.session) == session)
    }

    /// Whether the dataflow needs a row to compute it.
    pub(super) fn needs(&self, row: &Row, texts: &Texts) -> bool {
        !row.late.contains(self.subject.family()) && self.concerns(row, texts)
    }
}
