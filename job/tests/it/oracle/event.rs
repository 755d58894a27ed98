//! What a record says, and the words for what can be wrong with it.

use super::campaign::Campaign;

/// A well-formed record. Texts that may be absent are `None` when they are absent or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Event time, in ms since the epoch.
    pub timestamp_ms: i64,
    /// What happened.
    pub kind: EventKind,
    /// The user, or the session id in its place.
    pub user: String,
    /// The session id, or the user in its place.
    pub session: String,
    /// The id of the event.
    pub event_id: Option<String>,
    /// The page of a page view; `(unknown)` without a `url`.
    pub page: String,
    /// The campaign that led to a page view.
    pub campaign: Option<Campaign>,
    /// The referring host, `(direct)` or `(other)`.
    pub referrer: String,
    /// `country`.
    pub country: Option<String>,
    /// `city`.
    pub city: Option<String>,
    /// `deviceType`.
    pub device: Option<String>,
    /// `browser`.
    pub browser: Option<String>,
    /// `os`.
    pub os: Option<String>,
    /// `userAgent`.
    pub user_agent: Option<String>,
    /// `pageLoadTime` as it is kept, in ms.
    pub load_ms: Option<i64>,
    /// `value` in minor units of the currency; 0 without one.
    pub value_minor: i64,
    /// Three upper-case letters.
    pub currency: String,
    /// How many leaves were of the wrong type.
    pub bad_leaves: u64,
}

/// The known types of events, and all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// PAGE_VIEW.
    PageView,
    /// SESSION_START.
    SessionStart,
    /// SESSION_END.
    SessionEnd,
    /// CONVERSION.
    Conversion,
    /// Any other: counted, in no result.
    Unknown,
}

impl EventKind {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "PAGE_VIEW" => Self::PageView,
            "SESSION_START" => Self::SessionStart,
            "SESSION_END" => Self::SessionEnd,
            "CONVERSION" => Self::Conversion,
            _ => Self::Unknown,
        }
    }
}

/// The families of results, in the order in which dead letters name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// 5 s panes.
    RealTime,
    /// 10 s panes.
    Business,
    /// 5 min panes.
    Alerts,
    /// The time of the event and the session gap.
    Session,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RealTime, Self::Business, Self::Alerts, Self::Session];

    /// The name in dead letters and summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RealTime => "real_time",
            Self::Business => "business",
            Self::Alerts => "alerts",
            Self::Session => "session",
        }
    }

    /// Where the slice of an event ends, in ms since the epoch.
    pub(super) fn slice_end_ms(self, timestamp_ms: i64, session_gap_ms: i64) -> i64 {
        let pane_end = |length_ms: i64| timestamp_ms.div_euclid(length_ms) * length_ms + length_ms;
        match self {
            Self::RealTime => pane_end(5_000),
            Self::Business => pane_end(10_000),
            Self::Alerts => pane_end(300_000),
            Self::Session => timestamp_ms + session_gap_ms,
        }
    }
}

/// Why a record is a dead letter: the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No bytes.
    Empty,
    /// Longer than the limit.
    Oversize,
    /// Not UTF-8.
    NotUtf8,
    /// Not one JSON object, a read field twice, half a surrogate pair in a text that is read.
    Malformed,
    /// A read field outside the three objects, or one of these, is of the wrong type.
    WrongType,
    /// A required field is missing, null or empty.
    MissingField,
    /// A timestamp that is negative or after the year 9999.
    BadValue,
    /// Ahead of the record's own timestamp: never in a file.
    Future,
    /// Late for all families.
    Late,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Empty,
        Self::Oversize,
        Self::NotUtf8,
        Self::Malformed,
        Self::WrongType,
        Self::MissingField,
        Self::BadValue,
        Self::Future,
        Self::Late,
    ];

    /// The name in dead letters and summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Oversize => "oversize",
            Self::NotUtf8 => "not_utf8",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong_type",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::Future => "future",
            Self::Late => "late",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_end_behind_the_event() {
        let check = |family: Family, timestamp_ms, expected| {
            assert_eq!(family.slice_end_ms(timestamp_ms, 1_800_000), expected)
        };
        check(Family::RealTime, 0, 5_000);
        check(Family::RealTime, 4_999, 5_000);
        check(Family::RealTime, 5_000, 10_000);
        check(Family::Business, 9_999, 10_000);
        check(Family::Alerts, 300_000, 600_000);
        check(Family::Session, 7, 1_800_007);
    }
}
