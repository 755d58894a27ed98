//! What a result was made from, by reading the log again.
//!
//! That may take long and read much, so there is one at a time, in a thread of its own and
//! for a limited time; it ends when nobody waits for it any more.

use super::Query;
use crate::explain::Unexplained;
use crate::hub::Hub;
use crate::problem::Problem;
use hyper::StatusCode;
use hyper::header::RETRY_AFTER;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::warn;
use warp::reply::Response;

/// Records (and sessions, and records of each) that are listed unless more are asked for, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// Asks to stop when it is let go.
struct Asked(Arc<AtomicBool>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) async fn answer(hub: &Hub, query: Query) -> Result<Response, Problem> {
    super::only(&query, &["key", "limit"])?;
    let Some(key) = query.get("key").cloned() else {
        let form = "key: name a result, such as \
            key=PAGE_VIEWS_PER_SECOND%7C1703123455000%7C1703123460000%7C, or an alertId";
        return Err(Problem::bad(form));
    };
    let limit = match query.get("limit").map(|text| text.parse::<usize>()) {
        None => USUAL,
        Some(Ok(limit)) if limit <= MOST => limit,
        Some(_) => return Err(Problem::bad(format!("limit: expected a number up to {MOST}"))),
    };
    let Some(explaining) = hub.explaining.clone() else {
        let what = "this gateway has no log of events beside it: ask one that has, or use \
            `streamgauge explain` where the log is";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nothing to explain by", what));
    };
    let Ok(permit) = explaining.turn.clone().try_acquire_owned() else {
        let what = "another result is being explained: try again in some seconds";
        let busy = Problem::new(StatusCode::TOO_MANY_REQUESTS, "one at a time", what);
        return Err(busy.header(RETRY_AFTER, "5"));
    };
    let asked = Asked(Arc::new(AtomicBool::new(false)));
    let stop = asked.0.clone();
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        explaining.explain.explain(&key, limit, &stop)
    });
    let Ok(worked) = tokio::time::timeout(hub.settings.explain_timeout, work).await else {
        let seconds = hub.settings.explain_timeout.as_secs();
        let what = format!(
            "it takes more than {seconds} s: `streamgauge explain KEY --data-dir DIR` has no limit"
        );
        return Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "too much to read", what));
    };
    match worked {
        Ok(Ok(json)) => Ok(super::body(json, "application/json")),
        Ok(Err(Unexplained::NoKey(reason))) => Err(Problem::bad(reason)),
        Ok(Err(Unexplained::Unknown(reason))) => {
            Err(Problem::new(StatusCode::NOT_FOUND, "no such result", reason))
        }
        Ok(Err(Unexplained::Failed(error))) => {
            warn!(%error, "a result cannot be explained");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it cannot be explained", error))
        }
        Err(_) => {
            let what = "see the gateway's log";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it cannot be explained", what))
        }
    }
}
