//! Records that a family, or nobody, takes: where they stand, why, and enough
//! of them to find out what they were.

use crate::decode::Reason;
use crate::lateness::Families;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// How many of the first bytes of a value are kept.
pub const HEAD_BYTES: usize = 256;

/// A rejected record, or one that is late for some families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its partition.
    pub partition: u32,
    /// Its offset in that partition.
    pub offset: u64,
    /// Why.
    pub reason: Reason,
    /// With `late`: the families that do not take it. Else none.
    pub families: Families,
    /// With `future`: how far its timestamp is ahead of its appending, ms. Else 0.
    pub ahead_ms: i64,
    /// For people: which field, and what of it.
    pub detail: Cow<'static, str>,
    /// xxh3-64 of the whole value.
    pub hash: u64,
    /// The first bytes of the value.
    pub head: Head,
}

/// The first bytes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// As text, less an incomplete character at the end of a longer value.
    Text(String),
    /// The first 256 bytes, where they are not UTF-8.
    Bytes(Vec<u8>),
}

impl Head {
    /// The head of a value, given at least its first [`HEAD_BYTES`] bytes and
    /// whether that is all of it.
    ///
    /// A character cut off at the end is left out only of a longer value, and
    /// what is incomplete is judged by these bytes alone.
    #[must_use]
    pub fn of(value: &[u8], len: usize) -> Self {
        let head = &value[..value.len().min(HEAD_BYTES)];
        match std::str::from_utf8(head) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(e) if len > head.len() && e.error_len().is_none() => {
                Self::Text(String::from_utf8_lossy(&head[..e.valid_up_to()]).into_owned())
            }
            Err(_) => Self::Bytes(head.to_vec()),
        }
    }
}

/// The hash of a value as dead letters give it.
#[must_use]
pub fn value_hash(value: &[u8]) -> u64 {
    xxh3_64(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_text_where_they_can_be() {
        let long = "é".repeat(200);
        let cut = format!("a{long}");
        assert_eq!(Head::of(long.as_bytes(), 400), Head::Text("é".repeat(128)));
        assert_eq!(Head::of(cut.as_bytes(), 401), Head::Text(format!("a{}", "é".repeat(127))));
        let whole = [b'a', 0xc3];
        assert_eq!(Head::of(&whole, 2), Head::Bytes(whole.to_vec()), "not longer: nothing is cut");
        assert_eq!(Head::of(&[0xff; 300], 300), Head::Bytes(vec![0xff; 256]));
    }
}
