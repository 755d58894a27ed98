//! A key that was asked for, with all that is known of it before the log is read: which
//! records can matter to it, and until when.

use super::days::check_day;
use super::key::{Key, What};
use super::kind::{ALERT_WINDOW_MS, Of};
use super::published::{Alert, Published};
use super::subject::Subject;
use super::threshold::Row;
use crate::alert::AlertRule;
use crate::dataflow;
use crate::window::Windows;
use hashbrown::HashSet;
use std::ops::Range;
use std::sync::Arc;
use streamgauge_ingest::batch::{Row as Event, Texts};
use streamgauge_ingest::decode::Kind as EventKind;
use streamgauge_ingest::judge::Judged;
use streamgauge_sink::alert::HIGH_BOUNCE_RATE;
use xxhash_rust::xxh3::xxh3_64;

/// How far ahead of the time of appending a timestamp can lie without being rejected, ms.
const FUTURE_MS: i64 = 300_000;

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
    /// Of alerts of sequence rules: a record is late so long after its time, too, ms.
    pub(super) late_after_ms: Option<i64>,
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

/// Why a key asks for nothing yet.
#[derive(Debug)]
pub(super) enum Unasked {
    /// It is an alert of which nothing is known but its id.
    Unknown,
    /// There can be no such result, or it cannot be explained, for this reason.
    Never(String),
}

impl Asked {
    /// What a key asks for, with the settings of its result.
    pub(super) fn new(
        key: &Key,
        published: Option<Published>,
        rules: &dataflow::Settings,
    ) -> Result<Self, Unasked> {
        let windows = &rules.windows;
        let of = |subject, window| Self::of(key, subject, window);
        let asked = match &key.what {
            What::Window { kind, start_ms, end_ms, dimension } => {
                let window = *start_ms..*end_ms;
                if kind.is_of_days() {
                    check_day(&window, windows).map_err(Unasked::Never)?;
                }
                Self { dimension: dimension.clone(), ..of(Subject::Result(kind), window) }
            }
            What::Session { kind, start_ms, user, session } => {
                let end_ms = published.as_ref().and_then(Published::window_end_ms);
                let who = Who { user: user.clone(), session: Some(session.clone()) };
                let window = *start_ms..end_ms.unwrap_or(*start_ms);
                Self { who: Some(who), ..of(Subject::Result(kind), window) }
            }
            What::Alert => {
                let alert = published.as_ref().and_then(Published::alert);
                let alert = alert.ok_or(Unasked::Unknown)?;
                let found = Self::of_published(key, alert, rules);
                found.map_err(|rule| {
                    Unasked::Never(format!(
                        "the rule `{rule}` of this alert is not among those of the settings that \
                         it was bound with"
                    ))
                })?
            }
        };
        Ok(Self { published, ..asked }.reaching(windows))
    }

    fn of(key: &Key, subject: Subject, window: Range<i64>) -> Self {
        Self {
            key: key.clone(),
            subject,
            span: window.clone(),
            window,
            dimension: None,
            who: None,
            late_after_ms: None,
            published: None,
            visits: HashSet::new(),
            as_of: None,
            last: u64::MAX,
            is_open: false,
        }
    }

    /// What an alert asks for; else the rule that there is not.
    fn of_published(key: &Key, alert: Alert, rules: &dataflow::Settings) -> Result<Self, String> {
        let Alert { rule: name, rule_version, user_id: user, window_start, window_end, .. } = alert;
        let windows = &rules.windows;
        if name == HIGH_BOUNCE_RATE.name {
            return Ok(Self::bounce(key, &user.unwrap_or_default(), window_start, windows));
        }
        let is_it = |rule: &&Arc<AlertRule>| *rule.name == *name && rule.version == rule_version;
        let found = rules.alerts.iter().find(is_it).and_then(|rule| match user {
            Some(user) => {
                let asked = Self::sequence(key, rule, &user, window_start, windows);
                Some(Self { window: window_start..window_end, ..asked })
            }
            None => {
                let row = Row::of_alert(rule, &key.text, window_start, &rules.funnels)?;
                Some(Self::threshold(key, row, windows))
            }
        });
        found.ok_or(name)
    }

    /// An alert of HIGH_BOUNCE_RATE.
    pub(super) fn bounce(key: &Key, user: &str, start_ms: i64, windows: &Windows) -> Self {
        let window = start_ms..start_ms + ALERT_WINDOW_MS;
        let who = Some(Who { user: user.to_owned(), session: None });
        Self { who, ..Self::of(key, Subject::Bounce, window) }.reaching(windows)
    }

    /// An alert of a sequence rule; where its window ends is not known before it is
    /// computed.
    pub(super) fn sequence(
        key: &Key,
        rule: &Arc<AlertRule>,
        user: &str,
        start_ms: i64,
        windows: &Windows,
    ) -> Self {
        let who = Some(Who { user: user.to_owned(), session: None });
        let subject = Subject::Sequence(Arc::clone(rule));
        Self { who, ..Self::of(key, subject, start_ms..start_ms) }.reaching(windows)
    }

