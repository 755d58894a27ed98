//! Getting past a value that nobody asked for.
//!
//! It is checked as strictly as one that is read, but nothing is taken from
//! it. Nesting is kept in a list and not on the stack, so that a value of
//! nothing but brackets does no harm, and it takes one pass whatever its depth.
//!
//! Most of an event's values are skipped, so this is one loop over the bytes with
//! its place in a register: going through the scanner's field for each token cost
//! a twelfth of all decoding.

use super::fault::Fault;
use super::json::Scanner;
use super::text;

/// A fault, and where it was met.
pub(super) type Failed = (Fault, usize);

impl Scanner<'_, '_> {
    /// Scans any value for its grammar alone.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let end = value_end(self.text.as_bytes(), self.at, self.closing);
        self.move_to(end)
    }
}

/// The byte at `at`; past the end it is 0, which begins nothing in JSON.
#[inline(always)]
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The first place at or after `at` that is no blank.
#[inline(always)]
fn past_blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(byte(bytes, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// The end of the value that begins at `at` or after blanks there. `closing` is
/// room for the brackets due.
#[inline(never)]
fn value_end(bytes: &[u8], mut at: usize, closing: &mut Vec<u8>) -> Result<usize, Failed> {
    closing.clear();
    // The bracket that ends the innermost object or array; 0 outside of all.
    let mut close = 0;
    loop {
        at = past_blanks(bytes, at);
        match byte(bytes, at) {
            b'"' => at = string_end(bytes, at)?,
            b'-' | b'0'..=b'9' => at = number_end(bytes, at)?,
            open @ (b'{' | b'[') => {
                closing.push(close);
                close = open + 2;
                at = past_blanks(bytes, at + 1);
                if byte(bytes, at) != close {
                    if close == b'}' {
                        at = name_end(bytes, at)?;
                    }
                    continue;
                }
            }
            b't' => at = literal_end(bytes, at, b"true")?,
            b'f' => at = literal_end(bytes, at, b"false")?,
            b'n' => at = literal_end(bytes, at, b"null")?,
            _ => return Err((Fault::Value, at)),
        }
        // Behind a value, or at the bracket that ends an empty one.
        loop {
            if close == 0 {
                return Ok(at);
            }
            at = past_blanks(bytes, at);
            match byte(bytes, at) {
                b',' => {
                    at = past_blanks(bytes, at + 1);
                    if close == b'}' {
                        at = name_end(bytes, at)?;
                    }
                    break;
                }
                found if found == close => {
                    at += 1;
                    close = closing.pop().unwrap_or(0);
                }
                _ if close == b'}' => return Err((Fault::ObjectEnd, at)),
                _ => return Err((Fault::ArrayEnd, at)),
            }
        }
    }
}

/// The place behind a field's name and colon.
#[inline(always)]
fn name_end(bytes: &[u8], at: usize) -> Result<usize, Failed> {
    if byte(bytes, at) != b'"' {
        return Err((Fault::Name, at));
    }
    let colon = past_blanks(bytes, string_end(bytes, at)?);
    if byte(bytes, colon) != b':' {
        return Err((Fault::Colon, colon));
    }
    Ok(colon + 1)
}

/// The place behind a string, from its quote on.
#[inline(always)]
fn string_end(bytes: &[u8], at: usize) -> Result<usize, Failed> {
    let mut end = text::next_special(bytes, at + 1);
    if byte(bytes, end) != b'"' {
        end = text::escaped_end(bytes, end)?;
    }
    Ok(end + 1)
}

/// The place behind a number, from its first character on.
#[inline(always)]
pub(super) fn number_end(bytes: &[u8], mut at: usize) -> Result<usize, Failed> {
    if byte(bytes, at) == b'-' {
        at += 1;
    }
    at = if byte(bytes, at) == b'0' { at + 1 } else { digits_end(bytes, at)? };
    if byte(bytes, at) == b'.' {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(byte(bytes, at), b'e' | b'E') {
        at += 1;
        if matches!(byte(bytes, at), b'+' | b'-') {
            at += 1;
        }
        at = digits_end(bytes, at)?;
    }
    Ok(at)
}

/// The place behind digits, of which there must be one.
#[inline(always)]
fn digits_end(bytes: &[u8], at: usize) -> Result<usize, Failed> {
    let mut end = at;
    while byte(bytes, end).is_ascii_digit() {
        end += 1;
    }
    if end == at { Err((Fault::Number, at)) } else { Ok(end) }
}

pub(super) fn literal_end(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Failed> {
    if bytes[at..].starts_with(word) { Ok(at + word.len()) } else { Err((Fault::Literal, at)) }
}
