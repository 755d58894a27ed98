//! Learning the gaps of a record that the scanner has found to be right.
//!
//! The record is scanned once more, by the same scanner, and this time the way it is nested
//! is written down. Nothing is checked here and nothing read. A record is not learned
//! beyond what is not worth it: a field of the wrong type, or very deep nesting.

use super::super::fields::{Group, MoneyLeaf, Name, PageLeaf, SessionLeaf, Target, Top};
use super::super::json::Scanner;
use super::graph::{GapId, Graph, Kind, START, Slot};

const DEEPEST: usize = 32;

/// An object or array that is open, as far as it decides what may follow.
struct Open {
    close: u8,
    within: Within,
    /// The read names that have stood in it, a bit each.
    seen: u8,
}

#[derive(Clone, Copy)]
enum Within {
    Event,
    Read(Group),
    Ignored,
}

/// Its way through a record.
pub(super) struct Learner<'a, 's, 'g> {
    scan: Scanner<'a, 's>,
    graph: &'g mut Graph,
    open: Vec<Open>,
    /// The last gap that ended.
    last: GapId,
    /// Where the next one began.
    start: usize,
    state: Vec<u8>,
}

impl<'a, 's, 'g> Learner<'a, 's, 'g> {
    pub(super) fn new(scan: Scanner<'a, 's>, graph: &'g mut Graph) -> Self {
        Learner { scan, graph, open: Vec::new(), last: START, start: 0, state: Vec::new() }
    }

    /// Learns the record, from its start on; `None` if not to its end.
    pub(super) fn learn(&mut self) -> Option<()> {
        let mut target = None;
        let mut object = Within::Event;
        loop {
            let is_entered = match (self.scan.peek(), target) {
                (b'{', Some(Target::Object(group))) => self.enter(b'}', Within::Read(group))?,
                (b'{', None) => self.enter(b'}', object)?,
                (b'[', None) => self.enter(b']', Within::Ignored)?,
                _ => {
                    self.value(target)?;
                    false
                }
            };
            if !is_entered && self.leave()? {
                return self.gap(Kind::End, Slot::Nowhere);
            }
            target = self.name()?;
            object = Within::Ignored;
        }
    }

    /// Enters an object or array; whether it is not empty.
    fn enter(&mut self, close: u8, within: Within) -> Option<bool> {
        self.scan.at += 1;
        if self.scan.peek() == close {
            self.scan.at += 1;
            return Some(false);
        }
        if self.open.len() == DEEPEST {
            return None;
        }
        self.open.push(Open { close, within, seen: 0 });
        Some(true)
    }

    /// Goes from a value to the next field or element; whether to the end instead.
    fn leave(&mut self) -> Option<bool> {
        while let Some(innermost) = self.open.last() {
            let found = self.scan.peek();
            self.scan.at += 1;
            if found == b',' {
                return Some(false);
            }
            if found != innermost.close {
                return None;
            }
            self.open.pop();
        }
        self.scan.peek();
        Some(true)
    }

    /// Scans a name and its colon, where there is one; what it asks for, if it is read.
    fn name(&mut self) -> Option<Option<Target>> {
        let scan = &mut self.scan;
        let innermost = self.open.last_mut()?;
        let found = match innermost.within {
            Within::Event => named(scan.name::<Top>().ok()?),
            Within::Read(Group::Page) => named(scan.name::<PageLeaf>().ok()?),
            Within::Read(Group::Session) => named(scan.name::<SessionLeaf>().ok()?),
            Within::Read(Group::Money) => named(scan.name::<MoneyLeaf>().ok()?),
            Within::Ignored => {
                if innermost.close == b'}' {
                    scan.peek();
                    scan.string().ok()?;
                    scan.colon().ok()?;
                }
                None
            }
        };
        innermost.seen |= found.map_or(0, |(_, bit)| bit);
        Some(found.map(|(target, _)| target))
    }

    /// Gets past a value that is neither object nor array.
    fn value(&mut self, target: Option<Target>) -> Option<()> {
        let first = self.scan.byte();
        let (kind, slot) = match (first, target) {
            (b'"', None) => (Kind::String, Slot::Nowhere),
            (b'"', Some(Target::Text(slot))) => (Kind::String, Slot::Text(slot)),
            (b'-' | b'0'..=b'9', None) => (Kind::Number, Slot::Nowhere),
            (b'-' | b'0'..=b'9', Some(Target::Number(slot))) => (Kind::Number, Slot::Number(slot)),
            (b'-' | b'0'..=b'9', Some(Target::Timestamp)) => (Kind::Number, Slot::Timestamp),
            (b't' | b'f' | b'n', None) => (Kind::Word, Slot::Nowhere),
            (b'n', Some(_)) => (Kind::Null, Slot::Nowhere),
            _ => return None,
        };
        // A string's quotes belong to the gaps.
        let quote = usize::from(first == b'"');
        self.scan.at += quote;
        self.gap(kind, slot)?;
        self.scan.at -= quote;
        self.scan.skip().ok()?;
        self.start = self.scan.at - quote;
        Some(())
    }

    /// Adds the gap that ends here, and that it follows on the last one. Where its value
    /// goes is no part of the state: that is up to the name in it and to what is open.
    fn gap(&mut self, kind: Kind, slot: Slot) -> Option<()> {
        let bytes = &self.scan.text.as_bytes()[self.start..self.scan.at];
        self.state.clear();
        self.state.extend([kind as u8, u8::try_from(self.open.len()).ok()?]);
        for open in &self.open {
            let within = match open.within {
                Within::Event => 0,
                Within::Ignored => 1,
                Within::Read(group) => 2 + group as u8,
            };
            self.state.extend([open.close, within, open.seen]);
        }
        self.state.extend(u64::try_from(bytes.len()).ok()?.to_le_bytes());
        self.state.extend(bytes);
        self.state.extend(&*self.graph.gaps[usize::from(self.last)].bytes);
        let id = self.graph.intern(&self.state, bytes, kind, slot)?;
        self.graph.link(self.last, id);
        self.last = id;
        Some(())
    }
}

fn named<N: Name>(name: Option<N>) -> Option<(Target, u8)> {
    name.map(|name| (name.target(), name.bit()))
}
