//! Who a visitor is, without saying so.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Bytes of the hash that are kept: enough to tell all visitors of a site apart.
const HASH_BYTES: usize = 12;

/// Appends the visitor with this address and user agent: `v` and hex digits.
pub(super) fn write(salt: &str, address: &[u8], user_agent: Option<&str>, out: &mut String) {
    let mut hash = Sha256::new();
    // Lengths keep the parts apart: no two triples are the same bytes.
    for part in [salt.as_bytes(), address] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(user_agent.unwrap_or_default());
    out.push('v');
    for byte in &hash.finalize()[..HASH_BYTES] {
        // Writing to a text does not fail.
        let _ = write!(out, "{byte:02x}");
    }
}
