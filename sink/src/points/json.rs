//! The JSON of results, as it stands on the topic.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A line as it stands on the topic: the fields of all types.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line<'a> {
    pub(super) metric_type: String,
    pub(super) window_start: i64,
    pub(super) window_end: i64,
    pub(super) dimensions: BTreeMap<String, String>,
    #[serde(borrow)]
    pub(super) value: Option<&'a RawValue>,
    pub(super) count: Option<i64>,
    #[serde(borrow)]
    pub(super) items: Option<&'a RawValue>,
    pub(super) other: Option<i64>,
    pub(super) cities: Option<Vec<City>>,
    pub(super) p50: Option<i64>,
    pub(super) p95: Option<i64>,
    pub(super) p99: Option<i64>,
    pub(super) transitions: Option<Vec<Transition>>,
    pub(super) page_views: Option<Vec<Class>>,
    pub(super) duration: Option<Vec<Class>>,
    pub(super) new_users: Option<i64>,
    pub(super) returning_users: Option<i64>,
    pub(super) state: String,
}

#[derive(Deserialize)]
pub(super) struct Page<'a> {
    pub(super) url: String,
    pub(super) views: i64,
    pub(super) users: i64,
    #[serde(borrow)]
    pub(super) share: &'a RawValue,
}

#[derive(Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) views: i64,
    pub(super) users: i64,
}

#[derive(Deserialize)]
pub(super) struct Campaign {
    pub(super) source: String,
    pub(super) medium: String,
    pub(super) campaign: String,
    pub(super) views: i64,
    pub(super) users: i64,
}

#[derive(Deserialize)]
pub(super) struct Hour {
    pub(super) hour: i64,
    pub(super) start: i64,
    pub(super) views: i64,
    pub(super) users: i64,
}

#[derive(Deserialize)]
pub(super) struct Country {
    pub(super) country: String,
    pub(super) views: i64,
    pub(super) users: i64,
}

#[derive(Deserialize)]
pub(super) struct City {
    pub(super) country: String,
    pub(super) city: String,
    pub(super) views: i64,
    pub(super) users: i64,
}

#[derive(Deserialize)]
pub(super) struct Path {
    pub(super) path: Vec<String>,
    pub(super) sessions: i64,
}

#[derive(Deserialize)]
pub(super) struct Transition {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) count: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step<'a> {
    pub(super) step: i64,
    pub(super) name: String,
    pub(super) sessions: i64,
    #[serde(borrow)]
    pub(super) drop_off: Option<&'a RawValue>,
    pub(super) median_ms: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Class {
    pub(super) from: i64,
    pub(super) to: Option<i64>,
    pub(super) sessions: i64,
}
