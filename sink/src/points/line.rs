//! Points as InfluxDB's line protocol has them.

use super::Point;
use crate::json;
use crate::store::FieldValue;
use std::io::Write;

/// Appends a point as a line, without a line end; its time is in ms.
///
/// The protocol has no form for control characters in a tag, nor for a backslash at
/// its end: they are percent-encoded.
pub fn write_line(point: &Point, out: &mut Vec<u8>) {
    let tags = point.tags.iter().map(|(name, value)| (*name, value.as_str()));
    write_series(point.measurement, tags, out);
    for (i, (name, value)) in point.fields.iter().enumerate() {
        out.push(if i == 0 { b' ' } else { b',' });
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        write_value(value, out);
    }
    out.push(b' ');
    json::integer(out, point.time_ms);
}

/// Appends what identifies a series: its measurement and its tags.
pub fn write_series<'a>(
    measurement: &str,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    out: &mut Vec<u8>,
) {
    write_escaped(measurement, out);
    for (name, value) in tags {
        out.push(b',');
        write_escaped(name, out);
        out.push(b'=');
        write_escaped(value, out);
    }
}

/// The measurement and the tags of a series as it was written; none if it is none.
/// What is percent-encoded there stays so: it is told from nothing else.
#[must_use]
pub fn read_series(series: &[u8]) -> Option<(String, Vec<(String, String)>)> {
    let text = std::str::from_utf8(series).ok()?;
    let (measurement, mut rest) = read_escaped(text);
    let mut tags = Vec::new();
    while let Some(tag) = rest.strip_prefix(',') {
        let (name, behind) = read_escaped(tag);
        let (value, behind) = read_escaped(behind.strip_prefix('=')?);
        tags.push((name, value));
        rest = behind;
    }
    rest.is_empty().then_some((measurement, tags))
}

/// A name or value up to what ends it, and the rest.
fn read_escaped(text: &str) -> (String, &str) {
    let mut read = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        let next = chars.as_str().chars().next();
        match c {
            ',' | '=' => return (read, &text[i..]),
            '\\' if matches!(next, Some(',' | '=' | ' ')) => {
                read.extend(next);
                chars.next();
            }
            c => read.push(c),
        }
    }
    (read, "")
}

fn write_escaped(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let last = text.len().saturating_sub(1);
    for (i, b) in text.bytes().enumerate() {
        if b < 0x20 || (b == b'\\' && i == last) {
            out.extend_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
            continue;
        }
        if matches!(b, b',' | b'=' | b' ') {
            out.push(b'\\');
        }
        out.push(b);
    }
}

fn write_value(value: &FieldValue, out: &mut Vec<u8>) {
    match value {
        FieldValue::Integer(integer) => {
            json::integer(out, *integer);
            out.push(b'i');
        }
        FieldValue::Float(float) => {
            // Writing to memory does not fail.
            let _ = write!(out, "{float}");
        }
        FieldValue::Text(text) => {
            out.push(b'"');
            for b in text.bytes() {
                if matches!(b, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(b);
            }
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_can_be_read_again() {
        let tags = [("a b", "x, y=z"), ("c", "1\\2\\,"), ("d", "")];
        let mut series = Vec::new();
        write_series("some, day", tags, &mut series);
        let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read_series(&series), Some(("some, day".to_owned(), tags.into())));
        assert_eq!(read_series(b"devices"), Some(("devices".to_owned(), vec![])));
        for none in [&b"devices,a"[..], b"devices=a", b"a,b=c=d", b"\xFF"] {
            assert_eq!(read_series(none), None);
        }
    }

    #[test]
    fn texts_are_escaped_as_the_protocol_demands() {
        let point = Point {
            measurement: "devices",
            tags: vec![("a", "x, y=z".to_owned()), ("b", "1\\\n2\\".to_owned())],
            time_ms: -5,
            fields: vec![
                ("f", FieldValue::Float(1e21)),
                ("g", FieldValue::Float(-0.000_001)),
                ("t", FieldValue::Text("\"a\\\n, ".to_owned())),
            ],
        };
        let mut out = Vec::new();
        write_line(&point, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "devices,a=x\\,\\ y\\=z,b=1\\%0A2%5C \
             f=1000000000000000000000,g=-0.000001,t=\"\\\"a\\\\\n, \" -5"
        );
    }
}
