//! The leaves of the three objects of an event: what each means, and which are bad.
//!
//! Invariant: a bad leaf is counted once and then treated as if it were not there, so nothing here
//! can reject a record.

use super::decode::Fields;
use super::event::Event;
use super::json::Value;
use super::{campaign, number, place};

/// A text, empty ones too; any other type is a bad leaf.
fn leaf(fields: &Fields<'_>, name: &str, bad_leaves: &mut u64) -> Option<String> {
    match fields.get(name)? {
        Value::Text(text) => text.clone(),
        _ => {
            *bad_leaves += 1;
            None
        }
    }
}

/// Reads `pageViewData`.
pub(super) fn read_page_view(fields: &Fields<'_>, event: &mut Event, bad_leaves: &mut u64) {
    let url = leaf(fields, "url", bad_leaves);
    event.page = url.as_deref().map_or_else(|| "(unknown)".to_owned(), place::page);
    event.campaign = url.as_deref().and_then(campaign::campaign);
    event.referrer = place::referrer(&leaf(fields, "referrer", bad_leaves).unwrap_or_default());
    event.load_ms = match fields.get("pageLoadTime") {
        None => None,
        Some(Value::Number(text)) if is_negative(text) => None,
        Some(value) => whole(value, 0, bad_leaves).map(number::kept),
    };
}

/// Whether a number is below 0: of all texts with a minus only those of zeros are not.
fn is_negative(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    number.starts_with('-') && mantissa.bytes().any(|b| (b'1'..=b'9').contains(&b))
}

/// A number times ten to the power `places`, rounded; all else is a bad leaf.
fn whole(value: &Value<'_>, places: u32, bad_leaves: &mut u64) -> Option<i64> {
    let number = match value {
        Value::Number(text) => number::rounded(text, places),
        _ => None,
    };
    *bad_leaves += u64::from(number.is_none());
    number
}

/// Reads `sessionData`.
pub(super) fn read_session(fields: &Fields<'_>, event: &mut Event, bad_leaves: &mut u64) {
    let mut read = |name| leaf(fields, name, bad_leaves).filter(|text| !text.is_empty());
    event.country = read("country");
    event.city = read("city");
    event.device = read("deviceType");
    event.browser = read("browser");
    event.os = read("os");
    event.user_agent = read("userAgent");
}

/// Reads `conversionData`.
pub(super) fn read_conversion(fields: &Fields<'_>, event: &mut Event, bad_leaves: &mut u64) {
    if let Some(currency) = leaf(fields, "currency", bad_leaves) {
        if currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_alphabetic()) {
            event.currency = currency.to_ascii_uppercase();
        } else {
            *bad_leaves += 1;
        }
    }
    if let Some(value) = fields.get("value") {
        event.value_minor = whole(value, minor_digits(&event.currency), bad_leaves).unwrap_or(0);
    }
}

/// How many decimal digits the minor unit of a currency has.
pub(super) fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::*;

    fn event(rest: &str) -> Event {
        let text = format!(r#"{{"timestamp":5,"eventType":"PAGE_VIEW","userId":"u"{rest}}}"#);
        decode(text.as_bytes(), 1000).event.unwrap()
    }

    #[test]
    fn load_times() {
        let check = |text: &str, expected, bad| {
            let event = event(&format!(r#","pageViewData":{{"pageLoadTime":{text}}}"#));
            assert_eq!((event.load_ms, event.bad_leaves), (expected, bad), "{text}");
        };
        check("1250", Some(1248), 0);
        check("null", None, 0);
        check("-1e999", None, 0);
        check("-5", None, 0);
        check("-0", Some(0), 0);
        check("1e999", None, 1);
        check("\"1\"", None, 1);
        check("\"\\ud800\"", None, 1);
    }

    #[test]
    fn money() {
        let check = |text: &str, expected: (i64, &str), bad| {
            let event = event(&format!(r#","conversionData":{{{text}}}"#));
            assert_eq!(
                (event.value_minor, event.currency.as_str(), event.bad_leaves),
                (expected.0, expected.1, bad),
                "{text}"
            );
        };
        check("", (0, "USD"), 0);
        check(r#""value":59.90,"currency":"eur""#, (5990, "EUR"), 0);
        check(r#""value":59.5,"currency":"JPY""#, (60, "JPY"), 0);
        check(r#""value":-1.0005,"currency":"KWD""#, (-1001, "KWD"), 0);
        check(r#""value":1,"currency":"CLF""#, (10_000, "CLF"), 0);
        check(r#""value":"1","currency":"EURO""#, (0, "USD"), 2);
        check(r#""value":92233720368547758.08,"currency":5"#, (0, "USD"), 2);
    }
}
