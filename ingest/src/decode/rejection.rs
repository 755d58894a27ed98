//! Why a record is a dead letter.
//!
//! The names are part of what others read; their order is the order in which
//! they apply, so a record has exactly one reason whoever judges it.

use std::borrow::Cow;

/// Why a record is rejected. Of several the first applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No bytes.
    Empty,
    /// More bytes than are allowed.
    Oversize,
    /// Not UTF-8.
    NotUtf8,
    /// Not one JSON object, a read field twice in its object, or half a
    /// surrogate pair in the text of a read field.
    Malformed,
    /// A read field outside the three objects, or one of them, has the wrong
    /// type.
    WrongType,
    /// A required field is missing, null or empty.
    MissingField,
    /// A timestamp before 1970 or after the year 9999.
    BadValue,
    /// Too far ahead of the time of appending.
    Future,
    /// Too late for every family of results.
    Late,
}

impl Reason {
    /// All reasons, in their order.
    pub const ALL: [Reason; 9] = [
        Reason::Empty,
        Reason::Oversize,
        Reason::NotUtf8,
        Reason::Malformed,
        Reason::WrongType,
        Reason::MissingField,
        Reason::BadValue,
        Reason::Future,
        Reason::Late,
    ];

    /// The reason's name in dead letters and summaries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::Oversize => "oversize",
            Reason::NotUtf8 => "not_utf8",
            Reason::Malformed => "malformed",
            Reason::WrongType => "wrong_type",
            Reason::MissingField => "missing_field",
            Reason::BadValue => "bad_value",
            Reason::Future => "future",
            Reason::Late => "late",
        }
    }
}

/// A record that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection<'a> {
    /// Why.
    pub reason: Reason,
    /// The same for people: which field, or where. May be empty.
    pub detail: Cow<'static, str>,
    /// The record's key: the first of `userId` and `sessionId` that is a text
    /// and not empty. `None` where there is none or the fields were not read.
    pub key: Option<&'a str>,
}

impl Rejection<'_> {
    /// A rejection of what could not be read, so that it has no key.
    pub(super) fn unread(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Rejection { reason, detail: detail.into(), key: None }
    }
}
