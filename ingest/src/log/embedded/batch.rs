//! The bytes of a batch: records of any partitions, compressed together.
//!
//! Per record its partition, the lengths of its key and value, and those; offsets
//! follow from where the batch begins in each partition.

use super::super::NewRecord;
use crate::log::LogError;
use crate::{compress, varint};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Most bytes that a batch may have uncompressed. One of a single record can be
/// larger than others by that record; a length beyond this is damage.
const MOST_BYTES: usize = 1 << 30;

/// Records of a batch, uncompressed.
pub(super) struct Batch {
    pub(super) id: i64,
    pub(super) appended_ms: i64,
    bytes: Vec<u8>,
    records: Vec<Place>,
}

/// Where a record of a batch stands.
pub(super) struct Place {
    pub(super) partition: u32,
    pub(super) offset: u64,
    key: Range<usize>,
    value: Range<usize>,
}

impl Batch {
    pub(super) fn records(&self) -> &[Place] {
        &self.records
    }

    pub(super) fn key(&self, place: &Place) -> &[u8] {
        &self.bytes[place.key.clone()]
    }

    pub(super) fn value(&self, place: &Place) -> &[u8] {
        &self.bytes[place.value.clone()]
    }
}

/// A batch as it is stored, and what its bytes hash to.
pub(super) fn encode(records: &[NewRecord<'_>]) -> std::io::Result<(Vec<u8>, i64)> {
    let size = records.iter().map(|r| 12 + r.key.len() + r.value.len()).sum();
    let mut plain = Vec::with_capacity(size);
    for record in records {
        for n in [record.partition as usize, record.key.len(), record.value.len()] {
            varint::push(&mut plain, n as u64);
        }
        plain.extend_from_slice(record.key);
        plain.extend_from_slice(record.value);
    }
    let mut stored = Vec::new();
    varint::push(&mut stored, plain.len() as u64);
    stored.extend(compress::compress(&plain)?);
    let hash = xxh3_64(&stored).cast_signed();
    Ok((stored, hash))
}

/// A batch as it was appended; `firsts` are the offsets where it begins.
///
/// # Errors
/// If the bytes are not those that were stored: with the offsets that are lost by it.
pub(super) fn decode(
    id: i64,
    appended_ms: i64,
    firsts: &[u64],
    hash: i64,
    stored: &[u8],
) -> Option<Batch> {
    if xxh3_64(stored).cast_signed() != hash {
        return None;
    }
    let mut compressed = stored;
    let size = usize::try_from(varint::take(&mut compressed)?).ok().filter(|n| *n <= MOST_BYTES)?;
    let bytes = compress::decompress(compressed, size).ok()?;
    let mut next = firsts.to_vec();
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut rest = &bytes[at..];
        let mut number = || usize::try_from(varint::take(&mut rest)?).ok();
        let (partition, key, value) = (number()?, number()?, number()?);
        at = bytes.len() - rest.len();
        let key = at..at.checked_add(key)?;
        let value = key.end..key.end.checked_add(value)?;
        at = value.end;
        let offset = next.get_mut(partition)?;
        let partition = u32::try_from(partition).ok()?;
        records.push(Place { partition, offset: *offset, key, value });
        *offset += 1;
    }
    (at == bytes.len()).then_some(Batch { id, appended_ms, bytes, records })
}

/// What to say of a batch that cannot be read.
pub(super) fn damaged(firsts: &[u64], next: Option<&[u64]>, id: i64, file: &str) -> LogError {
    let ends = next.unwrap_or(firsts);
    let spans = firsts.iter().zip(ends).zip(0..);
    let worst = spans.max_by_key(|((first, end), _)| end.saturating_sub(**first));
    let ((first, end), partition) = worst.unwrap_or(((&0, &0), 0));
    LogError::Damaged { partition, offsets: *first..*end, place: format!("batch {id} of {file}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_was(
            records in proptest::collection::vec(
                (0u32..3, proptest::collection::vec(any::<u8>(), 0..5), proptest::collection::vec(any::<u8>(), 0..300)),
                1..50,
            ),
            flip in any::<proptest::sample::Index>(),
        ) {
            let new: Vec<_> = records
                .iter()
                .map(|(partition, key, value)| NewRecord { partition: *partition, key, value })
                .collect();
            let (stored, hash) = encode(&new).unwrap();
            let firsts = [5, 0, 7];
            let batch = decode(1, 2, &firsts, hash, &stored).unwrap();
            let mut next = firsts;
            for (place, record) in batch.records().iter().zip(&new) {
                prop_assert_eq!(place.partition, record.partition);
                prop_assert_eq!(place.offset, next[record.partition as usize]);
                next[record.partition as usize] += 1;
                prop_assert_eq!((batch.key(place), batch.value(place)), (record.key, record.value));
            }
            prop_assert_eq!(batch.records().len(), new.len());
            let mut broken = stored.clone();
            broken[flip.index(stored.len())] ^= 1;
            prop_assert!(decode(1, 2, &firsts, hash, &broken).is_none());
            let rehashed = xxh3_64(&broken).cast_signed();
            // Whatever it makes of it, it must come to an end.
            let _ = decode(1, 2, &firsts, rehashed, &broken);
        }
    }
}
