//! `streamgauge dlq`: why events were rejected, and putting them back; which points the store
//! has refused, and which alerts nobody took.

mod put_back;

use super::site::{Site, directory_that_is_there};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use streamgauge::cli::{DlqAction, DlqArgs, DlqFilter};
use streamgauge::config::Surroundings;
use streamgauge_ingest::decode::Reason;
use streamgauge_sink::dead_letters::{NO_PARTITION, REFUSED_POINT, TOO_LARGE};
use streamgauge_sink::results::{Position, Stored, Topic};
use streamgauge_sink::webhook::{DeadLetter, FILE_NAME, Queue};

/// Records read at once.
const BATCH: usize = 1_000;

pub(crate) fn dlq(args: &DlqArgs, around: &Surroundings) -> Result<()> {
    let config = args.directory.resolve(around)?;
    let directory = directory_that_is_there(&config)?;
    let site = Site::open_to_look(&directory, &config)?;
    let text = match &args.action {
        DlqAction::Replay(replay) => {
            let told = match &replay.files[..] {
                [] => put_back::of_the_log(&site, &replay.filter, &replay.to)?,
                files => put_back::of_files(&site, &config, files)?,
            };
            // Stdout is for the events.
            let _ = io::stderr().write_all(told.as_bytes());
            return Ok(());
        }
        DlqAction::List(filter) => list(&site, filter)?,
        DlqAction::Show { filter, limit } => show(&site, filter, *limit)?,
        DlqAction::Webhooks { webhook, limit, redeliver } => {
            webhooks(&site, webhook.as_deref(), *limit, *redeliver)?
        }
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// A dead letter, and when it was written, ms.
type Letter<'a> = (i64, &'a [u8], Value);

/// Gives every dead letter that is asked for.
fn each(site: &Site, filter: &DlqFilter, mut give: impl FnMut(Letter<'_>)) -> Result<()> {
    let known =
        || Reason::ALL.iter().map(|reason| reason.as_str()).chain([REFUSED_POINT, TOO_LARGE]);
    if let Some(reason) = &filter.reason
        && !known().any(|known| known == reason)
    {
        let known: Vec<_> = known().collect();
        bail!("--reason {reason}: there is no such reason; there are {}", known.join(", "));
    }
    let from = filter.since.map_or(Ok(Position::default()), |ms| site.results.position_at(ms))?;
    let mut reader = site.results.reader(&[Topic::DeadLetters], from)?;
    let mut note = |stored: Stored<'_>| {
        let Some(value) = stored.value else { return };
        let Ok(letter) = serde_json::from_slice::<Value>(value) else { return };
        let is_reason = filter.reason.as_ref().is_none_or(|reason| letter["reason"] == **reason);
        let partition = filter.partition.map(u64::from);
        if is_reason && partition.is_none_or(|p| letter["partition"].as_u64() == Some(p)) {
            give((stored.at_ms, value, letter));
        }
    };
    while reader.poll(BATCH, &mut note)? > 0 {}
    Ok(())
}

fn list(site: &Site, filter: &DlqFilter) -> Result<String> {
    let mut counts: BTreeMap<(String, u64), (u64, i64)> = BTreeMap::new();
    each(site, filter, |(at_ms, _, letter)| {
        let reason = letter["reason"].as_str().unwrap_or_default().to_owned();
        let partition = letter["partition"].as_u64().unwrap_or(0);
        let count = counts.entry((reason, partition)).or_default();
        *count = (count.0 + 1, at_ms.max(count.1));
    })?;
    if counts.is_empty() {
        return Ok("no event was rejected\n".to_owned());
    }
    let mut text = format!("{:14} {:>9} {:>10}  last\n", "reason", "partition", "events");
    for ((reason, partition), (events, last_ms)) in &counts {
        let last = rfc3339(*last_ms);
        // A point or a result is of no partition.
        let partition = match *partition == u64::from(NO_PARTITION) {
            true => "-".to_owned(),
            false => partition.to_string(),
        };
        let _ = writeln!(text, "{reason:14} {partition:>9} {events:>10}  {last}");
    }
    let all: u64 = counts.values().map(|(events, _)| events).sum();
    let _ = writeln!(text, "{:14} {:>9} {all:>10}", "all", "");
    for (own, what) in [
        (REFUSED_POINT, "points that the store of the history has refused"),
        (TOO_LARGE, "results that are larger than their topic takes"),
    ] {
        if counts.keys().any(|(reason, _)| reason == own) {
            let _ = writeln!(
                text,
                "\n{own}: {what}; they are no events, and cannot be replayed. `streamgauge dlq \
                 show --reason {own}` says why."
            );
        }
    }
    Ok(text)
}

fn show(site: &Site, filter: &DlqFilter, limit: usize) -> Result<String> {
    let mut last: VecDeque<Vec<u8>> = VecDeque::new();
    each(site, filter, |(_, value, _)| {
        last.push_back(value.to_vec());
        if last.len() > limit {
            last.pop_front();
        }
    })?;
    let lines = last.iter().map(|value| String::from_utf8_lossy(value).into_owned() + "\n");
    Ok(lines.collect())
}

fn rfc3339(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms);
    time.map_or_else(|_| ms.to_string(), |time| format!("{time:.3}"))
}

/// Alerts that were given up: as they are, or queued once more.
fn webhooks(site: &Site, webhook: Option<&str>, limit: usize, redeliver: bool) -> Result<String> {
    const NONE: &str = "no alert was given up\n";
    if !site.directory.join(FILE_NAME).exists() {
        return Ok(NONE.to_owned());
    }
    let mut queue = Queue::open(&site.directory)?;
    if redeliver {
        let count = queue.redeliver(webhook, site.clock.now_ms())?;
        return Ok(format!("{count} alerts are sent once more, behind what waits\n"));
    }
    let mut last: VecDeque<String> = VecDeque::new();
    queue.dead(webhook, |letter| {
        last.push_back(line(&letter));
        if last.len() > limit {
            last.pop_front();
        }
    })?;
    if last.is_empty() {
        return Ok(NONE.to_owned());
    }
    Ok(last.into_iter().collect())
}

fn line(letter: &DeadLetter) -> String {
    let body = String::from_utf8_lossy(&letter.body);
    let body = serde_json::from_str(&body).unwrap_or_else(|_| Value::from(body));
    let line = serde_json::json!({
        "webhook": letter.webhook,
        "delivery": letter.delivery,
        "alertId": letter.alert,
        "attempts": letter.attempts,
        "firstAt": rfc3339(letter.first_ms),
        "givenUpAt": rfc3339(letter.dead_ms),
        "status": letter.status,
        "reason": letter.reason,
        "alert": body,
    });
    format!("{line}\n")
}
