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
