//! The bytes of a row: records of one topic, compressed together.

use crate::results::{Record, Topic};
use serde::{Deserialize, Serialize};
use streamgauge_ingest::{binary, compress};
use xxhash_rust::xxh3::xxh3_64;

/// A row is never larger uncompressed; a length beyond this is damage.
const MOST_BYTES: usize = 1 << 30;

/// A record of a row.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row<'a> {
    pub(super) epoch: u64,
    #[serde(borrow)]
    pub(super) key: &'a [u8],
    #[serde(borrow)]
    pub(super) value: Option<&'a [u8]>,
}

/// The records of a topic as they are stored, and their hash.
pub(super) fn encode(topic: Topic, records: &[Record]) -> std::io::Result<Option<(Vec<u8>, i64)>> {
    let mut plain = Vec::new();
    for record in records.iter().filter(|r| r.topic == topic) {
        let Record { epoch, key, value, .. } = record;
        let row = Row { epoch: *epoch, key, value: value.as_deref() };
        let from = plain.len();
        plain.extend_from_slice(&[0; 4]);
        binary::encode_into(&row, &mut plain);
        let length = u32::try_from(plain.len() - from - 4).unwrap_or(u32::MAX);
        plain[from..from + 4].copy_from_slice(&length.to_le_bytes());
    }
    if plain.is_empty() {
        return Ok(None);
    }
    let mut stored = u32::try_from(plain.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    stored.extend(compress::compress(&plain)?);
    let hash = xxh3_64(&stored).cast_signed();
    Ok(Some((stored, hash)))
}

/// The bytes of a row uncompressed; none if they are not what was stored.
pub(super) fn decompress(hash: i64, stored: &[u8]) -> Option<Vec<u8>> {
    if xxh3_64(stored).cast_signed() != hash {
        return None;
    }
    let (length, compressed) = stored.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|n| *n <= MOST_BYTES)?;
    compress::decompress(compressed, length).ok()
}

/// The first record of what is left of a row, and how many bytes it takes; none if
/// there is no record where one should be.
pub(super) fn first(plain: &[u8]) -> Option<(Row<'_>, usize)> {
    let (length, rest) = plain.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    Some((binary::decode_borrowed(rest.get(..length)?).ok()?, 4 + length))
}
