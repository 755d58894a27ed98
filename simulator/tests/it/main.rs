//! The simulator as its users see it.

use streamgauge_simulator::{Emitted, Generator, Options};

mod files;
mod shop;
mod way;

/// Everything the options give, each record with its bytes.
fn generate(options: Options) -> Vec<(Emitted, Vec<u8>)> {
    let mut generator = Generator::new(options).expect("valid options");
    let mut records = Vec::new();
    loop {
        let mut value = Vec::new();
        match generator.next_event(&mut value) {
            Some(emitted) => records.push((emitted, value)),
            None => return records,
        }
    }
}

/// So many records, all on time.
fn options(events: u64) -> Options {
    Options { events: Some(events), disorder_ms: 0, ..Options::default() }
}

/// `found` is within `tolerance` of `wanted`.
fn near(name: &str, found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{name}: {found}, not {wanted} ± {tolerance}");
}
