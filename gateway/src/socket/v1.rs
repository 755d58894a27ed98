//! Version 1: requests with answers, snapshots and updates, heartbeats.

use super::budget::Verdict;
use super::link::{End, Event, Link};
use super::request::{Action, Refusal, channel_names, metric_names, parse};
use super::subscriptions::Subscriptions;
use crate::catalogue::Family;
use crate::times::rfc3339;
use crate::wire::{self, Available, Limits, Message, Pairs};
use serde_json::Value;

/// Messages that are no requests after which the connection is closed.
const PATIENCE: u32 = 5;

pub(crate) async fn serve(link: &mut Link, session: u64) -> End {
    match talk(link, session).await {
        Ok(()) => End::Gone,
        Err(end) => end,
    }
}

async fn talk(link: &mut Link, session: u64) -> Result<(), End> {
    let hub = link.hub.clone();
    let mut heartbeats = hub.heartbeats();
    heartbeats.mark_unchanged();
    let mut subscriptions = Subscriptions::default();
    let mut senseless = 0;
    link.send(hello(link, session)).await?;
    loop {
        let event = tokio::select! {
            event = link.event() => event?,
            frame = subscriptions.next(&hub) => {
                link.send(frame.text).await?;
                continue;
            }
            Ok(()) = heartbeats.changed() => {
                let beat = heartbeats.borrow_and_update().clone();
                if let Some(beat) = beat {
                    link.send(beat).await?;
                }
                continue;
            }
        };
        match event {
            Event::PingDue => link.ping().await?,
            Event::Control => {}
            Event::Binary => return Err(End::BadRequest),
            Event::Text(text) => match link.judge() {
                Verdict::Allow => {
                    if !answer(link, &mut subscriptions, &text).await? {
                        senseless += 1;
                    }
                    if senseless >= PATIENCE {
                        return Err(End::BadRequest);
                    }
                }
                Verdict::Refuse => {
                    let refusal = Refusal::rate(hub.settings.requests_per_s);
                    refuse(link, &Value::Null, refusal).await?;
                }
                Verdict::Close => return Err(End::Rate),
            },
        }
    }
}

fn hello(link: &Link, session: u64) -> wire::Utf8Bytes {
    let settings = &link.hub.settings;
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis());
    wire::text(&Message::Hello {
        protocol: "rta.v1",
        session: format!("s{session}"),
        window_ms: Family::RealTime.step_ms().unsigned_abs(),
        heartbeat_ms: ms(settings.heartbeat_every).unwrap_or(u64::MAX),
        auth: "none",
        limits: Limits {
            message_bytes: settings.message_bytes,
            subscriptions: settings.subscriptions,
            requests_per_s: settings.requests_per_s,
        },
    })
}

/// Serves or refuses a request; false if it is none.
async fn answer(
    link: &mut Link,
    subscriptions: &mut Subscriptions,
    text: &str,
) -> Result<bool, End> {
    let Some((id, action)) = parse(text, link.hub.settings.subscriptions) else {
        let refusal = Refusal {
            code: "bad_request",
            message: "not a JSON object: send for example {\"action\":\"list\"}".into(),
            detail: None,
            retryable: false,
        };
        refuse(link, &Value::Null, refusal).await?;
        return Ok(false);
    };
    match action {
        Err(refusal) => refuse(link, &id, refusal).await?,
        Ok(action) => act(link, subscriptions, &id, action).await?,
    }
    Ok(true)
}

async fn refuse(link: &mut Link, id: &Value, refusal: Refusal) -> Result<(), End> {
    let Refusal { code, message, detail, retryable } = refusal;
    link.send(wire::text(&Message::Error { id, code, message, detail, retryable })).await
}

async fn act(
    link: &mut Link,
    subscriptions: &mut Subscriptions,
    id: &Value,
    action: Action,
) -> Result<(), End> {
    let hub = link.hub.clone();
    let mut frames = Vec::new();
    let mut resumed = None;
    let mut list = false;
    let name = match action {
        Action::Ping => {
            let server_time = rfc3339(hub.clock.now_ms());
            return link.send(wire::text(&Message::Pong { id, server_time })).await;
        }
        Action::Auth => "auth",
        Action::List => {
            list = true;
            "list"
        }
        Action::Unsubscribe(named) => {
            subscriptions.remove(&named);
            "unsubscribe"
        }
        Action::Subscribe { named, interval_ms, rows, resume } => {
            let opening = subscriptions.add(&hub, &named, interval_ms, rows, &resume);
            frames = opening.frames;
            resumed = Some(opening.resumed).filter(|resumed| !resumed.is_empty()).map(Pairs);
            "subscribe"
        }
    };
    let (channels, metrics) = (subscriptions.channels(), subscriptions.metrics());
    let available = list.then(|| Available { channels: channel_names(), metrics: metric_names() });
    link.send(wire::text(&Message::Ack {
        id,
        action: name,
        subscriptions: &channels,
        metrics: list.then_some(&metrics),
        available,
        resumed,
    }))
    .await?;
    for frame in frames {
        link.send(frame.text).await?;
    }
    Ok(())
}
