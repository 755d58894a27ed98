//! What is answered over HTTP.
//!
//! Everything is read; nothing can be changed. Faults are problems as RFC 9457 has
//! them, each with what to do.

mod days;
mod explain;
mod history;
mod hour;
mod prometheus;
mod ready;
mod snapshot;

use crate::hub::Hub;
use crate::problem::Problem;
use hyper::StatusCode;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use warp::reject::{InvalidQuery, MethodNotAllowed, Rejection};
use warp::reply::Response;
use warp::{Filter, Reply};

/// The parameters of a request.
type Query = BTreeMap<String, String>;

const PAGE: &str = include_str!("../page.html");
/// The page is one file and talks to nobody but this gateway.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src \
    'unsafe-inline'; img-src data:; connect-src 'self' ws: wss:; base-uri 'none'; \
    frame-ancestors 'none'";

/// All routes.
pub(crate) fn routes(
    hub: Arc<Hub>,
) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone + Send + Sync + 'static {
    let get = warp::get().or(warp::head()).unify();
    let hub = warp::any().map(move || hub.clone());
    let query = warp::query::<Query>();
    let page = warp::path::end().and(get).map(page);
    let health = warp::path!("healthz").and(get).map(|| json(&BTreeMap::from([("alive", true)])));
    let ready =
        warp::path!("readyz").and(get).and(hub.clone()).map(|hub: Arc<Hub>| ready::answer(&hub));
    let metrics = warp::path!("metrics").and(get).and(hub.clone()).map(|hub: Arc<Hub>| {
        let text = "text/plain; version=0.0.4; charset=utf-8";
        body(prometheus::text(&hub), text)
    });
    let snapshot = warp::path!("api" / "v1" / "snapshot")
        .and(get)
        .and(hub.clone())
        .and(query)
        .map(|hub: Arc<Hub>, query: Query| or_problem(snapshot::answer(&hub, &query)));
    let history =
        warp::path!("api" / "v1" / "history").and(get).and(hub.clone()).and(query).then(
            async |hub: Arc<Hub>, query: Query| or_problem(history::answer(&hub, query).await),
        );
    let journeys = warp::path!("api" / "v1" / "journeys")
        .and(get)
        .and(hub.clone())
        .and(query)
        .map(|hub: Arc<Hub>, query: Query| or_problem(hour::journeys(&hub, &query)));
    let behaviour = warp::path!("api" / "v1" / "behaviour")
        .and(get)
        .and(hub.clone())
        .and(query)
        .map(|hub: Arc<Hub>, query: Query| or_problem(hour::behaviour(&hub, &query)));
    let funnels = warp::path!("api" / "v1" / "funnels")
        .and(get)
        .and(hub.clone())
        .and(query)
        .map(|hub: Arc<Hub>, query: Query| or_problem(hour::funnels(&hub, &query)));
    let funnel =
        warp::path!("api" / "v1" / "funnels" / String).and(get).and(hub.clone()).and(query).map(
            |name: String, hub: Arc<Hub>, query: Query| {
                or_problem(hour::funnel(&hub, &name, &query))
            },
        );
    let days = warp::path!("api" / "v1" / "days")
        .and(get)
        .and(hub.clone())
        .and(query)
        .then(async |hub: Arc<Hub>, query: Query| or_problem(days::list(&hub, query).await));
    let day = warp::path!("api" / "v1" / "days" / String).and(get).and(hub.clone()).and(query);
    let day = day.then(async |date: String, hub: Arc<Hub>, query: Query| {
        or_problem(days::one(&hub, date, query).await)
    });
    let explain =
        warp::path!("api" / "v1" / "explain").and(get).and(hub).and(query).then(
            async |hub: Arc<Hub>, query: Query| or_problem(explain::answer(&hub, query).await),
        );
    let all = page.or(health).unify().or(ready).unify().or(metrics).unify();
    let all = all.or(snapshot).unify().or(history).unify().or(journeys).unify();
    let all = all
        .or(behaviour)
        .unify()
        .or(funnels)
        .unify()
        .or(funnel)
        .unify()
        .or(days)
        .unify()
        .or(day)
        .unify()
        .or(explain)
        .unify()
        .boxed();
    let small = takes_gzip().and(all.clone()).with(warp::compression::gzip());
    small.map(Reply::into_response).or(all).unify().recover(refused)
}

fn takes_gzip() -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static {
    let accepted = warp::header::optional::<String>("accept-encoding");
    let judged = accepted.and_then(async |accepted: Option<String>| {
        let gzip = |one: &str| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            name.trim() == "gzip"
                && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        };
        match accepted.is_some_and(|accepted| accepted.split(',').any(gzip)) {
            true => Ok(()),
            false => Err(warp::reject::not_found()),
        }
    });
    judged.untuple_one()
}

async fn refused(rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if rejection.is_not_found() {
        let what = "there are /, /ws, /healthz, /readyz, /metrics, /api/v1/snapshot, \
            /api/v1/history, /api/v1/journeys, /api/v1/funnels, /api/v1/funnels/{name}, \
            /api/v1/behaviour, /api/v1/days, /api/v1/days/{date} and /api/v1/explain";
        Problem::new(StatusCode::NOT_FOUND, "not found", what)
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        let what = "use GET: nothing can be changed here";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", what)
            .header(ALLOW, "GET, HEAD")
    } else if rejection.find::<InvalidQuery>().is_some() {
        Problem::bad("the query cannot be read: send name=value pairs, percent-encoded")
    } else {
        Problem::bad("the request cannot be understood")
    };
    Ok(problem.response())
}

fn page() -> Response {
    let mut response = body(PAGE.into(), "text/html; charset=utf-8");
    let policy = HeaderValue::from_static(PAGE_POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn or_problem(answer: Result<Response, Problem>) -> Response {
    answer.unwrap_or_else(|problem| problem.response())
}

/// An answer that is true only now.
fn body(text: String, content_type: &'static str) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(value: &impl Serialize) -> Response {
    body(crate::wire::text(value).to_string(), "application/json")
}

/// Refuses parameters that would be passed over: mostly they are misspelt.
fn only(query: &Query, known: &[&str]) -> Result<(), Problem> {
    match query.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(64).collect();
            let known = match known {
                [] => "there are none here".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            Err(Problem::bad(format!("unknown parameter {name:?}: {known}")))
        }
    }
}
