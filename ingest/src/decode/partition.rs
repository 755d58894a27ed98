//! Which partition a key belongs to.
//!
//! The producers partition by Java's `String.hashCode()`, so a file replayed
//! here falls into the same partitions as the log it was taken from. The hash
//! is over UTF-16 units, so it is not a hash of the bytes. Nothing relies on
//! the partition for correctness; other producers may choose differently.

/// The partition of `key` among `partitions`: the absolute value of the key's
/// Java hash, modulo their number; 0 where there are none.
///
/// The one hash without a positive counterpart in 32 bits is taken as 2^31.
#[must_use]
pub fn partition_of(key: &str, partitions: u32) -> u32 {
    java_hash(key).unsigned_abs().checked_rem(partitions).unwrap_or(0)
}

fn java_hash(key: &str) -> i32 {
    let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    if key.is_ascii() {
        key.bytes().map(u16::from).fold(0, step)
    } else {
        key.encode_utf16().fold(0, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        for (key, hash) in [
            ("", 0),
            ("a", 97),
            ("Aa", 2112),
            ("BB", 2112),
            ("hello", 99_162_322),
            ("ä", 228),
            ("😀", 1_772_899),
            ("polygenelubricants", i32::MIN),
        ] {
            assert_eq!(java_hash(key), hash, "{key}");
        }
    }

    #[test]
    fn partitions_are_the_absolute_hash_modulo_their_number() {
        for (key, partitions, expected) in [
            ("", 12, 0),
            ("a", 12, 1),
            ("hello", 12, 99_162_322 % 12),
            ("polygenelubricants", 12, 2_147_483_648 % 12),
            ("polygenelubricants", 1, 0),
            ("a", 0, 0),
        ] {
            assert_eq!(partition_of(key, partitions), expected, "{key} {partitions}");
        }
    }
}
