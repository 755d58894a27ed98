//! An event with everything settled, and the judgement that leads to it.
//!
//! Here the rules of the catalogue meet: what stands in for an absent field,
//! what is required, which reason comes first. The invariant: whoever holds a
//! [`Decoded`] needs no rule about single events any more.

use super::draft::Draft;
use super::fields::{NumberSlot, TextSlot};
use super::load_time::{self, LoadTime};
use super::rejection::{Reason, Rejection};
use super::text::Text;
use super::{campaign, money, page, referrer};
use serde::{Deserialize, Serialize};

/// The last ms of the year 9999: no event is later.
pub const LAST_TIMESTAMP_MS: i64 = 253_402_300_799_999;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `PAGE_VIEW`.
    PageView,
    /// `SESSION_START`.
    SessionStart,
    /// `SESSION_END`.
    SessionEnd,
    /// `CONVERSION`.
    Conversion,
    /// Any other type: counted, and in no result.
    Unknown,
}

impl Kind {
    /// Its `eventType`; empty for what is unknown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::PageView => "PAGE_VIEW",
            Kind::SessionStart => "SESSION_START",
            Kind::SessionEnd => "SESSION_END",
            Kind::Conversion => "CONVERSION",
            Kind::Unknown => "",
        }
    }

    fn of(event_type: &str) -> Self {
        match event_type {
            "PAGE_VIEW" => Kind::PageView,
            "SESSION_START" => Kind::SessionStart,
            "SESSION_END" => Kind::SessionEnd,
            "CONVERSION" => Kind::Conversion,
            _ => Kind::Unknown,
        }
    }
}

/// A well-formed event, normalised. Texts are lent from the record's value and
/// from the decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// Event time, in ms since the Unix epoch: 0 to the end of the year 9999.
    pub timestamp_ms: i64,
    /// What happened.
    pub kind: Kind,
    /// `eventId`; `None` when absent or empty.
    pub event_id: Option<&'a str>,
    /// The user, else the session; never empty. It is the record's key as well.
    pub user: &'a str,
    /// The session, else the user; never empty.
    pub session: &'a str,
    /// The page seen. Empty unless the event is a page view.
    pub page: &'a str,
    /// Where the visitor came from. Empty unless the event is a page view.
    pub referrer: &'a str,
    /// What brought the visitor: source, medium and campaign, joined by U+0000, none of
    /// them empty. `None` unless the event is a page view whose `url` names one of them,
    /// and unless [campaigns are read](super::Decoder::with_campaigns).
    pub campaign: Option<&'a str>,
    /// `country`; `None` when absent or empty.
    pub country: Option<&'a str>,
    /// `city`; `None` when absent or empty.
    pub city: Option<&'a str>,
    /// `deviceType`; `None` when absent or empty.
    pub device: Option<&'a str>,
    /// `browser`; `None` when absent or empty.
    pub browser: Option<&'a str>,
    /// `os`; `None` when absent or empty.
    pub os: Option<&'a str>,
    /// `userAgent`; `None` when absent or empty.
    pub user_agent: Option<&'a str>,
    /// The page's load time in ms, with all but its eight highest bits cleared.
    pub load_ms: Option<i64>,
    /// What a conversion is worth, in minor units of `currency`; 0 without a
    /// usable value.
    pub value_minor: i64,
    /// Three upper-case ASCII letters.
    pub currency: [u8; 3],
    /// How many leaves were of the wrong type or out of range and have been
    /// treated as absent.
    pub bad_leaves: u32,
}

