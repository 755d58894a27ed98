//! Letters between workers: what is too large for one message, or has no epoch. A share
//! of a checkpoint goes from the first worker to one elsewhere, the parts of a checkpoint
//! the other way.
//!
//! A letter travels in pieces. A worker has at most [`PIECES_IN_FLIGHT`] of its own on
//! the way: so what lies in the buffers between processes is bounded, whatever a letter
//! has. It deliberately has no part in the epochs: a letter delays none.

use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Probe;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

/// Bytes of a piece.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces of one sender that have not been acknowledged.
const PIECES_IN_FLIGHT: usize = 8;

/// A piece of a letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Piece {
    from: u64,
    to: u64,
    is_last: bool,
    #[serde(with = "as_bytes")]
    bytes: Vec<u8>,
}

/// A letter that is not all sent.
struct Unsent {
    to: u64,
    bytes: Vec<u8>,
    /// So many bytes are sent.
    sent: usize,
}

/// Letters that have come, and parts of such, by sender.
#[derive(Default)]
struct Arrived {
    begun: BTreeMap<u64, Vec<u8>>,
    whole: VecDeque<Vec<u8>>,
}

/// Where a worker leaves its letters.
#[derive(Clone, Default)]
pub(super) struct Outbox(Rc<RefCell<VecDeque<Unsent>>>);

impl Outbox {
    /// Leaves a letter to a worker.
    pub(super) fn send(&self, to: usize, bytes: Vec<u8>) {
        self.0.borrow_mut().push_back(Unsent { to: to as u64, bytes, sent: 0 });
    }

    fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The next piece, from this worker.
    fn next(&self, from: u64) -> Option<Piece> {
        let mut unsent = self.0.borrow_mut();
        let letter = unsent.front_mut()?;
        let end = letter.bytes.len().min(letter.sent + PIECE_BYTES);
        let bytes = letter.bytes[letter.sent..end].to_vec();
        letter.sent = end;
        let piece = Piece { from, to: letter.to, is_last: end == letter.bytes.len(), bytes };
        if piece.is_last {
            unsent.pop_front();
        }
        Some(piece)
    }
}

/// A worker's part in the exchange of letters. All workers must make theirs at the same
/// place among their dataflows.
pub(super) struct Mail {
    index: u64,
    /// None once nothing more will be sent.
    input: Option<InputHandle<u64, CapacityContainerBuilder<Vec<Piece>>>>,
    probe: ProbeHandle<u64>,
    outbox: Outbox,
    in_flight: Rc<Cell<usize>>,
    arrived: Rc<RefCell<Arrived>>,
}

impl Mail {
    pub(super) fn new(worker: &mut Worker) -> Self {
        let mut input = InputHandle::new();
        let in_flight: Rc<Cell<usize>> = Rc::default();
        let arrived: Rc<RefCell<Arrived>> = Rc::default();
        let (counted, taken) = (Rc::clone(&in_flight), Rc::clone(&arrived));
        let probe = worker.dataflow(|scope| {
            let pieces = input.to_stream(scope);
            let to_reader = Exchange::new(|piece: &Piece| piece.to);
            let acks = pieces.unary::<CapacityContainerBuilder<Vec<u64>>, _, _, _>(
                to_reader,
                "letters",
                move |_, _| {
                    move |input, output| {
                        input.for_each(|capability, pieces| {
                            let mut session = output.session(&capability);
                            for piece in pieces.drain(..) {
                                session.give(piece.from);
                                taken.borrow_mut().take(piece);
                            }
                        });
                    }
                },
            );
            let to_writer = Exchange::new(|from: &u64| *from);
            let none = acks.unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
                to_writer,
                "letters acknowledged",
                move |_, _| {
                    move |input, _| {
                        input.for_each(|_, acks| {
                            counted.set(counted.get() - acks.len());
                            acks.clear();
                        });
                    }
                },
            );
            none.probe().0
        });
        let (index, outbox) = (worker.index() as u64, Outbox::default());
        Self { index, input: Some(input), probe, outbox, in_flight, arrived }
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Sends what may be sent now; returns whether it was anything.
    pub(super) fn send(&mut self) -> bool {
        let Some(input) = &mut self.input else { return false };
        let mut has_sent = false;
        while self.in_flight.get() < PIECES_IN_FLIGHT
            && let Some(piece) = self.outbox.next(self.index)
        {
            self.in_flight.set(self.in_flight.get() + 1);
            input.send(piece);
            has_sent = true;
        }
        if has_sent {
            // What is of a time that is over leaves at once. Nobody looks at the times.
            input.advance_to(input.time() + 1);
        }
        has_sent
    }

    /// A letter that has come.
    pub(super) fn receive(&self) -> Option<Vec<u8>> {
        self.arrived.borrow_mut().whole.pop_front()
    }

    /// Whether all that was left here has been taken by whom it is for.
    pub(super) fn is_idle(&self) -> bool {
        self.outbox.is_empty() && self.in_flight.get() == 0
    }

    /// Sends nothing more, once all is sent; returns whether no other worker does, and
    /// all that has come was received.
    pub(super) fn end(&mut self) -> bool {
        if self.is_idle() {
            self.input = None;
        }
        self.input.is_none() && self.probe.done() && self.arrived.borrow().whole.is_empty()
    }
}

impl Arrived {
    fn take(&mut self, piece: Piece) {
        let bytes = self.begun.entry(piece.from).or_default();
        bytes.extend_from_slice(&piece.bytes);
        if piece.is_last {
            self.whole.extend(self.begun.remove(&piece.from));
        }
    }
}

/// Bytes as one value of serde, not one for each byte.
pub(crate) mod as_bytes {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}
