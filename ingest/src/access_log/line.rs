//! Taking a line apart.
//!
//! `host ident user [time] "request" status bytes "referrer" "user agent" …`
//!
//! A quoted part ends at a quote that no backslash stands before and a blank or nothing
//! stands behind: servers that do not escape quotes write them raw. Where a virtual
//! host stands before the address (`vhost_combined`), the address is taken.

use super::Format;
use memchr::{memchr, memmem};
use std::borrow::Cow;
use std::net::IpAddr;

/// The parts of a line, as they stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) address: &'a [u8],
    pub(super) time: &'a [u8],
    pub(super) request: &'a [u8],
    pub(super) status: &'a [u8],
    referrer: &'a [u8],
    user_agent: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line apart, or finds that it is not of the format.
    pub(super) fn parse(line: &'a [u8], format: Format) -> Option<Self> {
        let line = line.trim_ascii();
        let open = memmem::find(line, b" [")?;
        let address = address(&line[..open])?;
        let rest = &line[open + 2..];
        let close = memchr(b']', rest)?;
        let (time, rest) = (&rest[..close], rest[close + 1..].trim_ascii_start());
        let (request, rest) = quoted(rest)?;
        let (status, rest) = word(rest)?;
        let (_bytes, rest) = word(rest)?;
        let none: &[u8] = b"-";
        let (mut referrer, mut user_agent) = (none, none);
        if format == Format::Combined {
            let (first, rest) = quoted(rest)?;
            (referrer, user_agent) = (first, quoted(rest)?.0);
        }
        Some(Self { address, time, request, status, referrer, user_agent })
    }

    /// The referrer, if there is one.
    pub(super) fn referrer(&self) -> Option<Cow<'a, str>> {
        given(self.referrer)
    }

    /// The user agent, if there is one.
    pub(super) fn user_agent(&self) -> Option<Cow<'a, str>> {
        given(self.user_agent)
    }
}

/// The address, from what stands before the time.
fn address(head: &[u8]) -> Option<&[u8]> {
    let mut words = head.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next()?);
    words.next()?;
    let is_address =
        |word: &[u8]| std::str::from_utf8(word).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
    Some(if is_address(second) { second } else { first })
}

/// A word and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b' ', text).unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text[end..].trim_ascii_start()))
}

/// What stands in quotes, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    for (i, b) in text.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if text.get(i + 1).is_none_or(|next| *next == b' ') => {
                return Some((&text[..i], text[i + 1..].trim_ascii_start()));
            }
            _ => {}
        }
    }
    None
}

fn given(part: &[u8]) -> Option<Cow<'_, str>> {
    let part = part.trim_ascii();
    (!matches!(part, b"" | b"-")).then(|| text(part))
}

/// A quoted part as text: without the escapes of the server, and with the replacement
/// character for what is not UTF-8.
pub(super) fn text(part: &[u8]) -> Cow<'_, str> {
    if memchr(b'\\', part).is_none() {
        return String::from_utf8_lossy(part);
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = memchr(b'\\', rest) {
        bytes.extend_from_slice(&rest[..at]);
        let (byte, len) = unescape(&rest[at..]);
        bytes.push(byte);
        rest = &rest[at + len..];
    }
    bytes.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The byte that an escape stands for, and the length of the escape. What is none stands
/// for itself.
fn unescape(text: &[u8]) -> (u8, usize) {
    let digit = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    };
    match text {
        [_, b'x', high, low, ..] => match (digit(high), digit(low)) {
            (Some(high), Some(low)) => (high << 4 | low, 4),
            _ => (b'\\', 1),
        },
        [_, quoted @ (b'"' | b'\\'), ..] => (*quoted, 2),
        [_, b'n', ..] => (b'\n', 2),
        [_, b'r', ..] => (b'\r', 2),
        [_, b't', ..] => (b'\t', 2),
        [_, b'v', ..] => (0x0b, 2),
        [_, b'f', ..] => (0x0c, 2),
        [_, b'b', ..] => (0x08, 2),
        _ => (b'\\', 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_servers_are_taken_back_and_odd_ones_stay() {
        for (part, expected) in [
            (&b"plain"[..], "plain"),
            (br#"a \"b\" \\ c"#, r#"a "b" \ c"#),
            (br"\x22\xC3\xa4\xff", "\"ä\u{fffd}"),
            (br"\t\n\xZZ\q\x1", "\t\n\\xZZ\\q\\x1"),
            (b"\xff\\", "\u{fffd}\\"),
        ] {
            assert_eq!(text(part), expected);
        }
    }
}
