//! Numbers in as few bytes as they need: seven bits a byte, the lowest first.

/// Appends a number.
pub fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Takes a number from the front; none if there is none, or it is too long.
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back_one_after_the_other(values in proptest::collection::vec(any::<u64>(), 0..20)) {
            let mut out = Vec::new();
            values.iter().for_each(|value| push(&mut out, *value));
            let mut rest = out.as_slice();
            for value in values {
                prop_assert_eq!(take(&mut rest), Some(value));
            }
            prop_assert_eq!(take(&mut rest), None);
        }
    }
}
