//! The campaign of a page view, out of its `url`.
//!
//! Whoever places a link notes in its query where it was placed: `utm_source`,
//! `utm_medium` and `utm_campaign`. No other name is read, and of each only the
//! first. The invariant: a campaign is three texts joined by [`SEPARATOR`], of
//! which none is empty or contains it, so one text says all three, and such
//! texts are in the order of their parts. A name is compared as it stands and a
//! pair without `=` has an empty value, as forms have it; what follows a `%`
//! without being two hexadecimal digits leaves it as it is.

use memchr::{memchr, memchr2};

/// What stands between the parts of a campaign.
const SEPARATOR: char = '\0';
/// What becomes of a separator, and of what is not UTF-8.
const REPLACED: char = char::REPLACEMENT_CHARACTER;
/// The part that a query does not name, or leaves empty.
const NONE: &str = "(none)";
/// What the names of all parts begin with.
const PREFIX: &str = "utm_";
/// The names of the parts, in their order.
const NAMES: [&str; 3] = ["utm_source", "utm_medium", "utm_campaign"];

/// Where a campaign is put together, to be used again.
#[derive(Debug, Default)]
pub(super) struct Room {
    text: String,
    bytes: Vec<u8>,
}

/// The campaign that `url` names: source, medium and campaign.
pub(super) fn read<'a>(url: &str, room: &'a mut Room) -> Option<&'a str> {
    let parts = parts(query(url)?);
    if parts.iter().all(|part| part.is_empty()) {
        return None;
    }
    room.text.clear();
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            room.text.push(SEPARATOR);
        }
        match part {
            "" => room.text.push_str(NONE),
            part => push_decoded(part, room),
        }
    }
    Some(&room.text)
}

/// What stands between the first `?` and the first `#`.
fn query(url: &str) -> Option<&str> {
    let bytes = url.as_bytes();
    let mark = memchr2(b'?', b'#', bytes).filter(|at| bytes[*at] == b'?')?;
    let query = &url[mark + 1..];
    Some(memchr(b'#', query.as_bytes()).map_or(query, |end| &query[..end]))
}

/// The values of the parts as they stand; empty for those that are not there.
fn parts(query: &str) -> [&str; 3] {
    let mut parts = [None; 3];
    for pair in query.split('&').filter(|pair| pair.starts_with(PREFIX)) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some(part) = NAMES.iter().position(|known| *known == name) {
            parts[part].get_or_insert(value);
        }
    }
    parts.map(Option::unwrap_or_default)
}

/// Appends a value without its encoding.
fn push_decoded(value: &str, room: &mut Room) {
    let Room { text, bytes } = room;
    if !value.bytes().any(|byte| matches!(byte, b'%' | b'+' | b'\0')) {
        text.push_str(value);
        return;
    }
    bytes.clear();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'+' => (b' ', after),
            b'%' => encoded(after).unwrap_or((b'%', after)),
            byte => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    for chunk in bytes.utf8_chunks() {
        let kept = |c| if c == SEPARATOR { REPLACED } else { c };
        text.extend(chunk.valid().chars().map(kept));
        text.extend((!chunk.invalid().is_empty()).then_some(REPLACED));
    }
}

