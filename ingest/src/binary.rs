//! The one place that knows how structures become bytes and back: bincode with
//! variable-length integers, within what is framed and checked elsewhere.

use bincode::Options;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes that are no such structure.
#[derive(Debug, Error)]
#[error("not what was encoded: {0}")]
pub struct NotEncoded(#[from] bincode::Error);

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_varint_encoding().reject_trailing_bytes()
}

/// Appends a structure.
///
/// # Panics
/// If the structure is one that serde cannot serialise (none of ours is).
pub fn encode_into<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    options().serialize_into(out, value).expect("a structure of ours can be serialised");
}

/// A structure as bytes.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode_into(value, &mut out);
    out
}

/// The structure that these bytes are, all of them; its texts and bytes are borrowed.
///
/// # Errors
/// If they are none.
pub fn decode_borrowed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NotEncoded> {
    Ok(options().deserialize(bytes)?)
}

/// The structure that these bytes are, all of them.
///
/// # Errors
/// If they are none. Lengths within them are not trusted further than there are bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotEncoded> {
    Ok(options().with_limit(bytes.len() as u64).deserialize(bytes)?)
}
