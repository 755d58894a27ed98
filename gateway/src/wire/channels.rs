//! Snapshots and updates of channels.
//!
//! A state channel's update is its whole current value, so any number of them can be
//! left out. Alerts are a log: updates append, and say from where.

use super::{AlertItem, GroupItem, Number, Pairs, Window, number, text};
use crate::catalogue::{PAGE_VIEWS, REVENUE_CURRENCY, SINGLES};
use crate::state::current::Current;
use crate::state::series::Standing;
use crate::state::{Channel, State};
use crate::times::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::ops::Range;
use streamgauge_sink::metric::Metric;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Rows that a snapshot has at most: as many windows as are remembered.
pub(crate) const MOST_ROWS: usize = 420;

/// Rows of an update: windows that are open or have just ended. Those that were
/// corrected not long ago come with them.
const UPDATE_ROWS: usize = 4;

/// Alerts in one message.
const CHUNK: u64 = 100;

/// A message of a channel, shared by all who get it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its bytes.
    pub(crate) text: Utf8Bytes,
    /// Whether it stands for itself.
    pub(crate) snapshot: bool,
    /// How often the channel had changed.
    pub(crate) version: u64,
    /// Of alerts: the places of those in it.
    pub(crate) places: Range<u64>,
}

#[derive(Default, Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    channel: &'static str,
    stream: &'a str,
    seq: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conflated: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<String>,
    emitted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Vec<Number>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Pairs<&'static str, Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Pairs<&'static str, Window>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<AlertItem<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<GroupItem<'a>>>,
}

/// When and where a message is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Identity of the log of results.
    pub(crate) stream: &'a str,
    /// The time, ms.
    pub(crate) now_ms: i64,
}

/// Everything that is current in a channel, with so many rows of the past.
pub(crate) fn snapshot(
    state: &State,
    channel: Channel,
    reason: &str,
    rows: usize,
    context: Context<'_>,
) -> Frame {
    let mut envelope = envelope(state, channel, context);
    envelope.r#type = "snapshot";
    envelope.reason = Some(reason);
    if channel == Channel::Alerts {
        let alerts = state.alerts();
        let (_, all) = alerts.from(0);
        envelope.items = Some(all.map(AlertItem::new).collect());
        envelope.groups = Some(alerts.groups().map(GroupItem::new).collect());
    } else {
        fill(&mut envelope, state, channel, rows);
    }
    frame(state, channel, &envelope, 0..state.alerts().appended())
}

/// The whole current value of a state channel.
pub(crate) fn update(
    state: &State,
    channel: Channel,
    conflated: u64,
    context: Context<'_>,
) -> Frame {
    let mut envelope = envelope(state, channel, context);
    envelope.r#type = "update";
    envelope.mode = Some("replace");
    envelope.conflated = Some(conflated);
    fill(&mut envelope, state, channel, UPDATE_ROWS);
    frame(state, channel, &envelope, 0..0)
}

/// The alerts that were appended from a place on, in messages of bounded size.
pub(crate) fn alerts_since(state: &State, place: u64, context: Context<'_>) -> Vec<Frame> {
    let alerts = state.alerts();
    let (mut first, _) = alerts.from(place);
    let mut frames = Vec::new();
    while first < alerts.appended() {
        let last = alerts.appended().min(first + CHUNK);
        let (_, items) = alerts.from(first);
        let most = usize::try_from(last - first).unwrap_or(usize::MAX);
        let mut envelope = envelope(state, Channel::Alerts, context);
        envelope.r#type = "update";
        envelope.mode = Some("append");
        envelope.seq = items.take(most).last().map_or(envelope.seq, |alert| alert.seq.to_string());
        let (_, items) = alerts.from(first);
        envelope.items = Some(items.take(most).map(AlertItem::new).collect());
        envelope.groups = Some(alerts.groups().map(GroupItem::new).collect());
        frames.push(frame(state, Channel::Alerts, &envelope, first..last));
        first = last;
    }
    frames
}

fn envelope<'a>(state: &State, channel: Channel, context: Context<'a>) -> Envelope<'a> {
    Envelope {
        channel: channel.name(),
        stream: context.stream,
        seq: state.seq(channel).to_string(),
        watermark: state.watermark_ms().map(rfc3339),
        emitted_at: rfc3339(context.now_ms),
        ..Envelope::default()
    }
}

