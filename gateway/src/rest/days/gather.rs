//! What is known of days: from memory, and of those that are over from the history.
//!
//! Without a history, or where it cannot be read, what is in memory is told nevertheless,
//! and that something may be missing is said.

use super::super::history::turn;
use crate::days::calendar::Day;
use crate::days::{Extent, Facts};
use crate::hub::Hub;
use crate::state::series::Span;
use std::sync::Arc;
use tracing::warn;

const NO_STORE: &str = "this gateway has no store: it knows what has been published since it \
    was started, and shortly before";
const BUSY: &str = "the store is busy: what is not in memory is missing";
const UNREADABLE: &str = "the store cannot be read: what is not in memory is missing";

/// What is known of some days.
pub(super) struct Gathered {
    /// Of each day that was asked for.
    pub(super) facts: Vec<Facts>,
    /// Up to where events have been seen, ms.
    pub(super) watermark_ms: Option<i64>,
    /// What may be missing, and why.
    pub(super) note: Option<&'static str>,
}

/// Gathers so much of these days.
pub(super) async fn facts(hub: &Hub, asked: &[(Day, Extent)]) -> Gathered {
    let (mut facts, watermark_ms) = {
        let state = hub.state();
        let of = |(day, extent): &(Day, Extent)| {
            state.day(Span { end_ms: day.end_ms, start_ms: day.start_ms }, *extent)
        };
        (asked.iter().map(of).collect::<Vec<_>>(), state.watermark_ms())
    };
    // A day that is not over has no final results, and the history none of it.
    let is_over = |day: &Day| watermark_ms.is_none_or(|ms| day.end_ms <= ms);
    let over = asked.iter().enumerate().filter(|(_, (day, _))| is_over(day));
    let over: Vec<_> = over.map(|(place, (day, extent))| (place, (day.end_ms, *extent))).collect();
    let keys = over.iter().map(|(_, key)| *key).collect();
    let (found, note) = past(hub, keys).await;
    for ((place, _), past) in over.iter().zip(&found) {
        if let Some(past) = past {
            facts[*place] = std::mem::take(&mut facts[*place]).or(past);
        }
    }
    Gathered { facts, watermark_ms, note }
}

type Found = Vec<Option<Arc<Facts>>>;

/// What the history has of the days that end then.
async fn past(hub: &Hub, keys: Vec<(i64, Extent)>) -> (Found, Option<&'static str>) {
    let Some(days) = &hub.days else { return (Vec::new(), None) };
    let now_ms = hub.clock.now_ms();
    let mut found: Found =
        keys.iter().map(|(end_ms, extent)| days.past.kept(*end_ms, *extent, now_ms)).collect();
    if found.iter().all(Option::is_some) {
        return (found, None);
    }
    let Some(store) = hub.history.clone() else { return (found, Some(NO_STORE)) };
    let Some(permit) = turn().await else { return (found, Some(BUSY)) };
    let (past, mut failed) = (days.past.clone(), None);
    let read = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        for (found, key) in found.iter_mut().zip(&keys).filter(|(found, _)| found.is_none()) {
            match past.read(store.as_ref(), *key, now_ms) {
                Ok(facts) => *found = Some(facts),
                Err(error) => {
                    warn!(%error, "the store cannot be read");
                    failed = Some(UNREADABLE);
                    break;
                }
            }
        }
        (found, failed)
    });
    read.await.unwrap_or_else(|_| (Vec::new(), Some(UNREADABLE)))
}
