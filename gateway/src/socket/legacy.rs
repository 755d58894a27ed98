//! The original's protocol: a flat map on connect and every 5 s, and a filter.
//!
//! What is no subscription is passed over: the original's clients expect no answers.

use super::budget::Verdict;
use super::link::{End, Event, Link};
use crate::hub::Flat;
use serde::Deserialize;
use std::fmt::Write;
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::tungstenite::Utf8Bytes;

#[derive(Deserialize)]
struct Request {
    action: String,
    metrics: Vec<String>,
}

pub(crate) async fn serve(link: &mut Link) -> End {
    match talk(link).await {
        Ok(()) => End::Gone,
        Err(end) => end,
    }
}

async fn talk(link: &mut Link) -> Result<(), End> {
    let every = link.hub.settings.legacy_every;
    let mut ticks = interval_at(Instant::now() + every, every);
    let mut filter: Option<Vec<String>> = None;
    link.send(render(&link.hub.flat(), None)).await?;
    loop {
        let event = tokio::select! {
            event = link.event() => event?,
            _ = ticks.tick() => {
                let flat = link.hub.flat();
                link.send(render(&flat, filter.as_deref())).await?;
                continue;
            }
        };
        match event {
            Event::PingDue => link.ping().await?,
            Event::Control => {}
            Event::Text(text) => match link.judge() {
                Verdict::Allow => subscribe(&text, link.hub.settings.subscriptions, &mut filter),
                Verdict::Refuse => {}
                Verdict::Close => return Err(End::Rate),
            },
            Event::Binary => {
                if link.judge() == Verdict::Close {
                    return Err(End::Rate);
                }
            }
        }
    }
}

fn subscribe(text: &str, most: usize, filter: &mut Option<Vec<String>>) {
    let Ok(request) = serde_json::from_str::<Request>(text) else { return };
    if request.action == "subscribe" && request.metrics.len() <= most {
        *filter = Some(request.metrics).filter(|metrics| !metrics.is_empty());
    }
}

fn render(flat: &Flat, filter: Option<&[String]>) -> Utf8Bytes {
    let mut out = String::with_capacity(256);
    let wanted = |name: &str| filter.is_none_or(|names| names.iter().any(|n| n == name));
    for (name, value) in flat.iter().filter(|(name, _)| wanted(name)) {
        let start = if out.is_empty() { '{' } else { ',' };
        // Writing to a string cannot fail.
        let _ = write!(out, "{start}\"{name}\":{value}");
    }
    if out.is_empty() {
        out.push('{');
    }
    out.push('}');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_of_the_filter_are_sent() {
        let flat = vec![("activeUsers", "3".into()), ("timestamp", "7".to_owned())];
        let check = |request: &str, expected: &str| {
            let mut filter = None;
            subscribe(request, 64, &mut filter);
            assert_eq!(render(&flat, filter.as_deref()).as_str(), expected, "{request}");
        };
        let all = r#"{"activeUsers":3,"timestamp":7}"#;
        check(r#"{"action":"subscribe","metrics":["activeUsers"]}"#, r#"{"activeUsers":3}"#);
        check(r#"{"action":"subscribe","metrics":["nothing"]}"#, "{}");
        check(r#"{"action":"subscribe","metrics":[]}"#, all);
        check(r#"{"action":"subscribe","metrics":"activeUsers"}"#, all);
        check(r#"{"action":"dance","metrics":["activeUsers"]}"#, all);
        check("nonsense", all);
    }
}
