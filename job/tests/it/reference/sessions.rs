//! Sessions, by their definition: all events of a user and session id in order,
//! cut and told anew whenever one of them changes.

use super::Collection;
use super::case::Case;
use super::event::Event;
use std::collections::BTreeMap;
use std::sync::Arc;
use streamgauge::funnel::Funnel;
use streamgauge::time::Tick;
use streamgauge::window::Windows;
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::session::{EndedBy, SessionRecord};

/// Those that have ended at the watermark of each epoch.
pub(super) fn sessions<'s>(
    events: Collection<'s, Event>,
    clock: Collection<'s, Tick>,
    windows: Windows,
) -> Collection<'s, SessionRecord> {
    let gap_ms = windows.session_gap_ms;
    let funnels = Case::funnels();
    events
        .filter(|e| e.is_taken(Family::Session))
        .map(|e| ((e.user.clone(), e.session.clone()), e))
        .reduce(move |_, events, out| {
            // Events sort by time, partition and offset.
            let events: Vec<&Event> = events.iter().map(|(event, _)| *event).collect();
            out.extend(cut(&events, gap_ms).map(|session| (record(session, gap_ms, &funnels), 1)));
        })
        .map(|(_, session)| ((), session))
        .join_map(clock.map(|tick| ((), tick)), |(), session, tick| (session.clone(), *tick))
        .filter(|(session, tick)| session.ended_at_ms < tick.watermark_ms)
        .map(|(session, _)| session)
}

/// Sessions are cut where the silence is too long, and behind a SESSION_END.
fn cut<'a>(events: &'a [&'a Event], gap_ms: i64) -> impl Iterator<Item = &'a [&'a Event]> {
    let mut ended_ms = None;
    events.chunk_by(move |before, event| {
        if before.kind == Kind::SessionEnd {
            ended_ms = Some(before.at_ms);
        }
        let is_behind_end = ended_ms.is_some_and(|ended_ms| ended_ms < event.at_ms);
        let is_cut = is_behind_end || event.at_ms - before.at_ms > gap_ms;
        if is_cut {
            ended_ms = None;
        }
        !is_cut
    })
}

fn record(events: &[&Event], gap_ms: i64, funnels: &[Funnel]) -> SessionRecord {
    let (first, last) = (events[0], events[events.len() - 1]);
    let is_ended = events.iter().any(|e| e.kind == Kind::SessionEnd);
    let pages: Vec<_> = events.iter().filter_map(|e| e.page()).cloned().collect();
    let mut journey = pages.clone();
    journey.dedup();
    let conversions: Vec<_> = events.iter().filter(|e| e.is_conversion()).collect();
    let mut revenue_minor = BTreeMap::new();
    for e in &conversions {
        *revenue_minor.entry(e.currency).or_default() += i128::from(e.value_minor);
    }
    let first_named = |named: fn(&Event) -> Option<&Arc<str>>| {
        events.iter().find_map(|e| named(e)).cloned().unwrap_or_else(|| "(unknown)".into())
    };
    SessionRecord {
        start_ms: first.at_ms,
        end_ms: last.at_ms,
        ended_at_ms: last.at_ms + if is_ended { 0 } else { gap_ms },
        user: first.user.clone(),
        session: first.session.clone(),
        page_views: pages.len() as u64,
        events: events.len() as u64,
        entry_exit: pages.first().cloned().zip(pages.last().cloned()),
        journey: journey.iter().take(50).cloned().collect(),
        journey_length: journey.len() as u64,
        conversions: conversions.len() as u64,
        revenue_minor,
        abandoned: funnels.iter().map(|f| (f.name.clone(), is_abandoned(f, events))).collect(),
        ended_by: if is_ended { EndedBy::Event } else { EndedBy::Gap },
        device: first_named(|e| e.device.as_ref()),
        country: first_named(|e| e.country.as_ref()),
    }
}

fn is_abandoned(funnel: &Funnel, events: &[&Event]) -> bool {
    let reached =
        if funnel.strict { reached_strictly(funnel, events) } else { reached(funnel, events) };
    reached >= usize::from(funnel.abandonment_step) && reached < funnel.steps.len()
}

/// Whether an event matches the step behind so many others.
fn is_step(funnel: &Funnel, reached: usize, event: &Event) -> bool {
    let of_page = event.page().map_or(0, |page| funnel.page_mask(page));
    (funnel.type_mask(event.kind) | of_page) >> reached & 1 == 1
}

/// Each step is reached at the earliest match after the step before.
fn reached(funnel: &Funnel, events: &[&Event]) -> usize {
    events.iter().fold(0, |k, e| if is_step(funnel, k, e) { k + 1 } else { k })
}

/// The longest run from any event on, without a foreign page view or conversion.
///
/// The steps of these funnels are page views and conversions only, so a run has no
/// choice: the next of these carries it on, or ends it.
fn reached_strictly(funnel: &Funnel, events: &[&Event]) -> usize {
    let telling: Vec<_> = events.iter().filter(|e| e.is_view() || e.is_conversion()).collect();
    let run = |from: usize| {
        let steps = telling[from..].iter().enumerate();
        steps.take_while(|(k, e)| *k < funnel.steps.len() && is_step(funnel, *k, e)).count()
    };
    (0..telling.len()).map(run).max().unwrap_or(0)
}