fn frame(state: &State, channel: Channel, envelope: &Envelope<'_>, places: Range<u64>) -> Frame {
    let snapshot = envelope.r#type == "snapshot";
    Frame { text: text(envelope), snapshot, version: *state.changes().get(channel), places }
}

fn fill(envelope: &mut Envelope<'_>, state: &State, channel: Channel, rows: usize) {
    match channel {
        Channel::Metrics => metrics(envelope, state, rows),
        Channel::TopContent => top_content(envelope, state),
        Channel::Pipeline => pipeline(envelope, state),
        Channel::Alerts => {}
    }
}

fn metrics(envelope: &mut Envelope<'_>, state: &State, rows: usize) {
    let all = || SINGLES.iter().map(|single| (single, state.current(single)));
    let window = |now: &Current| Window::new(now.span, now.standing);
    let main = all().find_map(|(_, now)| now).map(|now| window(&now));
    let mut data = Vec::new();
    let mut at = Vec::new();
    for (single, now) in all() {
        if let Some(own) = now.as_ref().map(window)
            && Some(&own) != main.as_ref()
        {
            at.push((single.flat, own));
        }
        let count = now.as_ref().and_then(|now| now.count);
        data.push((single.flat, value(now.map(|now| now.value))));
        if single.metric == Metric::PageViewsPerSecond {
            data.push((PAGE_VIEWS, value(count.map(|count| count.to_string()))));
        }
    }
    data.push((REVENUE_CURRENCY, string(state.currency())));
    envelope.window = main;
    envelope.data = Some(Pairs(data));
    envelope.at = Some(Pairs(at));
    if rows > 0 {
        let names = SINGLES.iter().map(|single| single.flat);
        envelope.columns = Some(["end", "state", PAGE_VIEWS].into_iter().chain(names).collect());
        let mut ends = state.row_ends(rows);
        ends.extend(state.corrected_ends());
        ends.sort_unstable();
        ends.dedup();
        envelope.rows = Some(ends.into_iter().map(|end| row(state, end)).collect());
    }
}

fn row(state: &State, end_ms: i64) -> Vec<Number> {
    let values: Vec<_> = SINGLES.iter().map(|single| state.at(single, end_ms)).collect();
    let first = values.iter().flatten().next();
    let standing = first.map_or(Standing::Final, |now| now.standing);
    let views = values[0].as_ref().and_then(|now| now.count);
    let head = [
        Some(string(Some(&rfc3339(end_ms)))),
        Some(string(Some(standing.name()))),
        views.and_then(|views| number(views.to_string())),
    ];
    let values = values.into_iter().map(|now| now.and_then(|now| number(now.value)));
    head.into_iter().chain(values).collect()
}

#[derive(Deserialize)]
struct ListFields {
    items: Option<Box<RawValue>>,
    other: Option<Box<RawValue>>,
    count: Option<Box<RawValue>>,
}

fn top_content(envelope: &mut Envelope<'_>, state: &State) {
    let now = state.list(Metric::PopularContent);
    envelope.window = now.map(|(span, cell)| Window::new(span, cell.standing));
    let body = now.and_then(|(_, cell)| cell.body.as_ref());
    let fields = body.and_then(|body| serde_json::from_str::<ListFields>(body.get()).ok());
    let data = match fields {
        Some(ListFields { items, other, count }) => {
            let or_null = |raw: Option<Box<RawValue>>| raw.unwrap_or_else(|| value(None));
            vec![("items", or_null(items)), ("other", or_null(other)), ("count", or_null(count))]
        }
        None => vec![("items", value(Some("[]".into())))],
    };
    envelope.data = Some(Pairs(data));
}

fn pipeline(envelope: &mut Envelope<'_>, state: &State) {
    let raw = state.job().and_then(|job| job.raw.clone());
    envelope.data = Some(Pairs(vec![("job", raw.unwrap_or_else(|| value(None)))]));
}

/// A JSON value that stands as text, or null.
fn value(text: Option<String>) -> Box<RawValue> {
    text.and_then(number).unwrap_or_else(|| RawValue::NULL.to_owned())
}

fn string(text: Option<&str>) -> Box<RawValue> {
    value(text.and_then(|text| serde_json::to_string(text).ok()))
}