/// Judges what was read of an event and settles its fields. `unescaped` is
/// where the draft's texts without their escapes are, `lowered` room for one, and
/// `campaigns` room for a campaign if it is to be read.
///
/// # Errors
/// The first reason that applies of [`Reason::WrongType`],
/// [`Reason::MissingField`] and [`Reason::BadValue`].
pub(super) fn judge<'a>(
    draft: &Draft<'a>,
    unescaped: &'a str,
    lowered: &'a mut String,
    campaigns: Option<&'a mut campaign::Room>,
) -> Result<Decoded<'a>, Rejection<'a>> {
    let filled = |slot| {
        let text = draft.text(slot)?.in_place(unescaped);
        (!text.is_empty()).then_some(text)
    };
    let (user, session) = (filled(TextSlot::User), filled(TextSlot::Session));
    let key = user.or(session);
    let event_type = filled(TextSlot::EventType);
    let (None, Some(timestamp_ms), Some(event_type), Some(user)) =
        (draft.wrong_type, draft.timestamp_ms, event_type, key)
    else {
        return Err(rejection(draft, key));
    };
    if !(0..=LAST_TIMESTAMP_MS).contains(&timestamp_ms) {
        return Err(rejection(draft, key));
    }
    let kind = Kind::of(event_type);
    let (page, referrer, campaign) = if kind == Kind::PageView {
        let url = draft.text(TextSlot::Url).map(|url| url.in_place(unescaped));
        let from = draft.text(TextSlot::Referrer).map(|from| from.in_place(unescaped));
        let page = url.map_or(page::UNKNOWN, page::normalise);
        let referrer = referrer::normalise(from.unwrap_or_default(), lowered);
        (page, referrer, campaigns.and_then(|room| campaign::read(url?, room)))
    } else {
        ("", "", None)
    };
    let mut bad_leaves = draft.bad_leaves;
    let (value_minor, currency) = settle_money(draft, unescaped, &mut bad_leaves);
    Ok(Decoded {
        timestamp_ms,
        kind,
        event_id: filled(TextSlot::EventId),
        user,
        session: session.unwrap_or(user),
        page,
        referrer,
        campaign,
        country: filled(TextSlot::Country),
        city: filled(TextSlot::City),
        device: filled(TextSlot::Device),
        browser: filled(TextSlot::Browser),
        os: filled(TextSlot::Os),
        user_agent: filled(TextSlot::UserAgent),
        load_ms: settle_load_time(draft, &mut bad_leaves),
        value_minor,
        currency,
        bad_leaves,
    })
}

/// The value in minor units, and its currency.
fn settle_money(draft: &Draft<'_>, unescaped: &str, bad_leaves: &mut u32) -> (i64, [u8; 3]) {
    let mut currency = money::DEFAULT_CURRENCY;
    if let Some(text) = draft.text(TextSlot::Currency) {
        match money::currency(text.in_place(unescaped)) {
            Some(code) => currency = code,
            None => *bad_leaves += 1,
        }
    }
    let mut value_minor = 0;
    if let Some(number) = draft.number(NumberSlot::Value) {
        match money::minor_units(number, currency) {
            Some(value) => value_minor = value,
            None => *bad_leaves += 1,
        }
    }
    (value_minor, currency)
}

fn settle_load_time(draft: &Draft<'_>, bad_leaves: &mut u32) -> Option<i64> {
    match load_time::read(draft.number(NumberSlot::LoadTime)?) {
        LoadTime::Kept(load_ms) => return Some(load_ms),
        LoadTime::Negative => {}
        LoadTime::Bad => *bad_leaves += 1,
    }
    None
}

/// Why `draft` is no event, of which one reason is known to apply.
#[cold]
fn rejection<'a>(draft: &Draft<'a>, key: Option<&'a str>) -> Rejection<'a> {
    let missing = if draft.timestamp_ms.is_none() {
        Some("timestamp")
    } else if draft.text(TextSlot::EventType).is_none_or(Text::is_empty) {
        Some("eventType")
    } else if key.is_none() {
        Some("userId and sessionId")
    } else {
        None
    };
    let (reason, detail) = match (draft.wrong_type, missing) {
        (Some("timestamp"), _) => (Reason::WrongType, "timestamp is no integer of 64 bits".into()),
        (Some(field), _) => (Reason::WrongType, field.into()),
        (None, Some(field)) => (Reason::MissingField, field.into()),
        (None, None) => (Reason::BadValue, "timestamp is negative or after the year 9999".into()),
    };
    Rejection { reason, detail, key }
}
