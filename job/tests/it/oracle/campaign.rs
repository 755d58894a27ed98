//! The campaign that a `url` names: three parameters of its query.
//!
//! Nothing is normalised but what is written here: names are compared as they stand.

/// What a parameter is that is empty or not there.
const NONE: &str = "(none)";

/// A campaign: `(none)` where a part is not told. Of two the order is that of the parts' bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Campaign {
    /// `utm_source`.
    pub source: String,
    /// `utm_medium`.
    pub medium: String,
    /// `utm_campaign`.
    pub campaign: String,
}

/// The campaign of a `url`, if it names any part of one.
pub(super) fn campaign(url: &str) -> Option<Campaign> {
    let query = query(url)?;
    let parts = ["utm_source", "utm_medium", "utm_campaign"].map(|name| parameter(query, name));
    if parts.iter().all(String::is_empty) {
        return None;
    }
    let [source, medium, campaign] =
        parts.map(|part| if part.is_empty() { NONE.to_owned() } else { part });
    Some(Campaign { source, medium, campaign })
}

/// What stands between the first `?` and the first `#` behind it; none where a `#` comes before.
fn query(url: &str) -> Option<&str> {
    let (before, behind) = url.split_once('?')?;
    if before.contains('#') {
        return None;
    }
    Some(behind.split_once('#').map_or(behind, |(query, _)| query))
}

/// The first value with this name, decoded; empty where there is none.
fn parameter(query: &str, name: &str) -> String {
    let mut parameters = query.split('&').map(|text| text.split_once('=').unwrap_or((text, "")));
    let value = parameters.find(|parameter| parameter.0 == name);
    value.map_or_else(String::new, |(_, value)| decoded(value))
}

fn decoded(value: &str) -> String {
    let hex = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
    let mut left = value.as_bytes();
    let mut bytes = Vec::new();
    while let Some((first, rest)) = left.split_first() {
        let pair = (*first == b'%').then(|| hex(rest.first()).zip(hex(rest.get(1)))).flatten();
        if let Some((high, low)) = pair {
            bytes.push(u8::try_from(16 * high + low).expect("two digits are a byte"));
            left = &rest[2..];
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            left = rest;
        }
    }
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::super::example::page_view;
    use super::*;

    fn check(url: &str, expected: Option<[&str; 3]>) {
        let found = campaign(url).map(|found| [found.source, found.medium, found.campaign]);
        assert_eq!(found, expected.map(|parts| parts.map(str::to_owned)), "{url}");
    }

    #[test]
    fn parts_are_read_from_the_query() {
        check("/a?utm_source=s&utm_medium=m&utm_campaign=c", Some(["s", "m", "c"]));
        check("https://h/?x&utm_campaign=c&y=1#utm_source=s", Some([NONE, NONE, "c"]));
        check("?utm_source=a?b=c", Some(["a?b=c", NONE, NONE]));
        check("/a?utm_source=a/?utm_source=b", Some(["a/?utm_source=b", NONE, NONE]));
        for none in ["", "/a", "/a?", "utm_source=s", "/a#x?utm_source=s", "/a#?utm_source=s"] {
            check(none, None);
        }
    }

    #[test]
    fn the_first_of_a_name_counts() {
        check("?utm_source=a&utm_source=b", Some(["a", NONE, NONE]));
        check("?utm_source=&utm_source=b&utm_medium=m", Some([NONE, "m", NONE]));
        // A name alone is one with an empty value.
        check("?utm_source&utm_source=b&utm_medium=m", Some([NONE, "m", NONE]));
        check("?UTM_SOURCE=a&utm%5Fsource=b&utm_source =c&+utm_source=d", None);
        check("?utm_source=&utm_medium&utm_campaign=", None);
        check("?utm_source=(none)", Some([NONE, NONE, NONE]));
        check("?&&utm_source=a&=b&utm_sources=c", Some(["a", NONE, NONE]));
    }

    #[test]
    fn values_are_decoded_once() {
        let check = |value: &str, expected: &str| assert_eq!(decoded(value), expected, "{value}");
        check("a+b%20c%2Bd%2bé", "a b c+d+é");
        check("%C3%A4%26%23%3D", "ä&#=");
        check("%2541", "%41");
        check("%", "%");
        check("%4", "%4");
        check("%zz%4", "%zz%4");
        check("%%41", "%A");
        check("%+1", "% 1");
        check("%ä", "%ä");
        check("%ff", "\u{fffd}");
        check("%C3a%C3", "\u{fffd}a\u{fffd}");
        check("%00\0", "\u{fffd}\u{fffd}");
    }

    #[test]
    fn events_keep_their_campaign() {
        let of = |url: &str| decode(&page_view("u", 5, url), 1_000).event.unwrap().campaign;
        assert_eq!(of("/a?utm_medium=\\u0000"), campaign("/a?utm_medium=%00"));
        assert_eq!(of("/a"), None);
    }
}
