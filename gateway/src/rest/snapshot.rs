//! Everything that is current, at once.

use super::Query;
use crate::catalogue::{LISTS, SINGLES};
use crate::hub::Hub;
use crate::problem::Problem;
use crate::state::current::Current;
use crate::state::{Channel, State};
use crate::times::rfc3339;
use crate::wire::{AlertItem, GroupItem, Number, Pairs, Window, number};
use serde::Serialize;
use serde_json::value::RawValue;
use streamgauge_sink::metric::Metric;
use warp::reply::Response;

#[derive(Serialize)]
struct Single {
    value: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    window: Window,
}

impl Single {
    fn new(now: Current) -> Self {
        let window = Window::new(now.span, now.standing);
        Self { value: number(now.value), count: now.count, window }
    }
}

#[derive(Serialize)]
struct AlertsNow<'a> {
    firing: Vec<AlertItem<'a>>,
    groups: Vec<GroupItem<'a>>,
}

#[derive(Serialize)]
struct Snapshot<'a> {
    stream: String,
    seq: Pairs<&'static str, String>,
    server_time: String,
    watermark: Option<String>,
    metrics: Pairs<&'static str, Option<Single>>,
    #[serde(rename = "pageViews")]
    page_views: Option<i64>,
    #[serde(rename = "revenueCurrency")]
    currency: Option<&'a str>,
    #[serde(rename = "revenuePerUserByCurrency")]
    revenue: Pairs<&'a str, Single>,
    lists: Pairs<&'static str, Option<&'a RawValue>>,
    alerts: AlertsNow<'a>,
    job: Option<&'a RawValue>,
}

pub(super) fn answer(hub: &Hub, query: &Query) -> Result<Response, Problem> {
    super::only(query, &["flat"])?;
    match query.get("flat").map(String::as_str) {
        Some("1" | "true") => {
            let flat = hub.flat().into_iter().map(|(name, value)| (name, number(value)));
            Ok(super::json(&Pairs(flat.collect())))
        }
        None | Some("0" | "false") => {
            let server_time = rfc3339(hub.clock.now_ms());
            let state = hub.state();
            let stream = hub.stream(&state);
            Ok(super::json(&snapshot(&state, stream, server_time)))
        }
        Some(_) => Err(Problem::bad("flat: 1 for the flat map, or leave it out")),
    }
}

fn snapshot(state: &State, stream: String, server_time: String) -> Snapshot<'_> {
    let now = |single| state.current(single);
    let body = |metric: Metric| state.list(metric).and_then(|(_, cell)| cell.body.as_deref());
    Snapshot {
        stream,
        seq: Pairs(Channel::ALL.map(|c| (c.name(), state.seq(c).to_string())).into()),
        server_time,
        watermark: state.watermark_ms().map(rfc3339),
        page_views: now(&SINGLES[0]).and_then(|now| now.count),
        metrics: Pairs(SINGLES.iter().map(|s| (s.flat, now(s).map(Single::new))).collect()),
        currency: state.currency(),
        revenue: Pairs(state.revenue().into_iter().map(|(c, now)| (c, Single::new(now))).collect()),
        lists: Pairs(LISTS.iter().map(|(name, metric)| (*name, body(*metric))).collect()),
        alerts: AlertsNow {
            firing: state.alerts().firing().into_iter().map(AlertItem::new).collect(),
            groups: state.alerts().groups().map(GroupItem::new).collect(),
        },
        job: state.job().and_then(|job| job.raw.as_deref()),
    }
}