/// The byte that the text behind a `%` stands for, and what follows.
fn encoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = text.split_first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn campaign(url: &str) -> Option<String> {
        // What was left over must not matter.
        let mut room = Room { text: "left\0over\0".to_owned(), bytes: b"left".to_vec() };
        read(url, &mut room).map(str::to_owned)
    }

    fn check(url: &str, expected: Option<[&str; 3]>) {
        assert_eq!(campaign(url), expected.map(|parts| parts.join("\0")), "{url}");
    }

    #[test]
    fn the_parts_are_found_in_the_query() {
        let all = Some(["a", "b", "c"]);
        let source = Some(["a", "(none)", "(none)"]);
        for (url, expected) in [
            ("", None),
            ("/x", None),
            ("/x?", None),
            ("/x?y=utm_source", None),
            ("/utm_source=a", None),
            ("/utm_source=a&utm_medium=b?x", None),
            ("/x?utm_source=a&utm_medium=b&utm_campaign=c", all),
            ("?utm_campaign=c&x&utm_medium=b&&utm_source=a&", all),
            ("https://h.example?utm_source=a&utm_medium=b&utm_campaign=c#d", all),
            ("https://?utm_source=a", source),
            ("/x?utm_source=a", source),
            ("/x?utm_medium=a", Some(["(none)", "a", "(none)"])),
            ("/x?utm_campaign=a", Some(["(none)", "(none)", "a"])),
            ("/x?utm_source=a#utm_medium=b&utm_campaign=c", source),
            ("/x?utm_source=a#?&utm_medium=b", source),
            ("/x#y?utm_source=a", None),
            ("#?utm_source=a", None),
            ("/x?y?utm_source=a", None),
            ("/x?y?&utm_source=a", source),
            ("/x?utm_source=a?b", Some(["a?b", "(none)", "(none)"])),
            ("/x?utm_source=a=b", Some(["a=b", "(none)", "(none)"])),
            ("/x?y=1;utm_source=a", None),
        ] {
            check(url, expected);
        }
    }

    #[test]
    fn names_are_compared_as_they_stand() {
        let others = "UTM_SOURCE|utm_Source|utm%5fsource| utm_source|utm_source |+utm_source|\
            utm_source[]|utm_sources|utm_sourc|utm_|utm_source%|utm_source\0|xutm_source|utm_id|\
            utm_term|utm_content";
        for name in others.split('|') {
            check(&format!("/x?{name}=a"), None);
            check(&format!("/x?{name}=a&utm_source=b"), Some(["b", "(none)", "(none)"]));
        }
    }

    #[test]
    fn the_first_of_a_name_counts() {
        let medium = Some(["(none)", "b", "(none)"]);
        for (url, expected) in [
            ("/x?utm_source=a&utm_source=b", Some(["a", "(none)", "(none)"])),
            ("/x?utm_source=&utm_source=b", None),
            ("/x?utm_source&utm_source=b", None),
            ("/x?utm_source=&utm_source=a&utm_medium=b&utm_medium=", medium),
            ("/x?utm_source&utm_source=a&utm_medium=b&utm_medium", medium),
            ("/x?UTM_SOURCE=a&utm_source=b", Some(["b", "(none)", "(none)"])),
        ] {
            check(url, expected);
        }
    }

    #[test]
    fn empty_parts_are_none() {
        for (url, expected) in [
            ("/x?utm_source", None),
            ("/x?utm_source=", None),
            ("/x?utm_source=&utm_medium&utm_campaign=#a", None),
            ("/x?utm_source=&utm_medium=b", Some(["(none)", "b", "(none)"])),
            ("/x?utm_source=(none)", Some(["(none)"; 3])),
            ("/x?utm_source=+", Some([" ", "(none)", "(none)"])),
            ("/x?utm_source=%20&utm_medium==", Some([" ", "=", "(none)"])),
        ] {
            check(url, expected);
        }
    }

    #[test]
    fn values_are_decoded() {
        for (value, expected) in [
            ("spring+sale", "spring sale"),
            ("spring%20sale%2B1", "spring sale+1"),
            ("%26%3d%23%3F", "&=#?"),
            ("%25%32%30%2525", "%20%25"),
            ("Ä%C3%A4%c3%A4", "Äää"),
            ("%F0%9F%98%80!", "😀!"),
            ("%", "%"),
            ("%2", "%2"),
            ("%%41%4", "%A%4"),
            ("%g0%0g%-1%+1% 1", "%g0%0g%-1% 1% 1"),
            ("%ä0%2ä", "%ä0%2ä"),
            ("%٣٣", "%٣٣"),
            ("%ff", "\u{fffd}"),
            ("a%ff%feb", "a\u{fffd}\u{fffd}b"),
            ("%C3", "\u{fffd}"),
            ("%C3ä", "\u{fffd}ä"),
            ("%C3+%A4", "\u{fffd} \u{fffd}"),
            ("%E2%82x", "\u{fffd}x"),
            ("%ED%A0%80", "\u{fffd}\u{fffd}\u{fffd}"),
            ("%C0%80", "\u{fffd}\u{fffd}"),
            ("\0", "\u{fffd}"),
            ("a\0\0b", "a\u{fffd}\u{fffd}b"),
            ("%00", "\u{fffd}"),
            ("a%00\0%01", "a\u{fffd}\u{fffd}\u{1}"),
            ("\u{fffd}", "\u{fffd}"),
        ] {
            check(&format!("/x?utm_source={value}"), Some([expected, "(none)", "(none)"]));
            let last = format!("/x?utm_campaign={value}&utm_source=a");
            check(&last, Some(["a", "(none)", expected]));
        }
    }

    /// The definition word for word, at any price.
    fn naive(url: &str) -> Option<String> {
        let (_, query) = url.split('#').next()?.split_once('?')?;
        let raw = |name: &str| {
            let mut pairs = query.split('&').map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), value.replace('+', " ").into_bytes())
            });
            pairs.find(|pair| pair.0 == name).map_or(Vec::new(), |pair| pair.1)
        };
        let parts = ["utm_source", "utm_medium", "utm_campaign"].map(|name| {
            let (value, mut bytes, mut at) = (raw(name), Vec::new(), 0);
            while at < value.len() {
                let digits = value.get(at + 1..at + 3).filter(|_| value[at] == b'%');
                let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
                let digits = digits.map(|digits| std::str::from_utf8(digits).unwrap());
                let byte = digits.map(|digits| u8::from_str_radix(digits, 16).unwrap());
                at += if byte.is_some() { 3 } else { 1 };
                bytes.push(byte.unwrap_or_else(|| value[at - 1]));
            }
            String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
        });
        if parts.iter().all(String::is_empty) {
            return None;
        }
        let part = |text: &String| if text.is_empty() { "(none)".to_owned() } else { text.clone() };
        Some(parts.iter().map(part).collect::<Vec<_>>().join("\0"))
    }

    /// Texts in which what matters is not rare.
    fn url() -> impl Strategy<Value = String> {
        let words = "utm_source=|utm_medium=|utm_campaign=|utm_source|utm_term=|UTM_SOURCE=|\
            &utm_source=|&utm_medium=|&utm_campaign=|utm_|&|&|=|?|#|%|%2|%20|%00|%C3|%a4|%C3%A4|\
            %f0%9F|%98%80|%ED%A0|%ff|+|\0|0|ä|😀|x";
        let word = prop::sample::select(words.split('|').collect::<Vec<_>>());
        let piece = prop_oneof![
            9 => word.prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        let rest = proptest::collection::vec(piece, 0..24);
        (prop::sample::select(vec!["", "/x?", "/x?utm_source=", "/x?utm_medium=", "?", "#"]), rest)
            .prop_map(|(start, rest)| start.to_owned() + &rest.concat())
    }

    proptest! {
        #[test]
        fn equals_the_definition(url in url()) {
            let found = campaign(&url);
            prop_assert_eq!(&found, &naive(&url));
            if let Some(found) = found {
                let parts: Vec<_> = found.split('\0').collect();
                prop_assert!(parts.len() == 3 && parts.iter().all(|part| !part.is_empty()));
            }
        }
    }
}
