//! What results over the sessions of an hour list: journeys, transitions, steps of
//! funnels, classes of histograms.

use crate::decimal::Decimal;
use crate::json::{self, Object};

/// A journey, cut at its first pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JourneyPlace {
    /// Its pages.
    pub path: Vec<String>,
    /// Sessions with it.
    pub sessions: i64,
}

impl JourneyPlace {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.array("path", &self.path, |out, page| json::text(out, page));
        o.integer("sessions", self.sessions);
        o.close();
    }
}

/// From one page to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionPlace {
    /// The page.
    pub from: String,
    /// The next.
    pub to: String,
    /// How often.
    pub count: i64,
}

impl TransitionPlace {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.text("from", &self.from).text("to", &self.to).integer("count", self.count);
        o.close();
    }
}

/// A step of a funnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPlace<'a> {
    /// The step's text.
    pub name: &'a str,
    /// Sessions that reached it.
    pub sessions: i64,
    /// Those that reached the step before: none for the first step.
    pub before: Option<i64>,
    /// Median time from the step before, ms.
    pub median_ms: Option<i64>,
}

impl StepPlace<'_> {
    pub(crate) fn write(&self, step: i64, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.integer("step", step).text("name", self.name).integer("sessions", self.sessions);
        if let Some(before) = self.before.filter(|before| *before > 0) {
            let lost = i128::from(before - self.sessions);
            Decimal::ratio(100 * lost, i128::from(before)).write(o.field("dropOff"));
        }
        if let Some(median_ms) = self.median_ms {
            o.integer("medianMs", median_ms);
        }
        o.close();
    }
}

/// A class of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The least value that belongs to it.
    pub from: i64,
    /// The greatest; the last class has none.
    pub to: Option<i64>,
    /// Sessions in it.
    pub sessions: i64,
}

impl Class {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.integer("from", self.from);
        if let Some(to) = self.to {
            o.integer("to", to);
        }
        o.integer("sessions", self.sessions);
        o.close();
    }
}
