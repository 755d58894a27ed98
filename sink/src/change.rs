//! A change of what is published under a key: the unit that leaves the dataflow.

use crate::digest::Digest;
use crate::json::Object;
use crate::metric::Metric;
use serde::{Deserialize, Serialize};

/// Where a change belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// A result of this type.
    Result(Metric),
    /// An alert.
    Alert,
}

/// What a change makes of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// A result before its window closes.
    Provisional,
    /// A result at the close of its window; a firing alert when its window closes.
    Final,
    /// A result, or an alert, that came or changed after that.
    Corrected,
    /// There is none any more.
    Retracted,
}

impl State {
    /// The `state` of a result.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
            Self::Corrected => "corrected",
            Self::Retracted => "retracted",
        }
    }
}

/// A new value, or the end, of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// Where it belongs.
    pub topic: Topic,
    /// Its identity, and its order in files.
    pub key: Vec<u8>,
    /// What became of it.
    pub state: State,
    /// The line up to its tail; of a retracted result, what identifies it.
    pub body: Vec<u8>,
    /// Digest of the final line it replaces, where there was one and digests are kept.
    pub was: Option<Digest>,
    /// Digest of its final line, where there is one and digests are kept.
    pub now: Option<Digest>,
    /// Whether a final line stood under the key before.
    pub replaces: bool,
}

impl Change {
    /// Appends its line as it stands in a stream of updates, without a line end.
    pub fn write_line(&self, epoch: u64, watermark_ms: i64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.body);
        let mut tail = Object::resume(out);
        if self.topic != Topic::Alert {
            tail.text("state", self.state.name()).integer("watermark", watermark_ms);
        }
        tail.integer("epoch", epoch);
        tail.close();
    }

    /// Appends its line as `--final-only` writes it, without a line end.
    pub fn write_final_line(&self, out: &mut Vec<u8>) {
        write_final_line(self.topic, &self.body, out);
    }
}

/// Appends a body and the tail that `--final-only` gives it.
pub fn write_final_line(topic: Topic, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(body);
    if topic != Topic::Alert {
        Object::resume(out).text("state", State::Final.name());
    }
    out.push(b'}');
}

/// The digest of the final line of a body.
#[must_use]
pub fn final_digest(topic: Topic, body: &[u8]) -> Digest {
    let mut line = Vec::with_capacity(body.len() + 20);
    write_final_line(topic, body, &mut line);
    Digest::of(&line)
}
