//! One thing that happened, before it is written.
//!
//! An event is small and copied freely: whatever has to wait for its turn
//! (late, out of order, sent twice) waits in this form, and its text is made
//! when it leaves. Everything that is not here follows from `nonce`, so writing
//! an event twice gives the same bytes.

use crate::journey::{Conversion, Place};
use crate::visitor::Visitor;

/// What a visitor did, as recorded by a site's tracker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Microseconds since the start of the simulation.
    pub(crate) at_us: u64,
    pub(crate) nonce: u64,
    pub(crate) action: Action,
    pub(crate) visitor: Visitor,
    /// The number of the session among all.
    pub(crate) session: u32,
    /// Which event of its session this is, from 0.
    pub(crate) sequence: u16,
    /// The page it happened on.
    pub(crate) place: Place,
    /// The product the visitor has in mind or in the cart.
    pub(crate) product: u32,
    /// How the visitor came, a place in the table of sources.
    pub(crate) source: u8,
}

/// The kinds of events, with what belongs to one kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    /// The first page of a session carries the campaign in its address.
    View {
        landing: bool,
    },
    Convert(Conversion),
    End,
}

/// The `eventType` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// A page was shown.
    PageView,
    /// A visitor came.
    SessionStart,
    /// A visitor left, and the tracker noticed.
    SessionEnd,
    /// A purchase, a registration, a subscription.
    Conversion,
}

impl EventType {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            EventType::PageView => "PAGE_VIEW",
            EventType::SessionStart => "SESSION_START",
            EventType::SessionEnd => "SESSION_END",
            EventType::Conversion => "CONVERSION",
        }
    }
}

impl Event {
    pub(crate) fn event_type(&self) -> EventType {
        match self.action {
            Action::Start => EventType::SessionStart,
            Action::View { .. } => EventType::PageView,
            Action::Convert(_) => EventType::Conversion,
            Action::End => EventType::SessionEnd,
        }
    }

    /// `user_1234` of a known visitor; the first of the pool is `user_1000`.
    pub(crate) fn user_id(&self) -> Option<Key> {
        let number = 1000 + u64::from(self.visitor.member?);
        let mut key = Key::empty();
        key.push(b"user_");
        key.push(itoa::Buffer::new().format(number).as_bytes());
        Some(key)
    }

    /// `session_ab12cd34`: unique among four thousand million sessions.
    pub(crate) fn session_id(&self) -> Key {
        // Odd factors and shifted exclusive ors map numbers one to one, so no
        // two sessions share an id, and neighbours do not look alike.
        let scattered = (self.session ^ self.session >> 15).wrapping_mul(0x9e37_79b1);
        let id = (scattered ^ scattered >> 13).wrapping_mul(0x85eb_ca6b);
        let mut key = Key::empty();
        key.push(b"session_");
        for shift in (0..8).rev() {
            key.push(&[HEX[(id >> (4 * shift) & 15) as usize]]);
        }
        key
    }

    /// The key the record is produced with.
    pub(crate) fn key(&self) -> Key {
        self.user_id().unwrap_or_else(|| self.session_id())
    }
}

/// Lower-case digits.
pub(crate) const HEX: &[u8; 16] = b"0123456789abcdef";

/// The key of a record: the `userId`, or the `sessionId` of one without. At
/// most 16 bytes of ASCII, kept in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    bytes: [u8; 16],
    len: u8,
}

impl Key {
    fn empty() -> Self {
        Key { bytes: [0; 16], len: 0 }
    }

    fn push(&mut self, part: &[u8]) {
        let from = usize::from(self.len);
        self.bytes[from..from + part.len()].copy_from_slice(part);
        self.len += u8::try_from(part.len()).expect("at most 16 bytes");
    }

    /// The key as it goes onto the log.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
