//! A result and its bytes.
//!
//! A line is `{"metricType",…,fields…` and a tail: `"state"`, and unless only
//! finals are written, `"watermark"` and `"epoch"`. The part before the tail is
//! the [`Body`]: two results with equal bodies are the same result.

use crate::day::{CampaignPlace, HourPlace};
use crate::decimal::Decimal;
use crate::hour::{Class, JourneyPlace, StepPlace, TransitionPlace};
use crate::json::{self, Object};
use crate::metric::Metric;
use crate::session::SessionRecord;
use std::sync::Arc;

/// One place of a list of a named dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The value: a page, a host, a country …
    pub name: Arc<str>,
    /// Page views.
    pub views: i64,
    /// Distinct users with such a page view.
    pub users: i64,
}

/// One place of the list of cities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CityPlace {
    /// The country.
    pub country: String,
    /// The city.
    pub city: String,
    /// Page views.
    pub views: i64,
    /// Distinct users with such a page view.
    pub users: i64,
}

/// The fields that a type of result has after its dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fields<'a> {
    /// A single value, with what it was counted over.
    Value {
        /// The value.
        value: Decimal,
        /// `count`, where the type has one.
        count: Option<i64>,
    },
    /// The most viewed pages.
    Pages {
        /// In order of rank.
        items: &'a [Place],
        /// Views of the rest.
        other: i64,
        /// All page views.
        count: i64,
    },
    /// Countries and cities.
    Geo {
        /// Countries in order of rank.
        items: &'a [Place],
        /// Views of the other countries.
        other: i64,
        /// Cities in order of rank.
        cities: &'a [CityPlace],
        /// All page views.
        count: i64,
    },
    /// Any other list.
    Names {
        /// In order of rank.
        items: &'a [Place],
        /// Views of the rest.
        other: i64,
        /// All page views.
        count: i64,
    },
    /// Percentiles in ms.
    Percentiles {
        /// 50th, 95th and 99th.
        ms: [i64; 3],
        /// Number of values.
        count: i64,
    },
    /// The most common ways through a site.
    Journeys {
        /// In order of rank.
        items: &'a [JourneyPlace],
        /// In order of rank.
        transitions: &'a [TransitionPlace],
        /// Sessions with a journey.
        count: i64,
    },
    /// The steps of a funnel.
    Funnel {
        /// In their order.
        items: &'a [StepPlace<'a>],
        /// All sessions.
        count: i64,
    },
    /// How sessions are.
    Behaviour {
        /// By page views.
        page_views: &'a [Class],
        /// By duration in ms.
        duration: &'a [Class],
        /// Sessions of users who had one in the 24 hours before.
        returning: i64,
        /// All sessions.
        count: i64,
    },
    /// Campaigns.
    Campaigns {
        /// In order of rank.
        items: &'a [CampaignPlace],
        /// Views of the rest.
        other: i64,
        /// All page views with one.
        count: i64,
    },
    /// The hours of a day.
    Hours {
        /// In their order.
        items: &'a [HourPlace],
        /// All page views.
        count: i64,
    },
    /// A session.
    Session(&'a SessionRecord),
}

/// What identifies a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Its type.
    pub metric: Metric,
    /// Start of its window, ms.
    pub start_ms: i64,
    /// End of its window, ms (of a session: the time it ended at).
    pub end_ms: i64,
    /// Its dimensions, in alphabetical order.
    pub dimensions: &'a [(&'a str, &'a str)],
}

impl Identity<'_> {
    /// Kafka's record key, and the order of `--final-only` files.
    ///
    /// A session's end can change, so it is not part of its key.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(64);
        key.extend_from_slice(self.metric.name().as_bytes());
        key.push(b'|');
        json::integer(&mut key, self.start_ms);
        key.push(b'|');
        if self.metric != Metric::Session {
            json::integer(&mut key, self.end_ms);
        }
        key.push(b'|');
        push_dimensions(&mut key, self.dimensions);
        key
    }

    /// The beginning of its line, up to and with its dimensions, left open.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut o = Object::open(&mut out);
        o.text("metricType", self.metric.name())
            .text("category", self.metric.category())
            .integer("windowStart", self.start_ms)
            .integer("windowEnd", self.end_ms);
        let mut dimensions = Object::open(o.field("dimensions"));
        for (name, value) in self.dimensions {
            dimensions.text(name, value);
        }
        dimensions.close();
        out
    }

    /// The line of a result up to its tail, left open.
    #[must_use]
    pub fn body(&self, fields: &Fields<'_>) -> Body {
        let mut out = self.head();
        fields.write(&mut Object::resume(&mut out));
        Body(out)
    }
}

/// Dimensions in alphabetical order as keys have them: what follows the last bar.
#[must_use]
pub fn dimensions_of_key(dimensions: &[(&str, &str)]) -> String {
    let mut out = Vec::new();
    push_dimensions(&mut out, dimensions);
    String::from_utf8_lossy(&out).into_owned()
}

