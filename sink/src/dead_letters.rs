//! The bytes of a dead letter.

use crate::json::{self, Object};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use streamgauge_ingest::dead_letter::{DeadLetter, Head};
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::lateness::Family;

/// Its place in a file: partition, offset.
#[must_use]
pub fn key(letter: &DeadLetter) -> Vec<u8> {
    let mut key = letter.partition.to_be_bytes().to_vec();
    key.extend_from_slice(&letter.offset.to_be_bytes());
    key
}

/// Appends its line as a file has it (without `epoch`), without a line end.
pub fn write_line(letter: &DeadLetter, out: &mut Vec<u8>) {
    write(letter, None, out);
}

/// Appends its record as the topic has it.
pub fn write_record(letter: &DeadLetter, epoch: u64, out: &mut Vec<u8>) {
    write(letter, Some(epoch), out);
}

/// Its key on the topic: partition and offset as text.
#[must_use]
pub fn record_key(letter: &DeadLetter) -> Vec<u8> {
    format!("{}|{}", letter.partition, letter.offset).into_bytes()
}

fn write(letter: &DeadLetter, epoch: Option<u64>, out: &mut Vec<u8>) {
    let mut o = Object::open(out);
    o.integer("partition", letter.partition)
        .integer("offset", letter.offset)
        .text("reason", letter.reason.as_str());
    if letter.reason == Reason::Late {
        let names = letter.families.iter().map(Family::name);
        o.array("families", names, json::text);
    }
    o.text("detail", &letter.detail).text("hash", &format!("{:016x}", letter.hash));
    match &letter.head {
        Head::Text(text) => o.text("head", text),
        Head::Bytes(bytes) => o.text("headBase64", &STANDARD.encode(bytes)),
    };
    if let Some(epoch) = epoch {
        o.integer("epoch", epoch);
    }
    o.close();
}
