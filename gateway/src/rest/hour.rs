//! Journeys, funnels and behaviour: what is current over the sessions of an hour.
//!
//! Values stand as on the log, digit for digit. Where no session has ended, the answer
//! is null and a word about it, not an error: that is how a quiet site is.

use super::Query;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::state::State;
use crate::state::series::{Cell, Span};
use crate::times::rfc3339;
use crate::wire::{Number, Window, number};
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::percent_decode;
use warp::reply::Response;

/// Places of a list that can be asked for.
pub(super) const MOST_PLACES: usize = 50;
/// Names in a problem: enough to find the one that was meant.
const NAMES_TOLD: usize = 64;
const NOTHING: &str = "no session has ended in the last hour";
const NO_JOURNEY: &str = "no session with a page view has ended in the last hour";

type Raw = Box<RawValue>;

/// What every answer begins with.
#[derive(Serialize)]
struct Answer<T> {
    stream: String,
    server_time: String,
    watermark: Option<String>,
    #[serde(flatten)]
    rest: T,
}

/// A result and its window; or none, and why.
#[derive(Serialize)]
struct Current<T> {
    window: Option<Window>,
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

#[derive(Deserialize, Serialize)]
struct Journeys {
    items: Vec<Raw>,
    transitions: Vec<Raw>,
    count: Raw,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Behaviour {
    page_views: Raw,
    duration: Raw,
    new_users: Raw,
    returning_users: Raw,
    count: Raw,
}

#[derive(Deserialize)]
struct Steps {
    items: Raw,
    count: Raw,
}

/// A share of sessions in percent, and how many they were.
#[derive(Serialize)]
struct Abandonment {
    value: Number,
    count: Option<i64>,
}

#[derive(Serialize)]
struct FunnelData {
    items: Raw,
    count: Raw,
    #[serde(rename = "abandonmentRate")]
    abandonment: Option<Abandonment>,
}

#[derive(Serialize)]
struct Funnel {
    name: String,
    #[serde(flatten)]
    now: Current<FunnelData>,
}

#[derive(Serialize)]
struct Funnels {
    funnels: Vec<Funnel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

pub(super) fn journeys(hub: &Hub, query: &Query) -> Result<Response, Problem> {
    super::only(query, &["limit"])?;
    let limit = match query.get("limit") {
        None => MOST_PLACES,
        Some(text) => places(text, MOST_PLACES)?,
    };
    let state = hub.state();
    let found = state.hour(Metric::Journeys);
    let now = current(found, NO_JOURNEY, |(_, cell)| {
        let mut all: Journeys = fields(cell)?;
        all.items.truncate(limit);
        all.transitions.truncate(limit);
        Some(all)
    });
    Ok(answer(hub, &state, now))
}

pub(super) fn behaviour(hub: &Hub, query: &Query) -> Result<Response, Problem> {
    super::only(query, &[])?;
    let state = hub.state();
    let found = state.hour(Metric::Behaviour);
    let now = current(found, NOTHING, |(_, cell)| fields::<Behaviour>(cell));
    Ok(answer(hub, &state, now))
}

pub(super) fn funnels(hub: &Hub, query: &Query) -> Result<Response, Problem> {
    super::only(query, &[])?;
    let state = hub.state();
    let names = names(hub, &state);
    let note = names.is_empty().then_some("there are no funnels: configure one as [[funnel]]");
    let funnels = names.into_iter().map(|name| one(&state, name)).collect();
    Ok(answer(hub, &state, Funnels { funnels, note }))
}

pub(super) fn funnel(hub: &Hub, name: &str, query: &Query) -> Result<Response, Problem> {
    super::only(query, &[])?;
    let state = hub.state();
    let names = names(hub, &state);
    match percent_decode(name).filter(|name| names.contains(name)) {
        Some(name) => Ok(answer(hub, &state, one(&state, name))),
        None => {
            let name: String = name.chars().take(64).collect();
            let known: Vec<_> = names.into_iter().take(NAMES_TOLD).collect();
            let known = match known.as_slice() {
                [] => "there are none: configure one as [[funnel]]".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            let what = format!("unknown funnel {name:?}: {known}");
            Err(Problem::new(StatusCode::NOT_FOUND, "not found", what))
        }
    }
}

/// The funnels that are configured, or of which there are results.
fn names(hub: &Hub, state: &State) -> BTreeSet<String> {
    hub.settings.funnels.iter().cloned().chain(state.funnels()).collect()
}

fn one(state: &State, name: String) -> Funnel {
    let now = current(state.funnel(&name), NOTHING, |(span, cell)| {
        let Steps { items, count } = fields(cell)?;
        let abandonment = state.abandonment(&name, span).map(|cell| Abandonment {
            value: cell.value.as_deref().and_then(|value| number(value.to_owned())),
            count: cell.count,
        });
        Some(FunnelData { items, count, abandonment })
    });
    Funnel { name, now }
}

fn current<T>(
    found: Option<(Span, &Cell)>,
    none: &'static str,
    data: impl FnOnce((Span, &Cell)) -> Option<T>,
) -> Current<T> {
    let read = found.and_then(|found| Some((Window::new(found.0, found.1.standing), data(found)?)));
    match read {
        Some((window, data)) => Current { window: Some(window), data: Some(data), note: None },
        None => Current { window: None, data: None, note: Some(none) },
    }
}

/// The fields of a record; none if it is not such a one.
fn fields<T: DeserializeOwned>(cell: &Cell) -> Option<T> {
    serde_json::from_str(cell.body.as_ref()?.get()).ok()
}

fn answer(hub: &Hub, state: &State, rest: impl Serialize) -> Response {
    super::json(&Answer {
        stream: hub.stream(state),
        server_time: rfc3339(hub.clock.now_ms()),
        watermark: state.watermark_ms().map(rfc3339),
        rest,
    })
}

/// A limit of a list.
pub(super) fn places(text: &str, most: usize) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| Problem::bad(format!("limit: a whole number from 1 to {most}")))
}
