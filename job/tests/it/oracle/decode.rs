//! From the bytes of a record to an event, or to the reason why there is none.
//!
//! Invariant: the reasons are tried in their order, each over the whole record, so that a fault at
//! the end outranks a lesser one at the beginning.

use std::collections::BTreeMap;

use super::event::{Event, EventKind, Reason};
use super::json::{self, Value};
use super::leaves::{read_conversion, read_page_view, read_session};

/// The first millisecond of the year 10000.
const YEAR_10000_MS: i64 = 253_402_300_800_000;

const TOP: [&str; 8] = [
    "timestamp",
    "eventType",
    "userId",
    "sessionId",
    "eventId",
    "pageViewData",
    "sessionData",
    "conversionData",
];
const PAGE_VIEW: [&str; 3] = ["url", "referrer", "pageLoadTime"];
const SESSION: [&str; 6] = ["country", "city", "deviceType", "browser", "os", "userAgent"];
const CONVERSION: [&str; 2] = ["value", "currency"];

/// The fields that should not be texts.
const NOT_TEXTS: [&str; 6] =
    ["timestamp", "pageViewData", "sessionData", "conversionData", "pageLoadTime", "value"];

/// The read fields of one object that are there and not null.
pub(super) type Fields<'a> = BTreeMap<&'static str, Value<'a>>;

/// A record's key, if it has a readable one, and what it says.
pub(super) struct Decoded {
    pub(super) key: Option<String>,
    pub(super) event: Result<Event, Reason>,
}

/// Reads one record.
pub(super) fn decode(value: &[u8], max_bytes: usize) -> Decoded {
    match fields_of_all(value, max_bytes) {
        Err(reason) => Decoded { key: None, event: Err(reason) },
        Ok([top, page_view, session, conversion]) => Decoded {
            key: text(&top, "userId").or_else(|| text(&top, "sessionId")),
            event: required(&top).map(|(timestamp_ms, kind, user, session_id)| {
                let mut bad_leaves = 0;
                let mut event = Event {
                    timestamp_ms,
                    kind,
                    user,
                    session: session_id,
                    event_id: text(&top, "eventId"),
                    ..empty()
                };
                read_page_view(&page_view, &mut event, &mut bad_leaves);
                read_session(&session, &mut event, &mut bad_leaves);
                read_conversion(&conversion, &mut event, &mut bad_leaves);
                event.bad_leaves = bad_leaves;
                event
            }),
        },
    }
}

/// The read fields at the top and in the three objects, in this order.
fn fields_of_all(value: &[u8], max_bytes: usize) -> Result<[Fields<'_>; 4], Reason> {
    if value.is_empty() {
        return Err(Reason::Empty);
    }
    if value.len() > max_bytes {
        return Err(Reason::Oversize);
    }
    let text = std::str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    let top = fields_of(text, &TOP)?;
    let within = |object: &str, names| match top.get(object) {
        Some(Value::Object(raw)) => fields_of(raw, names),
        _ => Ok(Fields::new()),
    };
    let page_view = within("pageViewData", &PAGE_VIEW)?;
    let session = within("sessionData", &SESSION)?;
    let conversion = within("conversionData", &CONVERSION)?;
    Ok([top, page_view, session, conversion])
}

