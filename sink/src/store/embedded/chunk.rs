//! A chunk: the points of one field of one series within an hour, as bytes.
//!
//! Times in order, as differences of differences: what comes at regular times takes a
//! byte each. Then the values, by what they all are: numbers as differences, texts as
//! runs of places in a list of distinct ones. What is mixed, or does not fit, stands
//! as it is.

use super::Fault;
use super::bytes::{self, Reader};
use crate::store::FieldValue;

/// Length of a chunk, ms.
pub(super) const CHUNK_MS: i64 = 3_600_000;

const INTEGERS: u8 = 0;
const DECIMALS: u8 = 1;
const TEXTS: u8 = 2;
const MIXED: u8 = 3;

/// Times, ms, all different and in order, and values.
pub(super) type Points = Vec<(i64, FieldValue)>;

/// The bytes of a chunk.
pub(super) fn encode(points: &[(i64, FieldValue)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + points.len() * 3);
    bytes::push_varint(&mut out, points.len() as u64);
    let (mut time_ms, mut step_ms) = (0, 0);
    for (next_ms, _) in points {
        let next_step_ms = next_ms.wrapping_sub(time_ms);
        bytes::push_signed(&mut out, next_step_ms.wrapping_sub(step_ms));
        (time_ms, step_ms) = (*next_ms, next_step_ms);
    }
    let integer = |value: &FieldValue| match value {
        FieldValue::Integer(integer) => Some(*integer),
        _ => None,
    };
    let decimal = |value: &FieldValue| match value {
        FieldValue::Float(float) => bytes::millionths(*float),
        _ => None,
    };
    if let Some(integers) = all(points, integer) {
        out.push(INTEGERS);
        push_differences(&mut out, &integers);
    } else if let Some(decimals) = all(points, decimal) {
        out.push(DECIMALS);
        push_differences(&mut out, &decimals);
    } else if let Some(texts) = points.iter().map(|(_, v)| text(v)).collect::<Option<Vec<_>>>() {
        out.push(TEXTS);
        push_runs(&mut out, &texts);
    } else {
        out.push(MIXED);
        points.iter().for_each(|(_, value)| bytes::push_value(&mut out, value));
    }
    out
}

fn text(value: &FieldValue) -> Option<&str> {
    match value {
        FieldValue::Text(text) => Some(text),
        _ => None,
    }
}

fn all(
    points: &[(i64, FieldValue)],
    number: impl Fn(&FieldValue) -> Option<i64>,
) -> Option<Vec<i64>> {
    points.iter().map(|(_, value)| number(value)).collect()
}

fn push_differences(out: &mut Vec<u8>, numbers: &[i64]) {
    let mut before = 0;
    for number in numbers {
        bytes::push_signed(out, number.wrapping_sub(before));
        before = *number;
    }
}

fn push_runs(out: &mut Vec<u8>, texts: &[&str]) {
    let mut distinct = texts.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    bytes::push_varint(out, distinct.len() as u64);
    distinct.iter().for_each(|text| bytes::push_text(out, text));
    for run in texts.chunk_by(|a, b| a == b) {
        let place = distinct.partition_point(|text| *text < run[0]);
        bytes::push_varint(out, place as u64);
        bytes::push_varint(out, run.len() as u64);
    }
}

/// The points of a chunk.
pub(super) fn decode(bytes: &[u8]) -> Result<Points, Fault> {
    let mut reader = Reader(bytes);
    let len = reader.len()?;
    if len > bytes.len() {
        return Err(Fault::Damaged("a chunk is too short"));
    }
    let mut times_ms = Vec::with_capacity(len);
    let (mut time_ms, mut step_ms) = (0i64, 0i64);
    for _ in 0..len {
        step_ms = step_ms.wrapping_add(reader.signed()?);
        time_ms = time_ms.wrapping_add(step_ms);
        times_ms.push(time_ms);
    }
    let values = values(&mut reader, len)?;
    Ok(times_ms.into_iter().zip(values).collect())
}

fn values(reader: &mut Reader<'_>, len: usize) -> Result<Vec<FieldValue>, Fault> {
    let mut values = Vec::with_capacity(len);
    match reader.byte()? {
        kind @ (INTEGERS | DECIMALS) => {
            let mut number = 0i64;
            for _ in 0..len {
                number = number.wrapping_add(reader.signed()?);
                values.push(if kind == INTEGERS {
                    FieldValue::Integer(number)
                } else {
                    FieldValue::Float(bytes::from_millionths(number))
                });
            }
        }
        TEXTS => {
            let distinct = (0..reader.len()?).map(|_| reader.text());
            let distinct = distinct.collect::<Result<Vec<_>, _>>()?;
            while values.len() < len {
                let (place, run) = (reader.len()?, reader.len()?);
                let text = distinct.get(place).ok_or(Fault::Damaged("a text is missing"))?;
                if run == 0 || run > len - values.len() {
                    return Err(Fault::Damaged("a run of texts is too long"));
                }
                values.extend((0..run).map(|_| FieldValue::Text((*text).to_owned())));
            }
        }
        MIXED => {
            for _ in 0..len {
                values.push(reader.value()?);
            }
        }
        _ => return Err(Fault::Damaged("a chunk of an unknown kind")),
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn values() -> impl Strategy<Value = Vec<FieldValue>> {
        let integer = || any::<i64>().prop_map(FieldValue::Integer);
        let decimal =
            || (0..100_000_000i64).prop_map(|n| FieldValue::Float(bytes::from_millionths(n)));
        let text = || "[ab]{0,2}".prop_map(FieldValue::Text);
        prop_oneof![
            prop::collection::vec(integer(), 50),
            prop::collection::vec(decimal(), 50),
            prop::collection::vec(text(), 50),
            prop::collection::vec(prop_oneof![integer(), decimal(), text()], 50),
        ]
    }

    proptest! {
        #[test]
        fn chunks_come_back(times in prop::collection::vec(any::<i64>(), 0..50), values in values()) {
            let points: BTreeMap<_, _> = times.into_iter().zip(values).collect();
            let points: Points = points.into_iter().collect();
            prop_assert_eq!(decode(&encode(&points)).unwrap(), points);
        }

        #[test]
        fn damaged_chunks_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn regular_points_take_few_bytes() {
        let points: Points = (0..720)
            .map(|i| (1_703_123_460_000 + i * 5000, FieldValue::Text("final".to_owned())))
            .collect();
        assert!(encode(&points).len() < 750);
    }
}
