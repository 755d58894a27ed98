//! A frame: the rows of one collection and shard in one checkpoint, checked.
//!
//! Header: magic, format, schema, epoch, collection, shard. Blocks: length, crc32c,
//! compressed bytes; a length of 0 ends them. Footer: rows, bytes, digest of the
//! bytes uncompressed.

use super::{CheckpointError, row};
use serde::{Deserialize, Serialize};
use streamgauge_ingest::compress;
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: [u8; 4] = *b"SGCP";
/// The format of frames and of what is in them. Whoever changes either counts it up,
/// and adds a checkpoint of the old format to the tests.
pub(super) const FORMAT: u64 = 4;
/// Bytes of a block before they are compressed.
const BLOCK_BYTES: usize = 1 << 20;
const HEADER_BYTES: usize = 4 + 8 + 8 + 8 + 1 + 1;
const FOOTER_BYTES: usize = 8 + 8 + 8;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Collection {
    /// Users: the newest row of a key stands.
    Users,
    /// Rows of lists: the rows of a key add up.
    Lists,
    /// Ids seen: the newest row of a key stands.
    Seen,
    /// Counts of windows: all of them, in one shard.
    Tallies,
    /// What threshold rules hold: all of it, in one shard.
    Runs,
}

impl Collection {
    /// All collections.
    pub const ALL: [Self; 5] = [Self::Users, Self::Lists, Self::Seen, Self::Tallies, Self::Runs];

    fn number(self) -> u8 {
        self as u8
    }
}

/// The frame's place in its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameId {
    pub(super) epoch: u64,
    pub(super) collection: Collection,
    pub(super) shard: u8,
}

/// A hash of what rows look like: it differs wherever the format does.
fn schema() -> u64 {
    xxh3_64(
        concat!("streamgauge checkpoint, rows of users, lists, seen, tallies, runs: ", "3")
            .as_bytes(),
    )
}

/// Appends a frame with these bytes of `rows` rows.
pub(super) fn write(
    id: FrameId,
    rows: u64,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    out.extend_from_slice(&MAGIC);
    for n in [FORMAT, schema(), id.epoch] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    out.extend_from_slice(&[id.collection.number(), id.shard]);
    for block in plain.chunks(BLOCK_BYTES) {
        let compressed = compress::compress(block)?;
        let length = u32::try_from(compressed.len()).map_err(std::io::Error::other)?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&compressed).to_le_bytes());
        out.extend_from_slice(&compressed);
    }
    out.extend_from_slice(&[0; 4]);
    for n in [rows, plain.len() as u64, xxh3_64(plain)] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    Ok(())
}

/// How many rows these bytes are; none if they are none.
pub(super) fn rows(collection: Collection, plain: &[u8]) -> Option<u64> {
    match collection {
        // All of them are one row.
        Collection::Tallies | Collection::Runs => Some(1),
        _ => row::rows(plain).map(|rows| rows.len() as u64),
    }
}

/// The bytes of a frame, uncompressed, and the number of its rows.
pub(super) fn read(
    name: &str,
    id: FrameId,
    frame: &[u8],
) -> Result<(u64, Vec<u8>), CheckpointError> {
    let damaged =
        |what: &str| CheckpointError::Damaged { name: name.to_owned(), what: what.to_owned() };
    let short = || damaged("a frame ends too early");
    let (header, mut rest) = frame.split_at_checked(HEADER_BYTES).ok_or_else(short)?;
    let number = |at: usize| {
        header.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
    };
    if header[..4] != MAGIC {
        return Err(damaged("no frame begins where one should"));
    }
    if (number(4), number(12)) != (FORMAT, schema()) {
        let found = number(4);
        return Err(CheckpointError::OtherFormat { name: name.to_owned(), found, known: FORMAT });
    }
    let place = (number(20), header[28], header[29]);
    if place != (id.epoch, id.collection.number(), id.shard) {
        return Err(damaged("a frame is that of another epoch, collection or shard"));
    }
    let mut plain = Vec::new();
    loop {
        let (length, after) = rest.split_first_chunk().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            rest = after;
            break;
        }
        let (crc, after) = after.split_first_chunk().ok_or_else(short)?;
        let (block, after) = after.split_at_checked(length).ok_or_else(short)?;
        if crc32c::crc32c(block) != u32::from_le_bytes(*crc) {
            return Err(damaged("a block is not what was written (crc32c)"));
        }
        let block = compress::decompress(block, BLOCK_BYTES)
            .map_err(|_| damaged("a block cannot be uncompressed"))?;
        plain.extend_from_slice(&block);
        rest = after;
    }
    let footer: &[u8; FOOTER_BYTES] = rest.try_into().map_err(|_| short())?;
    let number = |i: usize| footer[8 * i..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    if (number(1), number(2)) != (plain.len() as u64, xxh3_64(&plain)) {
        return Err(damaged("a frame is not what was written (digest)"));
    }
    Ok((number(0), plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: FrameId = FrameId { epoch: 7, collection: Collection::Lists, shard: 3 };

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written_or_refused(
            plain in proptest::collection::vec(any::<u8>(), 0..4_000),
            flip in any::<proptest::sample::Index>(),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut frame = Vec::new();
            write(ID, 5, &plain, &mut frame).unwrap();
            prop_assert_eq!(read("x", ID, &frame).unwrap(), (5, plain));
            let other = FrameId { shard: 4, ..ID };
            prop_assert!(read("x", other, &frame).is_err());
            prop_assert!(read("x", ID, &frame[..cut.index(frame.len())]).is_err());
            let rows_field = frame.len() - FOOTER_BYTES..frame.len() - FOOTER_BYTES + 8;
            let flip = flip.index(frame.len());
            frame[flip] ^= 0x10;
            prop_assert!(rows_field.contains(&flip) || read("x", ID, &frame).is_err());
        }
    }
}