fn fields_of<'a>(object: &'a str, names: &[&'static str]) -> Result<Fields<'a>, Reason> {
    let mut fields = Fields::new();
    for (name, value) in json::members(object).ok_or(Reason::Malformed)? {
        let Some(name) = names.iter().find(|read| Some(**read) == name.as_deref()) else {
            continue;
        };
        let half_pair = value == Value::Text(None) && !NOT_TEXTS.contains(name);
        if half_pair || fields.insert(*name, value).is_some() {
            return Err(Reason::Malformed);
        }
    }
    // Only here, for a null is there when it comes to fields that are there twice.
    fields.retain(|_, value| *value != Value::Null);
    Ok(fields)
}

/// Timestamp, type, user and session: what an event must have.
fn required(top: &Fields<'_>) -> Result<(i64, EventKind, String, String), Reason> {
    for (name, value) in top {
        let right = match value {
            Value::Number(text) => *name == "timestamp" && text.parse::<i64>().is_ok(),
            Value::Text(_) => !NOT_TEXTS.contains(name),
            Value::Object(_) => name.ends_with("Data"),
            _ => false,
        };
        if !right {
            return Err(Reason::WrongType);
        }
    }
    let timestamp_ms = match top.get("timestamp") {
        Some(Value::Number(text)) => text.parse::<i64>().map_err(|_| Reason::WrongType)?,
        _ => return Err(Reason::MissingField),
    };
    let kind = text(top, "eventType").ok_or(Reason::MissingField)?;
    let (user, session) = match (text(top, "userId"), text(top, "sessionId")) {
        (None, None) => return Err(Reason::MissingField),
        (Some(user), None) => (user.clone(), user),
        (None, Some(session)) => (session.clone(), session),
        (Some(user), Some(session)) => (user, session),
    };
    if !(0..YEAR_10000_MS).contains(&timestamp_ms) {
        return Err(Reason::BadValue);
    }
    Ok((timestamp_ms, EventKind::of(&kind), user, session))
}

/// A text that is there and not empty.
fn text(fields: &Fields<'_>, name: &str) -> Option<String> {
    match fields.get(name) {
        Some(Value::Text(Some(text))) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn empty() -> Event {
    Event {
        timestamp_ms: 0,
        kind: EventKind::Unknown,
        user: String::new(),
        session: String::new(),
        event_id: None,
        page: String::new(),
        campaign: None,
        referrer: String::new(),
        country: None,
        city: None,
        device: None,
        browser: None,
        os: None,
        user_agent: None,
        load_ms: None,
        value_minor: 0,
        currency: "USD".to_owned(),
        bad_leaves: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(rest: &str) -> Event {
        let text = format!(r#"{{"timestamp":5,"eventType":"PAGE_VIEW","userId":"u"{rest}}}"#);
        decode(text.as_bytes(), 1000).event.unwrap()
    }

    #[test]
    fn reasons_in_their_order() {
        let check = |value: &[u8], key: Option<&str>, expected: Reason| {
            let decoded = decode(value, 200);
            assert_eq!(
                (decoded.key.as_deref(), decoded.event),
                (key, Err(expected)),
                "{}",
                String::from_utf8_lossy(value)
            );
        };
        check(b"", None, Reason::Empty);
        check(&[b'x'; 201], None, Reason::Oversize);
        check(&[0xff; 201], None, Reason::Oversize);
        check(b"{\"userId\":\"\xff\"}", None, Reason::NotUtf8);
        check(b"  ", None, Reason::Malformed);
        check(
            br#"{"eventType":5,"userId":"u","timestamp":1,"timestamp":null}"#,
            None,
            Reason::Malformed,
        );
        check(
            br#"{"eventType":5,"userId":"u","pageViewData":{"url":"\ud800"}}"#,
            None,
            Reason::Malformed,
        );
        check(br#"{"userId":"u","pageViewData":{"url":1,"\u0075rl":2}}"#, None, Reason::Malformed);
        check(br#"{"timestamp":1.0,"userId":"u"}"#, Some("u"), Reason::WrongType);
        check(br#"{"timestamp":1e0,"userId":5,"sessionId":"s"}"#, Some("s"), Reason::WrongType);
        check(br#"{"timestamp":"\ud800","userId":"u"}"#, Some("u"), Reason::WrongType);
        check(br#"{"timestamp":9223372036854775808}"#, None, Reason::WrongType);
        check(
            br#"{"timestamp":-1,"eventType":"A","userId":"u","sessionData":[]}"#,
            Some("u"),
            Reason::WrongType,
        );
        check(br#"{"timestamp":-1,"eventType":"","userId":"u"}"#, Some("u"), Reason::MissingField);
        check(
            br#"{"timestamp":null,"eventType":"A","userId":"u"}"#,
            Some("u"),
            Reason::MissingField,
        );
        check(
            br#"{"timestamp":1,"eventType":"A","userId":"","sessionId":null}"#,
            None,
            Reason::MissingField,
        );
        check(br#"{"timestamp":-1,"eventType":"A","userId":"u"}"#, Some("u"), Reason::BadValue);
        check(
            br#"{"timestamp":253402300800000,"eventType":"A","userId":"u"}"#,
            Some("u"),
            Reason::BadValue,
        );
    }

    #[test]
    fn what_is_not_read_needs_only_its_grammar() {
        let plain = event("");
        assert_eq!(
            event(r#","title":"\ud800","title":2,"pageViewData":{"title":"\udc00"},"\ud800":[]"#),
            plain
        );
        assert_eq!(plain.page, "(unknown)");
        assert_eq!(plain.session, "u");
    }
}
