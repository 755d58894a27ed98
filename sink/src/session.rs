//! The record of one session.

use crate::json::{self, Object};
use crate::metric::Metric;
use crate::record::{Body, Fields, Identity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EndedBy {
    /// A SESSION_END.
    Event,
    /// Silence.
    Gap,
}

/// A session that has ended, as published.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Time of its first event, ms.
    pub start_ms: i64,
    /// Time of its last event, ms.
    pub end_ms: i64,
    /// The time it ended at, ms.
    pub ended_at_ms: i64,
    /// The user.
    pub user: Arc<str>,
    /// The session id.
    pub session: Arc<str>,
    /// Its page views.
    pub page_views: u64,
    /// All its events.
    pub events: u64,
    /// First and last page, where there is a page view.
    pub entry_exit: Option<(Arc<str>, Arc<str>)>,
    /// Its first pages, consecutive repeats once.
    pub journey: Vec<Arc<str>>,
    /// Length of the whole journey.
    pub journey_length: u64,
    /// Its conversions.
    pub conversions: u64,
    /// Sum of their values per currency, in minor units.
    pub revenue_minor: BTreeMap<[u8; 3], i128>,
    /// Per funnel (in the order of their names' bytes): reached the abandonment step, and not the last.
    pub abandoned: Vec<(Arc<str>, bool)>,
    /// What ended it.
    pub ended_by: EndedBy,
    /// Of the first event that has one.
    pub device: Arc<str>,
    /// Of the first event that has one.
    pub country: Arc<str>,
}

impl SessionRecord {
    /// Time between first and last event, ms.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }

    /// Exactly one page view and no conversion.
    #[must_use]
    pub fn bounced(&self) -> bool {
        self.page_views == 1 && self.conversions == 0
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.identify(|identity| identity.key())
    }

    /// What identifies it: the beginning of its line, left open.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        self.identify(|identity| identity.head())
    }

    /// Its line up to the tail.
    #[must_use]
    pub fn body(&self) -> Body {
        self.identify(|identity| identity.body(&Fields::Session(self)))
    }

    fn identify<T>(&self, with: impl FnOnce(&Identity<'_>) -> T) -> T {
        let dimensions = [("session", &*self.session), ("user", &*self.user)];
        with(&Identity {
            metric: Metric::Session,
            start_ms: self.start_ms,
            end_ms: self.ended_at_ms,
            dimensions: &dimensions,
        })
    }

    pub(crate) fn write(&self, o: &mut Object<'_>) {
        o.text("userId", &self.user)
            .text("sessionId", &self.session)
            .integer("start", self.start_ms)
            .integer("end", self.end_ms)
            .integer("durationMs", self.duration_ms())
            .integer("pageViews", self.page_views)
            .integer("events", self.events);
        if let Some((entry, exit)) = &self.entry_exit {
            o.text("entryPage", entry).text("exitPage", exit);
        }
        o.array("journey", &self.journey, |out, page| json::text(out, page))
            .integer("journeyLength", self.journey_length)
            .integer("conversions", self.conversions);
        let mut revenue = Object::open(o.field("revenueMinor"));
        for (currency, minor) in &self.revenue_minor {
            revenue.integer(&String::from_utf8_lossy(currency), *minor);
        }
        revenue.close();
        o.boolean("bounced", self.bounced());
        let mut abandoned = Vec::new();
        let mut flags = Object::open(&mut abandoned);
        for (funnel, flag) in &self.abandoned {
            // A funnel's name is any text, so it is escaped here and not taken as it is.
            let mut name = Vec::new();
            json::text(&mut name, funnel);
            let inner = String::from_utf8_lossy(&name[1..name.len() - 1]).into_owned();
            flags.boolean(&inner, *flag);
        }
        flags.close();
        o.field("abandoned").extend_from_slice(&abandoned);
        let ended_by = match self.ended_by {
            EndedBy::Event => "event",
            EndedBy::Gap => "gap",
        };
        o.text("endedBy", ended_by).text("device", &self.device).text("country", &self.country);
    }
}
