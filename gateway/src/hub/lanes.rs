//! One lane for each channel and interval that anyone is subscribed to.
//!
//! A lane is a task that encodes the channel when it has changed, not more often than
//! its interval, and puts the message where all its subscribers find the newest one.
//! The first change after a pause leaves at once; the interval only spaces what
//! follows. Intervals are rounded, so the number of lanes is bounded whatever clients
//! ask for, and a lane ends with its last subscriber.

use super::{Hub, Reason, lock};
use crate::state::Channel;
use crate::wire::{self, Context, Frame};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// Rows of the snapshot after a change of stream.
const ROWS: usize = 60;

/// The newest message of a channel.
pub(crate) type Lane = watch::Receiver<Option<Frame>>;

type Key = (Channel, u64);
type Senders = Arc<Mutex<BTreeMap<Key, watch::Sender<Option<Frame>>>>>;

/// The lanes there are.
#[derive(Default)]
pub(crate) struct Lanes(Senders);

impl Lanes {
    pub(super) fn subscribe(&self, hub: &Arc<Hub>, channel: Channel, interval_ms: u64) -> Lane {
        let key = (channel, rounded(interval_ms));
        let mut senders = lock(&self.0);
        if let Some(sender) = senders.get(&key) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        senders.insert(key, sender.clone());
        senders.insert(key, sender.clone());
        drop(senders);
        let changes = hub.versions.get(channel).subscribe();
        // What the subscriber has from before is not older than this.
        let sent = Sent { version: *changes.borrow(), stream: hub.stream(&hub.state()) };
        tokio::spawn(run(Arc::downgrade(hub), self.0.clone(), key, sender, changes, sent));
        receiver
    }
}

/// Tenths of a second up to one, whole seconds above: never more often than asked for.
fn rounded(interval_ms: u64) -> u64 {
    let grid_ms = if interval_ms <= 1_000 { 100 } else { 1_000 };
    interval_ms.div_ceil(grid_ms) * grid_ms
}

/// What the last message of a lane was made of.
struct Sent {
    version: u64,
    stream: String,
}

async fn run(
    hub: Weak<Hub>,
    senders: Senders,
    key: Key,
    sender: watch::Sender<Option<Frame>>,
    mut changes: watch::Receiver<u64>,
    mut sent: Sent,
) {
    let (channel, interval_ms) = key;
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = sender.closed() => {}
        }
        {
            let mut senders = lock(&senders);
            if sender.receiver_count() == 0 {
                senders.remove(&key);
                return;
            }
        }
        if *changes.borrow_and_update() == sent.version {
            continue;
        }
        let Some(hub) = hub.upgrade() else { return };
        let frame = encode(&hub, channel, &mut sent);
        drop(hub);
        sender.send_replace(Some(frame));
        if interval_ms > 0 {
            tokio::time::sleep(Duration::from_millis(interval_ms)).await;
        }
    }
}

fn encode(hub: &Hub, channel: Channel, sent: &mut Sent) -> Frame {
    let state = hub.state();
    let version = *state.changes().get(channel);
    let conflated = version.saturating_sub(sent.version).saturating_sub(1);
    let stream = hub.stream(&state);
    let context = Context { stream: &stream, now_ms: hub.clock.now_ms() };
    let frame = if sent.stream == stream {
        wire::update(&state, channel, conflated, context)
    } else {
        let reason = Reason::StreamChanged.name();
        wire::snapshot(&state, channel, reason, ROWS, context)
    };
    *sent = Sent { version, stream };
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_rounded_up_to_a_few() {
        let check = |ms: u64, expected: u64| assert_eq!(rounded(ms), expected);
        check(0, 0);
        check(100, 100);
        check(101, 200);
        check(1_000, 1_000);
        check(1_001, 2_000);
        check(60_000, 60_000);
    }
}