fn push_dimensions(key: &mut Vec<u8>, dimensions: &[(&str, &str)]) {
    for (i, (name, value)) in dimensions.iter().enumerate() {
        if i > 0 {
            key.push(b',');
        }
        percent_encode(key, name);
        key.push(b'=');
        percent_encode(key, value);
    }
}

fn percent_encode(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &b in text.as_bytes() {
        if b < 0x20 || matches!(b, b'%' | b'|' | b',' | b'=') {
            out.extend_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
        } else {
            out.push(b);
        }
    }
}

/// What a name or value in a key stands for; none if it is not encoded as one is.
#[must_use]
pub fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// A line up to its tail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body(pub Vec<u8>);

impl Fields<'_> {
    fn write(&self, o: &mut Object<'_>) {
        match self {
            Self::Value { value, count } => {
                value.write(o.field("value"));
                if let Some(count) = count {
                    o.integer("count", *count);
                }
            }
            Self::Pages { items, other, count } => {
                o.array("items", *items, |out, p| page(out, p, *count));
                o.integer("other", *other).integer("count", *count);
            }
            Self::Geo { items, other, cities, count } => {
                o.array("items", *items, |out, p| place(out, "country", p));
                o.integer("other", *other).array("cities", *cities, city).integer("count", *count);
            }
            Self::Names { items, other, count } => {
                o.array("items", *items, |out, p| place(out, "name", p));
                o.integer("other", *other).integer("count", *count);
            }
            Self::Percentiles { ms: [p50, p95, p99], count } => {
                o.integer("p50", *p50).integer("p95", *p95).integer("p99", *p99);
                o.integer("count", *count);
            }
            Self::Journeys { items, transitions, count } => {
                o.array("items", *items, |out, p| p.write(out));
                o.array("transitions", *transitions, |out, p| p.write(out));
                o.integer("count", *count);
            }
            Self::Funnel { items, count } => {
                let numbered: Vec<_> = (1i64..).zip(*items).collect();
                o.array("items", &numbered, |out, (step, p)| p.write(*step, out));
                o.integer("count", *count);
            }
            Self::Behaviour { page_views, duration, returning, count } => {
                o.array("pageViews", *page_views, |out, c| c.write(out));
                o.array("duration", *duration, |out, c| c.write(out));
                o.integer("newUsers", count - returning).integer("returningUsers", *returning);
                o.integer("count", *count);
            }
            Self::Campaigns { items, other, count } => {
                o.array("items", *items, |out, p| p.write(out));
                o.integer("other", *other).integer("count", *count);
            }
            Self::Hours { items, count } => {
                o.array("items", *items, |out, p| p.write(out));
                o.integer("count", *count);
            }
            Self::Session(session) => session.write(o),
        }
    }
}

fn place(out: &mut Vec<u8>, name: &str, p: &Place) {
    let mut o = Object::open(out);
    o.text(name, &p.name).integer("views", p.views).integer("users", p.users);
    o.close();
}

fn page(out: &mut Vec<u8>, p: &Place, count: i64) {
    let mut o = Object::open(out);
    o.text("url", &p.name).integer("views", p.views).integer("users", p.users);
    Decimal::ratio(i128::from(p.views) * 100, i128::from(count)).write(o.field("share"));
    o.close();
}

fn city(out: &mut Vec<u8>, p: &CityPlace) {
    let mut o = Object::open(out);
    o.text("country", &p.country).text("city", &p.city);
    o.integer("views", p.views).integer("users", p.users);
    o.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(start_ms: i64, dimensions: &[(&str, &str)]) -> String {
        let metric = Metric::RevenuePerUser;
        let identity = Identity { metric, start_ms, end_ms: start_ms + 60_000, dimensions };
        String::from_utf8(identity.key()).unwrap()
    }

    #[test]
    fn what_is_encoded_can_be_read_again() {
        for text in ["", "checkout", "50% x,y|a=b", "ä\n\0", "%+1"] {
            let encoded = dimensions_of_key(&[("n", text)]);
            let encoded = encoded.strip_prefix("n=").unwrap();
            assert_eq!(percent_decode(encoded).as_deref(), Some(text), "{encoded}");
        }
        for wrong in ["a%2", "%FF", "%+1", "%"] {
            assert_eq!(percent_decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_can_be_taken_apart_whatever_its_dimensions_are() {
        assert_eq!(key(-60_000, &[]), "REVENUE_PER_USER|-60000|0|");
        assert_eq!(key(0, &[("currency", "USD")]), "REVENUE_PER_USER|0|60000|currency=USD");
        assert_eq!(
            key(0, &[("a=b", "50% x,y"), ("c", "\0|\x1f\n ~ä\x7f")]),
            "REVENUE_PER_USER|0|60000|a%3Db=50%25 x%2Cy,c=%00%7C%1F%0A ~ä\x7f"
        );
    }
}
