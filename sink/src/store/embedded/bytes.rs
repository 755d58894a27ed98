//! Numbers and values in few bytes.

use super::Fault;
use crate::store::FieldValue;
use streamgauge_ingest::varint;

/// Results have at most 6 decimals, so most of their numbers are integers of this part.
const DECIMALS: f64 = 1e6;
/// Up to here a float holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

const INTEGER: u8 = 0;
const DECIMAL: u8 = 1;
const FLOAT: u8 = 2;
const TEXT: u8 = 3;

pub(super) use streamgauge_ingest::varint::push as push_varint;

/// Appends a number whose absolute value is small.
pub(super) fn push_signed(out: &mut Vec<u8>, value: i64) {
    push_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a text with its length.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    push_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a value and what kind it is.
pub(super) fn push_value(out: &mut Vec<u8>, value: &FieldValue) {
    match value {
        FieldValue::Integer(integer) => {
            out.push(INTEGER);
            push_signed(out, *integer);
        }
        FieldValue::Float(float) => match millionths(*float) {
            Some(millionths) => {
                out.push(DECIMAL);
                push_signed(out, millionths);
            }
            None => {
                out.push(FLOAT);
                out.extend_from_slice(&float.to_le_bytes());
            }
        },
        FieldValue::Text(text) => {
            out.push(TEXT);
            push_text(out, text);
        }
    }
}

/// A float in millionths, if it comes back from them bit by bit.
pub(super) fn millionths(float: f64) -> Option<i64> {
    let scaled = (float * DECIMALS).round();
    if scaled.abs() > EXACT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is an integer within 2^53")]
    let scaled = scaled as i64;
    (from_millionths(scaled).to_bits() == float.to_bits()).then_some(scaled)
}

/// The float of so many millionths.
pub(super) fn from_millionths(millionths: i64) -> f64 {
    millionths as f64 / DECIMALS
}

/// Reads what was appended, from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

const SHORT: Fault = Fault::Damaged("a row ends too early");

impl<'a> Reader<'a> {
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        varint::take(&mut self.0).ok_or(SHORT)
    }

    pub(super) fn signed(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(super) fn len(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.varint()?).map_err(|_| SHORT)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Fault> {
        let len = self.len()?;
        std::str::from_utf8(self.take(len)?).map_err(|_| Fault::Damaged("a text is not UTF-8"))
    }

    pub(super) fn value(&mut self) -> Result<FieldValue, Fault> {
        Ok(match self.byte()? {
            INTEGER => FieldValue::Integer(self.signed()?),
            DECIMAL => FieldValue::Float(from_millionths(self.signed()?)),
            FLOAT => {
                let bytes = self.take(8)?.first_chunk().ok_or(SHORT)?;
                FieldValue::Float(f64::from_le_bytes(*bytes))
            }
            TEXT => FieldValue::Text(self.text()?.to_owned()),
            _ => return Err(Fault::Damaged("a value of an unknown kind")),
        })
    }

    /// Gets past a value.
    pub(super) fn skip_value(&mut self) -> Result<(), Fault> {
        match self.byte()? {
            INTEGER | DECIMAL => drop(self.varint()?),
            FLOAT => drop(self.take(8)?),
            TEXT => {
                let len = self.len()?;
                self.take(len)?;
            }
            _ => return Err(Fault::Damaged("a value of an unknown kind")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = FieldValue> {
        prop_oneof![
            any::<i64>().prop_map(FieldValue::Integer),
            (-1_000_000_000i64..1_000_000_000).prop_map(|n| FieldValue::Float(from_millionths(n))),
            any::<f64>().prop_filter("no NaN", |f| !f.is_nan()).prop_map(FieldValue::Float),
            any::<String>().prop_map(FieldValue::Text),
        ]
    }

    proptest! {
        #[test]
        fn values_come_back_and_can_be_skipped(values in prop::collection::vec(value(), 0..20)) {
            let mut out = Vec::new();
            values.iter().for_each(|value| push_value(&mut out, value));
            let (mut reader, mut skipper) = (Reader(&out), Reader(&out));
            for value in &values {
                prop_assert_eq!(&reader.value().unwrap(), value);
                skipper.skip_value().unwrap();
                prop_assert_eq!(reader.0, skipper.0);
            }
            prop_assert!(reader.is_at_end());
        }
    }

    #[test]
    fn zero_keeps_its_sign() {
        assert_eq!(millionths(0.0), Some(0));
        assert_eq!(millionths(-0.0), None);
        assert_eq!(millionths(12.345_678), Some(12_345_678));
        assert_eq!(millionths(1e300), None);
    }
}
