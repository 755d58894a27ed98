//! Appending, and what retention cuts with it.

use super::{NewRecord, Retention, batch, offsets_of_bytes, offsets_to_bytes};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// About how many bytes of records go into one batch.
const BATCH_BYTES: usize = 512 << 10;
/// Most records of one batch.
const BATCH_RECORDS: usize = 4_096;
/// Most batches cut with one append: it must not take long.
const MOST_CUT: usize = 64;

/// The one row that says how far the log reaches.
struct Head {
    starts: Vec<u64>,
    ends: Vec<u64>,
    next_batch: i64,
    stored_bytes: i64,
}

impl Head {
    fn read(transaction: &Transaction<'_>) -> rusqlite::Result<Self> {
        let head = "SELECT starts, ends, next_batch, stored_bytes FROM log";
        transaction.prepare_cached(head)?.query_row((), |row| {
            Ok(Self {
                starts: offsets_of_bytes(&row.get::<_, Vec<u8>>(0)?),
                ends: offsets_of_bytes(&row.get::<_, Vec<u8>>(1)?),
                next_batch: row.get(2)?,
                stored_bytes: row.get(3)?,
            })
        })
    }

    fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let head = "UPDATE log SET starts = ?1, ends = ?2, next_batch = ?3, stored_bytes = ?4";
        let (starts, ends) = (offsets_to_bytes(&self.starts), offsets_to_bytes(&self.ends));
        let values = (starts, ends, self.next_batch, self.stored_bytes);
        transaction.prepare_cached(head)?.execute(values).map(|_| ())
    }
}

/// Appends records whose partitions exist; returns their offsets.
pub(super) fn append(
    connection: &mut Connection,
    records: &[NewRecord<'_>],
    now_ms: i64,
    retention: Retention,
) -> rusqlite::Result<Vec<u64>> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    // Compressing takes longer than writing: other writers don't wait for it.
    let mut batches = Vec::new();
    for part in cut(records) {
        let io = |e: std::io::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(e));
        batches.push((part, batch::encode(part).map_err(io)?));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut head = Head::read(&transaction)?;
    let mut offsets = Vec::with_capacity(records.len());
    let insert = "INSERT INTO batches (id, at_ms, firsts, hash, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (part, (bytes, hash)) in batches {
        let firsts = offsets_to_bytes(&head.ends);
        head.stored_bytes += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let row = (head.next_batch, now_ms, firsts, hash, bytes);
        transaction.prepare_cached(insert)?.execute(row)?;
        head.next_batch += 1;
        for record in part {
            let end = &mut head.ends[record.partition as usize];
            offsets.push(*end);
            *end += 1;
        }
    }
    retain(&transaction, &mut head, now_ms, retention)?;
    head.write(&transaction)?;
    transaction.commit()?;
    Ok(offsets)
}

/// Cuts records into batches.
fn cut<'a, 'r>(records: &'a [NewRecord<'r>]) -> impl Iterator<Item = &'a [NewRecord<'r>]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |r: &&NewRecord<'_>| {
            bytes += r.value.len();
            bytes < BATCH_BYTES
        };
        let count = rest.iter().take(BATCH_RECORDS).take_while(fits).count();
        let (part, after) = rest.split_at(count.max(1).min(rest.len()));
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Cuts the oldest batches; the newest stays, whatever its age and size.
fn retain(
    transaction: &Transaction<'_>,
    head: &mut Head,
    now_ms: i64,
    retention: Retention,
) -> rusqlite::Result<()> {
    let most_bytes = i64::try_from(retention.stored_bytes).unwrap_or(i64::MAX);
    for _ in 0..MOST_CUT {
        let mut oldest = transaction
            .prepare_cached("SELECT id, at_ms, length(bytes) FROM batches ORDER BY id LIMIT 1")?;
        let row = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
        let Some((id, at_ms, bytes)): Option<(i64, i64, i64)> =
            oldest.query_row((), row).optional()?
        else {
            break;
        };
        let too_old = at_ms < now_ms.saturating_sub(retention.age_ms);
        if !too_old && head.stored_bytes <= most_bytes {
            break;
        }
        let mut next = transaction
            .prepare_cached("SELECT firsts FROM batches WHERE id > ?1 ORDER BY id LIMIT 1")?;
        let Some(firsts) = next.query_row((id,), |r| r.get::<_, Vec<u8>>(0)).optional()? else {
            break;
        };
        transaction.prepare_cached("DELETE FROM batches WHERE id = ?1")?.execute((id,))?;
        head.starts = offsets_of_bytes(&firsts);
        head.stored_bytes -= bytes;
    }
    Ok(())
}
