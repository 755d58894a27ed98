//! One event as a session keeps it.

use crate::user::Value;
use std::rc::Rc;
use streamgauge_ingest::decode::Kind;

/// One event of a session.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Event time, ms.
    pub at_ms: i64,
    /// Its partition: the first tie-break of events at one time.
    pub partition: u32,
    /// Its offset: the second.
    pub offset: u64,
    /// Its type.
    pub kind: Kind,
    /// Of a conversion: its currency.
    pub currency: [u8; 3],
    /// Of a conversion: its value in minor units.
    pub value_minor: i64,
    /// Of a page view: its page.
    pub page: Option<Rc<Value>>,
    /// Its device, if it names one.
    pub device: Option<Rc<Value>>,
    /// Its country, if it names one.
    pub country: Option<Rc<Value>>,
}

impl Entry {
    /// Its place among the events of its session.
    #[must_use]
    pub fn order(&self) -> (i64, u32, u64) {
        (self.at_ms, self.partition, self.offset)
    }

    /// Whether it ends its session.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.kind == Kind::SessionEnd
    }
}
