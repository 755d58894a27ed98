//! One record's bytes to an event, or to the reason why it is none.
//!
//! Every result depends on who reads the same bytes the same way, so all that
//! is odd in an event is settled here, once: types, absent fields, pages,
//! referrers, campaigns, money, load times. The invariant: the same bytes give
//! the same answer, whatever was decoded before. Decoding knows neither where a
//! record came from nor any other record, so whether it is late, in the future
//! or a duplicate is not decided here; nor does it hold on to the bytes.
//!
//! A typical event is decoded without an allocation: what is lent out lies in
//! the value itself or, where it had to be changed, in the decoder.

mod campaign;
mod draft;
mod event;
mod fault;
mod fields;
mod json;
mod load_time;
mod money;
mod number;
mod page;
mod partition;
mod referrer;
mod rejection;
mod shapes;
mod skip;
mod text;

#[cfg(test)]
mod tests;

pub use event::{Decoded, Kind, LAST_TIMESTAMP_MS};
pub use load_time::{KeptMs, kept_ms};
pub use money::minor_digits;
pub use partition::partition_of;
pub use rejection::{Reason, Rejection};

use draft::Draft;
use json::Scanner;
use shapes::Shapes;

/// Decodes records one after the other, with room that it uses again.
#[derive(Debug)]
pub struct Decoder {
    max_bytes: usize,
    unescaped: String,
    lowered: String,
    closing: Vec<u8>,
    campaigns: Option<campaign::Room>,
    shapes: Option<Shapes>,
}

impl Decoder {
    /// A decoder that rejects values of more than `max_bytes` bytes. It keeps
    /// room for a small multiple of that and another two megabytes at most.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Decoder {
            max_bytes,
            unescaped: String::new(),
            lowered: String::new(),
            closing: Vec::new(),
            campaigns: None,
            shapes: Some(Shapes::default()),
        }
    }

    /// Whether the campaigns of page views are read; a new decoder passes them over.
    #[must_use]
    pub fn with_campaigns(mut self, wanted: bool) -> Self {
        self.campaigns = wanted.then(campaign::Room::default);
        self
    }

    /// Whether the structure of records is learned, which only makes decoding faster; a
    /// new decoder learns it.
    #[must_use]
    pub fn with_shapes(mut self, wanted: bool) -> Self {
        self.shapes = wanted.then(Shapes::default);
        self
    }

    /// Decodes one record's value.
    ///
    /// # Errors
    /// The first of the [reasons](Reason) that applies, in their order, except
    /// [`Reason::Future`] and [`Reason::Late`].
    pub fn decode<'a>(&'a mut self, value: &'a [u8]) -> Result<Decoded<'a>, Rejection<'a>> {
        if value.is_empty() {
            return Err(Rejection::unread(Reason::Empty, ""));
        }
        if value.len() > self.max_bytes {
            let detail = format!("{} bytes, {} allowed", value.len(), self.max_bytes);
            return Err(Rejection::unread(Reason::Oversize, detail));
        }
        let text = match simdutf8::compat::from_utf8(value) {
            Ok(text) => text,
            Err(error) => {
                let detail = format!("at byte {}", error.valid_up_to());
                return Err(Rejection::unread(Reason::NotUtf8, detail));
            }
        };
        let mut draft = Draft::default();
        let shapes = self.shapes.as_mut();
        if !shapes.is_some_and(|shapes| shapes.read(text, &mut draft, &mut self.unescaped)) {
            draft = Draft::default();
            let mut scan = Scanner::new(text, &mut self.unescaped, &mut self.closing);
            if let Err(fault) = draft.read(&mut scan) {
                return Err(Rejection::unread(Reason::Malformed, scan.describe(fault)));
            }
            if let Some(shapes) = &mut self.shapes {
                scan.at = 0;
                shapes.learn(scan);
            }
        }
        let campaigns = self.campaigns.as_mut();
        event::judge(&draft, &self.unescaped, &mut self.lowered, campaigns)
    }
}