    /// An alert of a threshold rule.
    pub(super) fn threshold(key: &Key, row: Row, windows: &Windows) -> Self {
        let window = row.window();
        Self::of(key, Subject::Threshold(row), window).reaching(windows)
    }

    /// Settles which event times can matter.
    fn reaching(mut self, windows: &Windows) -> Self {
        let (start_ms, end_ms) = (self.window.start, self.window.end);
        let gap_ms = windows.session_gap_ms;
        let of_sessions = |end_ms| i64::MIN..end_ms + gap_ms;
        self.span = match &self.subject {
            Subject::Bounce => start_ms..end_ms,
            Subject::Sequence(_) => {
                let within_ms = self.subject.sequence().map_or(0, |sequence| sequence.within_ms);
                self.late_after_ms = Some(within_ms + windows.lateness_ms);
                start_ms..start_ms + within_ms + 1
            }
            Subject::Threshold(row) => match row.kind.of {
                Of::Events => row.span(),
                _ => of_sessions(end_ms),
            },
            Subject::Result(kind) => match kind.of {
                Of::Events => end_ms - kind.reach_ms(end_ms - start_ms)..end_ms,
                // An event a gap before it would make it begin earlier; its end is not
                // known before its events are.
                Of::Session => start_ms - gap_ms..i64::MAX,
                // Sessions reach back as far as they like.
                Of::Sessions | Of::SessionsOfUsers => of_sessions(end_ms),
            },
        };
        self
    }

    /// Records appended before this time, ms, cannot matter: they would be from too far
    /// in the future. None where any may.
    pub(super) fn appended_from_ms(&self) -> Option<i64> {
        (self.span.start > i64::MIN).then(|| self.span.start.saturating_sub(FUTURE_MS))
    }

    /// Whether its records are listed by session.
    pub(super) fn is_of_sessions(&self) -> bool {
        self.subject.row().is_none() && self.subject.of() != Of::Events
    }

    /// Whether its records are listed as they are.
    pub(super) fn is_of_records(&self) -> bool {
        self.subject.row().is_none() && self.subject.of() == Of::Events
    }

    /// When no record can change it any more, in ms of the global watermark; none where
    /// that is not known before it is computed.
    pub(super) fn frozen_ms(&self, windows: &Windows) -> Option<i64> {
        match &self.subject {
            Subject::Bounce => Some(windows.frozen_ms(self.window.end)),
            Subject::Sequence(_) => self
                .subject
                .sequence()
                .map(|sequence| windows.sequence_expires_ms(self.window.start, sequence.within_ms)),
            Subject::Threshold(row) => Some(row.kind.frozen_ms(windows, self.window.end)),
            Subject::Result(kind) if kind.of == Of::Session && self.published.is_none() => None,
            Subject::Result(kind) => Some(kind.frozen_ms(windows, self.window.end)),
        }
    }

    /// Whether a window of it is still open at a global watermark, ms. A session has
    /// none, nor have alerts of configured rules: they are there or not.
    pub(super) fn is_open_at(&self, watermark_ms: i64) -> bool {
        let is_there_or_not =
            self.subject.of() == Of::Session || self.subject.is_of_configured_rule();
        !is_there_or_not && watermark_ms < self.window.end
    }

    /// Whether its session can have ended in the window by this event, or by the silence
    /// after it.
    pub(super) fn can_end_a_session(&self, row: &Event, gap_ms: i64) -> bool {
        let ended = self.subject.row().map_or_else(|| self.window.clone(), Row::ended);
        let by_event = row.kind == EventKind::SessionEnd && ended.contains(&row.at_ms);
        by_event || ended.contains(&(row.at_ms + gap_ms))
    }

    /// The visit that a row belongs to, as far as it matters here.
    pub(super) fn visit(&self, row: &Event, texts: &Texts) -> Visit {
        let of_users = self.subject.of() == Of::SessionsOfUsers;
        let session = if of_users { 0 } else { xxh3_64(texts.get(row.session).as_bytes()) };
        (row.user_hash, session)
    }

    /// Whether a row that its family takes, or would take if it were in time, can matter.
    pub(super) fn concerns(&self, row: &Event, texts: &Texts) -> bool {
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

    /// Whether a record that its family takes is late for its rule alone.
    pub(super) fn is_late(&self, row: &Event, judged: &Judged<'_>) -> bool {
        self.late_after_ms.is_some_and(|after_ms| row.at_ms + after_ms <= judged.watermark_ms)
    }

    /// Whether the dataflow needs a row to compute it.
    pub(super) fn needs(&self, row: &Event, texts: &Texts) -> bool {
        !row.late.contains(self.subject.family()) && self.concerns(row, texts)
    }
}
