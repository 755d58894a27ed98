//! What a shard holds, from its frames: for each key what stands, but for what has
//! expired.

use super::row::{Row, rows};
use super::{CheckpointError, Collection};
use crate::rows::ListDiff;
use differential_dataflow::difference::{IsZero, Semigroup};
use hashbrown::HashMap;
use streamgauge_ingest::binary;

/// Gives what stands of frames in order, oldest first, as rows.
pub(super) fn merge(
    collection: Collection,
    watermark_ms: i64,
    frames: &[Vec<u8>],
    give: &mut dyn FnMut(Row<'_>),
) -> Result<(), CheckpointError> {
    let damaged = || CheckpointError::Damaged {
        name: format!("a frame of {collection:?}"),
        what: "its rows make no sense".to_owned(),
    };
    let mut stands: HashMap<&[u8], (usize, Row<'_>)> = HashMap::new();
    let mut sums: HashMap<&[u8], (usize, Row<'_>, ListDiff)> = HashMap::new();
    let mut order = 0;
    for frame in frames {
        for row in rows(frame).ok_or_else(damaged)? {
            order += 1;
            if row.expires_ms <= watermark_ms && collection != Collection::Users {
                continue;
            }
            if collection == Collection::Lists {
                let diff: ListDiff = binary::decode(row.body).map_err(|_| damaged())?;
                let sum = sums.entry(row.key).or_insert((order, row, ListDiff::default()));
                sum.2.plus_equals(&diff);
            } else {
                stands.insert(row.key, (order, row));
            }
        }
    }
    // By their first or last coming: the same input gives the same bytes.
    let mut rows: Vec<_> = stands.into_values().collect();
    rows.retain(|(_, row)| row.expires_ms > watermark_ms);
    rows.sort_unstable_by_key(|(order, _)| *order);
    rows.into_iter().for_each(|(_, row)| give(row));
    let mut sums: Vec<_> = sums.into_values().collect();
    sums.retain(|(_, _, diff)| !diff.is_zero());
    sums.sort_unstable_by_key(|(order, _, _)| *order);
    for (_, row, diff) in sums {
        give(Row { body: &binary::encode(&diff), ..row });
    }
    Ok(())
}
