//! What has been learned: the gaps between values, and which may follow which.
//!
//! A gap is all from the end of one value to where the next is read: a quote, a comma,
//! brackets, a name, a colon, blanks, the quote of a string. The invariant: whatever
//! leads from the start along the successors to an end is an event in JSON without a read
//! field twice, if only its values are what their gaps say. For a gap is known by its
//! bytes *and* by the state that the scanner is in behind it, and becomes the successor of
//! another only where the scanner has taken it there; so it would take it there again.
//!
//! Gaps are not told apart by the whole way to them, but by the gap before: a tree would
//! need a path for each choice of fields that may be left out, of which there are too many.

use super::super::fields::{NumberSlot, TextSlot};
use std::collections::HashMap;

/// What follows a gap: a value to get past, or the end of the record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A string, behind its opening quote.
    String,
    Number,
    /// `true`, `false` or `null`, where nobody reads.
    Word,
    /// `null` in a field that is read.
    Null,
    /// Nothing: the record ends.
    End,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// Nobody reads it.
    Nowhere,
    Text(TextSlot),
    Number(NumberSlot),
    Timestamp,
}

/// A gap's place in a [`Graph`].
pub(super) type GapId = u16;

/// No more gaps than this are learned, and none that is longer, so that all that is held
/// stays below two megabytes.
const MOST_GAPS: usize = 2048;
const LONGEST_GAP: usize = 128;
/// Of the gaps that follow on one, as many are known at a time.
const SUCCESSORS: usize = 6;
/// Stands for no gap: there are never as many.
const NO_GAP: GapId = GapId::MAX;
/// Nearly all gaps are shorter, and are compared at once.
const HEAD: usize = 32;

/// The bytes from the end of one value to where the next is read.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Gap {
    /// Its first bytes, and a mask that has ones where there are some.
    head: [u64; HEAD / 8],
    mask: [u64; HEAD / 8],
    /// Which gaps follow behind its value.
    pub(super) next: [GapId; SUCCESSORS],
    length: u16,
    pub(super) kind: Kind,
    pub(super) slot: Slot,
    pub(super) bytes: Box<[u8]>,
}

impl Gap {
    fn new(bytes: &[u8], kind: Kind, slot: Slot) -> Self {
        let (mut head, mut mask) = ([0; HEAD], [0; HEAD]);
        for (place, byte) in bytes.iter().take(HEAD).enumerate() {
            (head[place], mask[place]) = (*byte, 0xff);
        }
        Gap {
            head: words(&head),
            mask: words(&mask),
            next: [NO_GAP; SUCCESSORS],
            length: u16::try_from(bytes.len()).unwrap_or(u16::MAX),
            kind,
            slot,
            bytes: bytes.into(),
        }
    }

    /// What stands behind it, if `rest` begins with it. `None` as well for a long gap or
    /// near the end of a record, where it cannot be told at once.
    #[inline(always)]
    pub(super) fn strip<'a>(&self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let found = words(rest.first_chunk()?);
        let mut differ = 0;
        for ((found, expected), mask) in found.into_iter().zip(self.head).zip(self.mask) {
            differ |= (found ^ expected) & mask;
        }
        if differ != 0 || usize::from(self.length) > HEAD {
            return None;
        }
        rest.get(usize::from(self.length)..)
    }
}

#[inline(always)]
fn words(bytes: &[u8; HEAD]) -> [u64; HEAD / 8] {
    let (eights, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|place| u64::from_le_bytes(eights[place]))
}

/// All gaps that are known.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) gaps: Vec<Gap>,
    ids: HashMap<Box<[u8]>, GapId>,
}

/// Stands before all gaps.
pub(super) const START: GapId = 0;

impl Default for Graph {
    fn default() -> Self {
        let start = Gap::new(b"", Kind::End, Slot::Nowhere);
        Graph { gaps: vec![start], ids: HashMap::new() }
    }
}

impl Graph {
    pub(super) fn is_full(&self) -> bool {
        self.gaps.len() >= MOST_GAPS
    }

    /// The gap of these `bytes` behind which the scanner is in the `state`, which is added
    /// if it is new; `None` if there is no room for it.
    pub(super) fn intern(
        &mut self,
        state: &[u8],
        bytes: &[u8],
        kind: Kind,
        slot: Slot,
    ) -> Option<GapId> {
        if let Some(id) = self.ids.get(state) {
            return Some(*id);
        }
        if self.is_full() || bytes.len() > LONGEST_GAP {
            return None;
        }
        let id = GapId::try_from(self.gaps.len()).ok()?;
        self.gaps.push(Gap::new(bytes, kind, slot));
        self.ids.insert(state.into(), id);
        Some(id)
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> impl Iterator<Item = &[u8]> {
        self.ids.keys().map(|state| &**state)
    }

    /// Notes that `to` follows on `from`.
    pub(super) fn link(&mut self, from: GapId, to: GapId) {
        let next = &mut self.gaps[usize::from(from)].next;
        if !next.contains(&to) {
            let free = next.iter().position(|id| *id == NO_GAP);
            next[free.unwrap_or(SUCCESSORS - 1)] = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_takes_two_cache_lines() {
        assert_eq!(size_of::<Gap>(), 128);
    }

    #[test]
    fn a_gap_stands_where_all_its_bytes_do() {
        let bytes = b"\",\"name\":\xc3\xa4 [{\"other name\":\"behind it";
        for length in 0..=HEAD {
            let gap = Gap::new(&bytes[..length], Kind::String, Slot::Nowhere);
            assert_eq!(gap.strip(bytes), Some(&bytes[length..]));
            for place in 0..bytes.len() {
                let mut other = *bytes;
                other[place] ^= 0x80;
                assert_eq!(gap.strip(&other).is_some(), place >= length, "{length} {place}");
            }
        }
        assert_eq!(Gap::new(&bytes[..=HEAD], Kind::String, Slot::Nowhere).strip(bytes), None);
    }
}
