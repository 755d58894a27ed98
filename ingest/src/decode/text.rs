//! JSON strings: where one ends, and what its escapes mean.
//!
//! Most of an event's bytes are in strings without an escape, so these are
//! passed over eight bytes at a time and lent out as they stand; only a string
//! with escapes is copied. The invariant: the whole value is known to be UTF-8,
//! and a string that has been passed over is known to obey the grammar. Half a
//! surrogate pair does obey it and is found only by who wants the text.

use super::fault::Fault;

/// A string's text before it can be lent out: as it stands in the value, or
/// where it was written to without its escapes.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    Plain(&'a str),
    Unescaped { start: usize, end: usize },
}

impl<'a> Text<'a> {
    /// The text, out of where strings without their escapes were written to.
    pub(super) fn in_place(self, unescaped: &'a str) -> &'a str {
        match self {
            Text::Plain(text) => text,
            Text::Unescaped { start, end } => &unescaped[start..end],
        }
    }

    pub(super) fn is_empty(self) -> bool {
        match self {
            Text::Plain(text) => text.is_empty(),
            Text::Unescaped { start, end } => start == end,
        }
    }
}

/// Passes over a string's content from `at` on, where something other than
/// plain text has been met, to its closing quote.
///
/// # Errors
/// The fault and where it is: an unknown escape, a bare control character, or
/// no closing quote.
pub(super) fn escaped_end(bytes: &[u8], mut at: usize) -> Result<usize, (Fault, usize)> {
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at += escape_length(bytes, at).ok_or((Fault::Escape, at))?,
            Some(_) => return Err((Fault::Control, at)),
            None => return Err((Fault::OpenString, at)),
        }
        at = next_special(bytes, at);
    }
}

/// The length of the escape at `at`; `None` if JSON has none like it.
fn escape_length(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => {
            let digits = bytes.get(at + 2..at + 6)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
        }
        _ => None,
    }
}

/// The first quote, backslash or control character at or after `at`; the end
/// of `bytes` if there is none.
#[inline]
pub(super) fn next_special(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let found = special_mask(*eight);
        if found != 0 {
            return bytes.len() - rest.len() + (found.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    }
    let special = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + special
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// A mask whose lowest set bit is the top bit of the first special byte.
///
/// With one bit turned over, the quote is the next byte after the control characters, and
/// these stay where they are. A subtraction borrows from the next byte only where it has
/// already found a smaller one below, so bits above the lowest may be false, never the
/// lowest.
#[inline]
pub(super) fn special_mask(eight: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(eight);
    let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (control_or_quote | backslash) & !word & TOPS
}

/// Appends a string's content to `out` with its escapes replaced.
///
/// # Errors
/// Half a surrogate pair; what has been appended then is of no use.
pub(super) fn unescape(content: &str, out: &mut String) -> Result<(), Fault> {
    let mut rest = content;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (letter, after) = escape.split_at(1);
        rest = after;
        match letter {
            "u" => {
                let (character, after) = code_point(after).ok_or(Fault::HalfPair)?;
                out.push(character);
                rest = after;
            }
            "b" => out.push('\u{8}'),
            "f" => out.push('\u{c}'),
            "n" => out.push('\n'),
            "r" => out.push('\r'),
            "t" => out.push('\t'),
            itself => out.push_str(itself),
        }
    }
    out.push_str(rest);
    Ok(())
}

/// The character that the text after `\u` begins with, and what follows it;
/// `None` for half a surrogate pair.
fn code_point(text: &str) -> Option<(char, &str)> {
    let (first, rest) = unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let (second, rest) = unit(rest.strip_prefix("\\u")?)?;
    let high = first.checked_sub(0xd800).filter(|high| *high < 0x400)?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + high * 0x400 + low)?, rest))
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_at_every_place() {
        for special in [b'"', b'\\', 0, 1, 0x1f] {
            for length in 1..40 {
                for place in 0..length {
                    // Before it all that is nearly special, behind it more of it.
                    let mut bytes = b"\x20\x21\x23\x5b\x5d\x7f\xa2\xdc\x80\xff".repeat(4);
                    bytes.truncate(length);
                    bytes[place] = special;
                    bytes[place + 1..].fill(special);
                    assert_eq!(next_special(&bytes, 0), place, "{special} {length}");
                }
            }
        }
        assert_eq!(next_special(b"\x20\x21\x23\x5b\x5d\x7f\xa2\xdc\x80\xff", 0), 10);
    }

    #[test]
    fn escapes() {
        for (content, expected) in [
            ("", Some("")),
            ("ä b", Some("ä b")),
            (r#"\"\\\/\b\f\n\r\t"#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r"a\u0041b", Some("aAb")),
            (r"\u0000\uFFFF\uffff", Some("\0\u{ffff}\u{ffff}")),
            (r"\uD83D\uDE00!", Some("😀!")),
            (r"\\ud800", Some(r"\ud800")),
            (r"\ud7ff\ue000", Some("\u{d7ff}\u{e000}")),
            (r"\udbff\udfff", Some("\u{10ffff}")),
            (r"\ud800", None),
            (r"\ud800x", None),
            (r"\ud800\n", None),
            (r"\ud800\u0041", None),
            (r"\ud800\ud800\udc00", None),
            (r"\udc00", None),
            (r"\ude00\ud83d", None),
        ] {
            let mut out = String::from("before");
            let result = unescape(content, &mut out);
            let actual = result.ok().map(|()| &out["before".len()..]);
            assert_eq!(actual, expected, "{content}");
        }
    }
}
