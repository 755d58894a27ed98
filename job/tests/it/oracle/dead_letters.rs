//! Dead letters: every record that some family did not take because of what it is or when it came.

use super::event::{Family, Reason};
use super::judge::{Fate, Judged};
use super::record::{array, quoted};

/// The most bytes of a value that its dead letter shows.
const HEAD_BYTES: usize = 256;

/// What a dead letter keeps of a value.
#[derive(Clone, Debug)]
pub(super) struct Head {
    hash: u64,
    /// The JSON field with the beginning of the value.
    field: String,
}

/// Keeps the hash and the beginning of a value.
pub(super) fn head(value: &[u8]) -> Head {
    let beginning = &value[..value.len().min(HEAD_BYTES)];
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => Some(text),
        // An incomplete character is left out only where it is the cut that may have broken it.
        Err(error) if error.error_len().is_none() && value.len() > HEAD_BYTES => {
            std::str::from_utf8(&beginning[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let field = match text {
        Some(text) => format!(r#""head":{}"#, quoted(text)),
        None => format!(r#""headBase64":"{}""#, base64(beginning)),
    };
    Head { hash: xxhash_rust::xxh3::xxh3_64(value), field }
}

/// The lines of all dead letters, without an epoch, in the order partition, offset.
pub(super) fn lines(judged: &[Judged]) -> Vec<String> {
    let mut letters: Vec<&Judged> =
        judged.iter().filter(|record| reason(record).is_some()).collect();
    letters.sort_by_key(|record| (record.partition, record.offset));
    letters
        .into_iter()
        .filter_map(|record| reason(record).map(|reason| line(record, reason)))
        .collect()
}

fn reason(record: &Judged) -> Option<Reason> {
    match record.fate {
        Fate::Rejected(reason) => Some(reason),
        Fate::Accepted if !record.late_for.is_empty() => Some(Reason::Late),
        Fate::Accepted | Fate::Duplicate => None,
    }
}

fn line(record: &Judged, reason: Reason) -> String {
    let name = |family: &Family| quoted(family.name());
    let families = match reason {
        Reason::Late => format!(r#","families":{}"#, array(record.late_for.iter().map(name))),
        _ => String::new(),
    };
    format!(
        r#"{{"partition":{},"offset":{},"reason":"{}"{families},"detail":"","hash":"{:016x}",{}}}"#,
        record.partition,
        record.offset,
        reason.name(),
        record.head.hash,
        record.head.field
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            let known = digit <= three.len();
            text.push(if known { char::from(DIGITS[bits >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_text_where_they_can_be() {
        let check = |value: &[u8], expected: &str| assert_eq!(head(value).field, expected);
        check(b"", r#""head":"""#);
        check(b"a\"", r#""head":"a\"""#);
        check(b"\xc3", r#""headBase64":"ww==""#);
        check(b"a\xff", r#""headBase64":"Yf8=""#);
        check(b"a\xffb", r#""headBase64":"Yf9i""#);
        let x255 = "x".repeat(255);
        check(format!("{x255}é").as_bytes(), &format!(r#""head":"{x255}""#));
        let cut_short = [x255.as_bytes(), b"\xc3"].concat();
        assert!(head(&cut_short).field.starts_with(r#""headBase64":"eHh4"#));
    }

    #[test]
    fn hashes_are_of_the_whole_value() {
        assert_eq!(format!("{:016x}", head(b"").hash), "2d06800538d394c2");
    }
}
