//! The past, from the store.
//!
//! All series of an answer share one bound on points, and only a few answers are made
//! at once: a store that is slow keeps neither threads nor memory without end.

use super::Query;
use crate::catalogue::{PAGE_VIEWS, SINGLES, by_flat, hundredth};
use crate::hub::Hub;
use crate::problem::Problem;
use crate::times::{parse_step, parse_time, rfc3339};
use crate::wire::{Number, number};
use hyper::StatusCode;
use hyper::header::RETRY_AFTER;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::store::{FieldValue, HistoryQuery, HistoryStore, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;
use warp::reply::Response;

const MOST_POINTS: usize = 10_000;
const MOST_METRICS: usize = 16;
const HALF_HOUR_MS: i64 = 30 * 60_000;
const PATIENCE: Duration = Duration::from_secs(5);

/// Questions of a store that are answered at once, whoever asks.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

#[derive(Debug, Serialize)]
struct Series {
    metric: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    points: Vec<(String, Number)>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_ms: Option<i64>,
    truncated: bool,
    series: Vec<Series>,
}

/// One series that was asked for.
#[derive(Debug)]
struct Wanted {
    name: String,
    metric: Metric,
    field: &'static str,
    /// Whether percentages are shown as fractions.
    fraction: bool,
}

#[derive(Debug)]
struct Range {
    from_ms: i64,
    to_ms: i64,
    step_ms: Option<i64>,
}

pub(super) async fn answer(hub: &Hub, query: Query) -> Result<Response, Problem> {
    super::only(&query, &["metrics", "from", "to", "step", "currency"])?;
    let wanted = wanted(&query)?;
    let range = range(&query, hub.clock.now_ms())?;
    let currency = match query.get("currency") {
        Some(currency) if currency.len() <= 16 => currency.clone(),
        Some(_) => return Err(Problem::bad("currency: expected three letters such as USD")),
        None => hub.state().currency().unwrap_or("USD").to_owned(),
    };
    let Some(store) = hub.history.clone() else {
        let what = "this gateway has no store: configure one, or read the last half hour \
            from /api/v1/snapshot and the metrics channel";
        return Err(unavailable("no history", what));
    };
    let Some(permit) = turn().await else {
        let problem = unavailable("the store is busy", "try again in some seconds");
        return Err(problem.header(RETRY_AFTER, "5"));
    };
    let read = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        read(&store, &wanted, range, &currency)
    });
    match read.await {
        Ok(Ok(answer)) => Ok(super::json(&answer)),
        Ok(Err(error)) => {
            warn!(%error, "the store cannot be read");
            let problem = unavailable("the store cannot be read", "see /readyz and the log");
            Err(problem.header(RETRY_AFTER, "5"))
        }
        Err(_) => Err(unavailable("the store cannot be read", "see the gateway's log")),
    }
}

/// Waits until it is one's turn to ask a store; none if that takes too long.
pub(super) async fn turn() -> Option<SemaphorePermit<'static>> {
    tokio::time::timeout(PATIENCE, AT_ONCE.acquire()).await.ok()?.ok()
}

fn unavailable(title: &'static str, what: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, title, what)
}

fn read(
    store: &Arc<dyn HistoryStore>,
    wanted: &[Wanted],
    range: Range,
    currency: &str,
) -> Result<Answer, StoreError> {
    let Range { from_ms, to_ms, step_ms } = range;
    let mut left = MOST_POINTS;
    let mut series = Vec::new();
    for (place, Wanted { name, metric, field, fraction }) in wanted.iter().enumerate() {
        // A fair share, so that the first series does not take all.
        let most = left / (wanted.len() - place);
        let by_currency = *metric == Metric::RevenuePerUser;
        let tags = by_currency.then(|| ("currency".to_owned(), currency.to_owned()));
        let found = store.history(&HistoryQuery {
            measurement: metric.name().to_lowercase(),
            tags: tags.into_iter().collect(),
            field: (*field).into(),
            from_ms,
            to_ms,
            step_ms,
            most,
        })?;
        let truncated = found.truncated || found.points.len() > most;
        let points = found.points.into_iter().take(most);
        let points: Vec<_> = points.map(|(at, v)| (rfc3339(at), shown(&v, *fraction))).collect();
        left -= points.len();
        let currency = by_currency.then(|| currency.to_owned());
        series.push(Series { metric: name.clone(), currency, points, truncated });
    }
    let truncated = series.iter().any(|series| series.truncated);
    Ok(Answer { from: rfc3339(from_ms), to: rfc3339(to_ms), step_ms, truncated, series })
}

