//! Files read back as what was written.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use streamgauge_simulator::Output;

use crate::{generate, options};

fn check(name: &str, read: fn(PathBuf) -> Vec<u8>) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut expected = Vec::new();
    let mut output = Output::create(&path).expect("a new file");
    for (index, (_, value)) in generate(options(2_000)).into_iter().enumerate() {
        output.write_record(&value).expect("space");
        if index == 1_000 {
            output.flush().expect("space");
        }
        expected.extend_from_slice(&value);
        expected.push(b'\n');
    }
    output.finish().expect("space");
    let found = read(path.clone());
    assert!(found == expected, "{name} differs");
    fs::remove_file(path).expect("it was there");
}

fn plain(path: PathBuf) -> Vec<u8> {
    fs::read(path).expect("a file")
}

fn gzip(path: PathBuf) -> Vec<u8> {
    let mut text = Vec::new();
    let compressed = fs::read(path).expect("a file");
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut text).expect("gzip");
    assert!(compressed.len() * 3 < text.len());
    text
}

fn zstandard(path: PathBuf) -> Vec<u8> {
    let compressed = fs::read(path).expect("a file");
    let text = zstd::decode_all(&compressed[..]).expect("zstd");
    assert!(compressed.len() * 3 < text.len());
    text
}

#[test]
fn each_ending_has_its_format() {
    check("events.jsonl", plain);
    check("events.jsonl.gz", gzip);
    check("events.jsonl.zst", zstandard);
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let missing = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no/such/folder/events.jsonl");
    let error = Output::create(&missing).err().expect("no folder").to_string();
    assert!(error.starts_with("cannot create") && error.contains("events.jsonl"), "{error}");
}

#[test]
fn a_damaged_packed_file_is_found_out() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("damaged.jsonl.zst");
    let mut output = Output::create(&path).expect("a new file");
    // Small and without repetition, so that it is stored as it is.
    output.write_record(b"qwertyuiop").expect("space");
    output.finish().expect("space");
    let mut stored = fs::read(&path).expect("a file");
    let at = stored.iter().position(|byte| *byte == b'w').expect("as it is");
    stored[at] = b'W';
    assert!(zstd::decode_all(&stored[..]).is_err());
    fs::remove_file(path).expect("it was there");
}
