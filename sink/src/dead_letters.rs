//! The bytes of a dead letter.

use crate::json::{self, Object};
use crate::results::{Record, Topic};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use streamgauge_ingest::dead_letter::{DeadLetter, Head, value_hash};
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::lateness::Family;

/// The reason of a point that a store has refused. It is none of the reasons of events.
pub const REFUSED_POINT: &str = "refused_point";

/// The reason of a result that is larger than its topic takes. It is none of those of events.
pub const TOO_LARGE: &str = "too_large";
/// Bytes of its key that are shown.
const KEY_BYTES: usize = 256;

/// The partition of a dead letter that is no event: no log of events has it.
pub const NO_PARTITION: u32 = u32::MAX;

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

/// The record of a point, as a line of InfluxDB's protocol, that a store has refused.
/// `detail` says why, `epoch` is the one of its result.
///
/// It is no event, so it has no place in their log: its partition is [`NO_PARTITION`], and
/// its offset 53 bits of its hash, as many as every reader of JSON can have. So the same
/// point has the same key each time that it is refused.
#[must_use]
pub fn refused_point(line: &[u8], detail: &str, epoch: u64) -> Record {
    let hash = value_hash(line);
    let (partition, offset) = (NO_PARTITION, hash >> 11);
    let mut value = Vec::new();
    let mut o = Object::open(&mut value);
    o.integer("partition", partition).integer("offset", offset).text("reason", REFUSED_POINT);
    o.text("detail", detail);
    end(o, hash, &Head::of(line, line.len()), Some(epoch));
    let key = format!("{partition}|{offset}").into_bytes();
    Record { topic: Topic::DeadLetters, epoch, key, value: Some(value) }
}

/// The record of a result that is larger than its topic takes. Its partition is as above; its
/// offset is made from the hashes of its key and its value, so the same result has the same
/// key each time.
#[must_use]
pub fn too_large(result: &Record) -> Record {
    let bytes = result.value.as_deref().unwrap_or_default();
    let hash = value_hash(bytes);
    let (partition, offset) = (NO_PARTITION, (hash ^ value_hash(&result.key).rotate_left(1)) >> 11);
    let mut value = Vec::new();
    let mut o = Object::open(&mut value);
    o.integer("partition", partition).integer("offset", offset).text("reason", TOO_LARGE);
    o.text("detail", &too_large_detail(result));
    end(o, hash, &Head::of(bytes, bytes.len()), Some(result.epoch));
    let key = format!("{partition}|{offset}").into_bytes();
    Record { topic: Topic::DeadLetters, epoch: result.epoch, key, value: Some(value) }
}

/// What is too large, in words.
#[must_use]
pub fn too_large_detail(result: &Record) -> String {
    let Record { topic, epoch, key, value } = result;
    let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
    let shown = String::from_utf8_lossy(&key[..key.len().min(KEY_BYTES)]);
    let topic = topic.name();
    format!("{bytes} bytes of {topic}, epoch {epoch}, key {shown}: more than the topic takes")
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
    o.text("detail", &letter.detail);
    end(o, letter.hash, &letter.head, epoch);
}

/// The fields that every dead letter ends with.
fn end(mut o: Object<'_>, hash: u64, head: &Head, epoch: Option<u64>) {
    o.text("hash", &format!("{hash:016x}"));
    match head {
        Head::Text(text) => o.text("head", text),
        Head::Bytes(bytes) => o.text("headBase64", &STANDARD.encode(bytes)),
    };
    if let Some(epoch) = epoch {
        o.integer("epoch", epoch);
    }
    o.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_point_is_a_dead_letter_that_no_event_can_be() {
        let record = refused_point(b"a,b=c d=1 5", "field \"d\" is an integer", 7);
        let value = String::from_utf8(record.value.unwrap()).unwrap();
        let hash = value_hash(b"a,b=c d=1 5");
        let offset = hash >> 11;
        let expected = format!(
            r#"{{"partition":4294967295,"offset":{offset},"reason":"refused_point","detail":"field \"d\" is an integer","hash":"{hash:016x}","head":"a,b=c d=1 5","epoch":7}}"#
        );
        assert_eq!(value, expected);
        assert_eq!(record.key, format!("4294967295|{offset}").into_bytes());
        assert!(Reason::ALL.iter().all(|reason| reason.as_str() != REFUSED_POINT));
    }

    #[test]
    fn a_result_that_is_too_large_is_told_by_its_key_its_length_and_its_head() {
        let key = format!("session {}", "k".repeat(300));
        let value = Some(format!("{{\"page\":\"{}\"}}", "x".repeat(1_000)).into_bytes());
        let result = Record { topic: Topic::Sessions, epoch: 7, key: key.into_bytes(), value };
        let letter = too_large(&result);
        let json: serde_json::Value = serde_json::from_slice(&letter.value.unwrap()).unwrap();
        let detail = json["detail"].as_str().unwrap();
        let shown = format!("key session {}: more", "k".repeat(KEY_BYTES - 8));
        assert!(detail.starts_with("1319 bytes of sessions, epoch 7, ") && detail.contains(&shown));
        assert_eq!(json["head"].as_str().unwrap().len(), 256);
        assert_eq!((&json["reason"], &json["epoch"]), (&"too_large".into(), &7.into()));
        let partition = NO_PARTITION;
        assert_eq!(letter.key, format!("{partition}|{}", json["offset"]).into_bytes());
        // Another key with the same value is another letter.
        let other = Record { key: b"other".to_vec(), ..result };
        assert_ne!(too_large(&other).key, letter.key);
        assert!(Reason::ALL.iter().all(|reason| reason.as_str() != TOO_LARGE));
    }
}
