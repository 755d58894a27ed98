//! Days: what the site has come to on a date, so far or in all.
//!
//! Numbers stand as on the log, digit for digit; of what is not known they are null. A
//! day of which nothing is known is told as well, with a word about it.

mod gather;
mod shape;

use super::{Query, hour};
use crate::days::calendar::{Calendar, Day, before, parse};
use crate::days::{Days, Extent};
use crate::hub::Hub;
use crate::problem::Problem;
use crate::times::rfc3339;
use gather::Gathered;
use jiff::civil::Date;
use serde::Serialize;
use shape::{Compared, Summary, Whole};
use warp::reply::Response;

/// Days that are listed, the current one among them, unless more are asked for; and at
/// most, as the history does not reach back further unless it is told to.
const USUAL: usize = 8;
const MOST: usize = 31;
const WEEK: i32 = 7;
const OFF: &str = "there are no results over days: [site] days = \"on\" switches them on";

/// What every answer begins with.
#[derive(Serialize)]
struct Answer<'a, T> {
    stream: String,
    server_time: String,
    watermark: Option<String>,
    time_zone: Option<&'a str>,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
struct Listed<'a> {
    days: Option<Vec<Summary<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

#[derive(Serialize)]
struct Nothing {
    date: Option<String>,
    note: &'static str,
}

pub(super) async fn list(hub: &Hub, query: Query) -> Result<Response, Problem> {
    super::only(&query, &["limit"])?;
    let limit = match query.get("limit") {
        None => USUAL,
        Some(text) => hour::places(text, MOST)?,
    };
    let Some(Days { calendar, .. }) = &hub.days else {
        return Ok(answer(hub, None, Listed { days: None, note: Some(OFF) }));
    };
    let Some(today) = calendar.date(hub.clock.now_ms()) else {
        return Err(Problem::bad("the clock is beyond what a calendar has"));
    };
    let dates = (0..).map_while(|n| before(today, n)).take(limit);
    let days: Vec<Day> = dates.filter_map(|date| calendar.day(date)).collect();
    let asked: Vec<_> = days.iter().map(|day| (*day, Extent::Figures)).collect();
    let Gathered { facts, watermark_ms: _, note } = gather::facts(hub, &asked).await;
    let told = days.iter().zip(&facts).map(|(day, facts)| Summary::new(*day, facts));
    Ok(answer(hub, Some(calendar), Listed { days: Some(told.collect()), note }))
}

pub(super) async fn one(hub: &Hub, date: String, query: Query) -> Result<Response, Problem> {
    super::only(&query, &["limit"])?;
    let limit = match query.get("limit") {
        None => hour::MOST_PLACES,
        Some(text) => hour::places(text, hour::MOST_PLACES)?,
    };
    let Some(Days { calendar, .. }) = &hub.days else {
        return Ok(answer(hub, None, Nothing { date: None, note: OFF }));
    };
    let now_ms = hub.clock.now_ms();
    let day = day(calendar, &date, now_ms)?;
    let earlier = |days| before(day.date, days).and_then(|date| calendar.day(date));
    let compared = [earlier(1), earlier(WEEK)];
    let others = compared.iter().flatten().map(|day| (*day, Extent::Hours));
    let asked: Vec<_> = [(day, Extent::All)].into_iter().chain(others).collect();
    let Gathered { facts, watermark_ms, note } = gather::facts(hub, &asked).await;
    let mut facts = facts.into_iter();
    let Some(mut own) = facts.next() else { return Err(Problem::bad("there is no such day")) };
    for list in own.lists.values_mut() {
        list.items.truncate(limit);
    }
    let compared = compared.map(|day| {
        let (day, facts) = (day?, facts.next()?);
        Some(Compared { day, facts })
    });
    let whole = Whole::new(calendar, (day, &own), &compared, (now_ms, watermark_ms), note);
    Ok(answer(hub, Some(calendar), whole))
}

/// The day that is meant.
fn day(calendar: &Calendar, text: &str, now_ms: i64) -> Result<Day, Problem> {
    let today = calendar.date(now_ms);
    let date: Option<Date> = match text {
        "today" => today,
        "yesterday" => today.and_then(|today| before(today, 1)),
        text => parse(text),
    };
    date.and_then(|date| calendar.day(date)).ok_or_else(|| {
        let (text, zone): (String, _) = (text.chars().take(64).collect(), calendar.name());
        Problem::bad(format!(
            "date: {text:?} is no date in {zone}: expected one such as 2026-01-31, or today or \
             yesterday"
        ))
    })
}

fn answer(hub: &Hub, calendar: Option<&Calendar>, rest: impl Serialize) -> Response {
    let state = hub.state();
    let (stream, watermark_ms) = (hub.stream(&state), state.watermark_ms());
    drop(state);
    super::json(&Answer {
        stream,
        server_time: rfc3339(hub.clock.now_ms()),
        watermark: watermark_ms.map(rfc3339),
        time_zone: calendar.map(Calendar::name),
        rest,
    })
}
