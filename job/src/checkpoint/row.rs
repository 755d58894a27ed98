//! A row of a frame: something with a key that ends at some time.

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The hash by which it belongs to a shard.
    pub hash: u64,
    /// Its key: rows with one key follow each other.
    pub key: &'a [u8],
    /// When nothing needs it any more, ms of the global watermark.
    pub expires_ms: i64,
    /// What is under the key.
    pub body: &'a [u8],
}

impl<'a> Row<'a> {
    /// Appends it.
    ///
    /// # Panics
    /// If it is larger than 4 GiB.
    pub fn write(&self, out: &mut Vec<u8>) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a row is below 4 GiB");
        out.extend_from_slice(&self.hash.to_le_bytes());
        out.extend_from_slice(&self.expires_ms.to_le_bytes());
        out.extend_from_slice(&length(self.key).to_le_bytes());
        out.extend_from_slice(&length(self.body).to_le_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.body);
    }

    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (hash, rest) = bytes.split_first_chunk()?;
        let (expires_ms, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (body, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key) as usize)?;
        let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*body) as usize)?;
        let (hash, expires_ms) = (u64::from_le_bytes(*hash), i64::from_le_bytes(*expires_ms));
        Some((Self { hash, key, expires_ms, body }, rest))
    }
}

/// The rows that were written one after the other; none if they are none.
#[must_use]
pub fn rows(bytes: &[u8]) -> Option<Vec<Row<'_>>> {
    let mut rest = bytes;
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let (row, after) = Row::read(rest)?;
        rows.push(row);
        rest = after;
    }
    Some(rows)
}
