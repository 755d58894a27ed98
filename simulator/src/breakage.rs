//! The ways in which a record can be unreadable.
//!
//! Each is something that real producers and networks have done. All of them
//! make a record that no reader can take for an event, so that the number of
//! rejected records is known. None puts a line feed into it: a broken record is
//! still one line.

use crate::random::Random;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breakage {
    /// No bytes at all.
    Empty,
    /// It stops somewhere inside.
    CutOff,
    /// A byte that occurs in no UTF-8 text.
    NotUtf8,
    /// Valid JSON, but not an object.
    NotAnObject,
    /// Something after the object's end.
    Trailing,
    /// `timestamp` is there twice.
    FieldTwice,
    /// `sessionId` holds half a surrogate pair.
    HalfPair,
    /// `timestamp` is a text.
    TimestampText,
    /// `sessionData` is a list.
    ObjectIsList,
    /// No `timestamp`.
    NoTimestamp,
    /// `eventType` is null.
    TypeNull,
    /// Neither `userId` nor `sessionId`.
    NoIdentity,
    /// `timestamp` is before 1970.
    BeforeTime,
    /// `timestamp` is in microseconds, and so after the year 9999.
    AfterTime,
}

impl Breakage {
    /// Every kind.
    pub const ALL: [Breakage; 14] = [
        Breakage::Empty,
        Breakage::CutOff,
        Breakage::NotUtf8,
        Breakage::NotAnObject,
        Breakage::Trailing,
        Breakage::FieldTwice,
        Breakage::HalfPair,
        Breakage::TimestampText,
        Breakage::ObjectIsList,
        Breakage::NoTimestamp,
        Breakage::TypeNull,
        Breakage::NoIdentity,
        Breakage::BeforeTime,
        Breakage::AfterTime,
    ];

    pub(crate) fn draw(random: &mut Random) -> Self {
        Breakage::ALL[random.index(Breakage::ALL.len())]
    }

    /// Breaks the whole event that stands at the end of `out`, from `from` on.
    pub(crate) fn apply(self, out: &mut Vec<u8>, from: usize, random: &mut Random) {
        let inside = from + 1 + random.index(out.len() - from - 1);
        match self {
            Breakage::Empty => out.truncate(from),
            Breakage::CutOff => out.truncate(inside),
            Breakage::NotUtf8 => out[inside] = 0xff,
            Breakage::NotAnObject => {
                out.insert(from, b'[');
                out.push(b']');
            }
            Breakage::Trailing => out.extend_from_slice(b",{}"),
            Breakage::FieldTwice => insert(out, from + 1, b"\"timestamp\":0,"),
            Breakage::HalfPair => {
                let at = end_of(out, from, b"\"sessionId\":\"");
                insert(out, at, b"\\ud83d");
            }
            Breakage::TimestampText => {
                let value = timestamp(out, from);
                out.insert(value.end, b'"');
                out.insert(value.start, b'"');
            }
            Breakage::ObjectIsList => {
                let at = end_of(out, from, b"\"sessionData\":");
                insert(out, at, b"[],\"was\":");
            }
            Breakage::NoTimestamp => rename(out, from, b"\"timestamp\""),
            Breakage::TypeNull => {
                let at = end_of(out, from, b"\"eventType\":");
                insert(out, at, b"null,\"was\":");
            }
            Breakage::NoIdentity => {
                rename(out, from, b"\"userId\"");
                rename(out, from, b"\"sessionId\"");
            }
            Breakage::BeforeTime => {
                let at = timestamp(out, from).start;
                // The leading 1 keeps it a valid number where the timestamp is 0.
                insert(out, at, b"-1");
            }
            Breakage::AfterTime => {
                let value = timestamp(out, from);
                out.splice(value, *b"1703116800000000");
            }
        }
    }
}

fn insert(out: &mut Vec<u8>, at: usize, part: &[u8]) {
    out.splice(at..at, part.iter().copied());
}

/// The digits after the name.
fn timestamp(out: &[u8], from: usize) -> std::ops::Range<usize> {
    let start = end_of(out, from, b"\"timestamp\":");
    let digits = out[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    start..start + digits
}

/// Where the first occurrence of `part` ends.
fn end_of(out: &[u8], from: usize, part: &[u8]) -> usize {
    find(out, from, part).expect("every event has this field") + part.len()
}

fn find(out: &[u8], from: usize, part: &[u8]) -> Option<usize> {
    let at = out[from..].windows(part.len()).position(|window| window == part)?;
    Some(from + at)
}

/// Makes a field one that nobody knows; one that is not there stays absent.
fn rename(out: &mut Vec<u8>, from: usize, name: &[u8]) {
    if let Some(at) = find(out, from, name) {
        out.insert(at + 1, b'_');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    const EVENT: &str = "{\"eventId\":\"e\",\"timestamp\":1703116800000,\"eventType\":\"PAGE_VIEW\",\
        \"userId\":\"u\",\"sessionId\":\"s\",\"sessionData\":{\"city\":\"Zürich\"}}";

    fn check(breakage: Breakage, expected: impl Fn(&[u8]) -> bool) {
        let mut random = Random::new(1, Stream::Damage);
        for _ in 0..200 {
            let mut out = b"before".to_vec();
            out.extend_from_slice(EVENT.as_bytes());
            breakage.apply(&mut out, 6, &mut random);
            let text = String::from_utf8_lossy(&out[6..]).into_owned();
            assert!(out.starts_with(b"before") && !out.contains(&b'\n'), "{breakage:?}: {text}");
            assert!(expected(&out[6..]), "{breakage:?}: {text}");
        }
    }

    fn value(bytes: &[u8]) -> Option<serde_json::Value> {
        serde_json::from_slice(bytes).ok()
    }

    /// It is an object still, and the field is this.
    fn field(name: &'static str, expected: serde_json::Value) -> impl Fn(&[u8]) -> bool {
        move |bytes| value(bytes).is_some_and(|v| v.is_object() && v[name] == expected)
    }

    #[test]
    fn each_breaks_what_it_says() {
        let null = || serde_json::Value::Null;
        check(Breakage::Empty, |bytes| bytes.is_empty());
        check(Breakage::CutOff, |bytes| !bytes.is_empty() && value(bytes).is_none());
        check(Breakage::NotUtf8, |bytes| std::str::from_utf8(bytes).is_err());
        check(Breakage::NotAnObject, |bytes| value(bytes).is_some_and(|v| v.is_array()));
        check(Breakage::Trailing, |bytes| value(bytes).is_none());
        check(Breakage::FieldTwice, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            text.matches("\"timestamp\":").count() == 2 && value(bytes).is_some()
        });
        check(Breakage::HalfPair, |bytes| value(bytes).is_none());
        check(Breakage::TimestampText, field("timestamp", "1703116800000".into()));
        check(Breakage::ObjectIsList, field("sessionData", serde_json::json!([])));
        check(Breakage::NoTimestamp, field("timestamp", null()));
        check(Breakage::TypeNull, field("eventType", null()));
        check(Breakage::NoIdentity, field("userId", null()));
        check(Breakage::NoIdentity, field("sessionId", null()));
        check(Breakage::BeforeTime, field("timestamp", (-11_703_116_800_000_i64).into()));
        check(Breakage::AfterTime, field("timestamp", 1_703_116_800_000_000_u64.into()));
    }
}