fn shown(value: &FieldValue, fraction: bool) -> Number {
    let shown = crate::days::shown(value)?;
    if fraction { number(hundredth(shown.get())) } else { Some(shown) }
}

fn wanted(query: &Query) -> Result<Vec<Wanted>, Problem> {
    let names: Vec<&str> = match query.get("metrics") {
        Some(names) => names.split(',').filter(|name| !name.is_empty()).collect(),
        None => Vec::new(),
    };
    if names.is_empty() {
        return Err(Problem::bad("metrics: name at least one, such as pageViewsPerSecond"));
    }
    if names.len() > MOST_METRICS {
        return Err(Problem::bad(format!("metrics: at most {MOST_METRICS} in one request")));
    }
    names.into_iter().map(one).collect()
}

fn one(name: &str) -> Result<Wanted, Problem> {
    let wanted = |metric, field, fraction| Wanted { name: name.into(), metric, field, fraction };
    if let Some(single) = by_flat(name) {
        return Ok(wanted(single.metric, "value", single.metric == Metric::ConversionRate));
    }
    if name == PAGE_VIEWS {
        return Ok(wanted(Metric::PageViewsPerSecond, "count", false));
    }
    for (suffix, field) in [(".p50", "p50"), (".p95", "p95"), (".p99", "p99")] {
        if name.strip_suffix(suffix) == Some(Metric::PageLoadTime.name()) {
            return Ok(wanted(Metric::PageLoadTime, field, false));
        }
    }
    let (metric, field) = match name.strip_suffix(".count") {
        Some(metric) => (metric, "count"),
        None => (name, "value"),
    };
    match SINGLES.iter().find(|single| single.metric.name() == metric) {
        Some(single) => Ok(wanted(single.metric, field, false)),
        None => {
            let name: String = name.chars().take(64).collect();
            let flat: Vec<_> = SINGLES.iter().map(|single| single.flat).collect();
            let known = flat.join(", ");
            Err(Problem::bad(format!(
                "unknown metric {name:?}: there are {known}, {PAGE_VIEWS}, their metricTypes \
                 (such as BOUNCE_RATE, BOUNCE_RATE.count), and PAGE_LOAD_TIME.p50, .p95, .p99"
            )))
        }
    }
}

fn range(query: &Query, now_ms: i64) -> Result<Range, Problem> {
    let time = |name: &str, default_ms: i64| match query.get(name) {
        None => Ok(default_ms),
        Some(text) => parse_time(text).ok_or_else(|| {
            let shape = "expected RFC 3339 such as 2026-01-31T12:00:00Z, or ms since 1970";
            Problem::bad(format!("{name}: {shape}"))
        }),
    };
    let to_ms = time("to", now_ms)?;
    let from_ms = time("from", to_ms.saturating_sub(HALF_HOUR_MS))?;
    if from_ms >= to_ms {
        return Err(Problem::bad("from must be before to"));
    }
    let step_ms = match query.get("step") {
        None => None,
        Some(text) => match parse_step(text) {
            Some(ms) => Some(ms),
            None => return Err(Problem::bad("step: expected a length such as 5s, 1m or 1h")),
        },
    };
    Ok(Range { from_ms, to_ms, step_ms })
}
