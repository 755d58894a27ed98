//! Users with exactly one page view in a closed window of five minutes.

use super::Collection;
use super::event::Event;
use streamgauge::rows::Bounce;
use streamgauge::time::Tick;
use streamgauge_ingest::lateness::Family;

/// Those that stand at the watermark of each epoch.
pub(super) fn bounces<'s>(
    events: Collection<'s, Event>,
    clock: Collection<'s, Tick>,
) -> Collection<'s, Bounce> {
    events
        .filter(|e| e.is_view() && e.is_taken(Family::Alerts))
        .map(|e| Bounce { end_ms: e.at_ms - e.at_ms.rem_euclid(300_000) + 300_000, user: e.user })
        .count()
        .filter(|(_, views)| *views == 1)
        .map(|(bounce, _)| ((), bounce))
        .join_map(clock.map(|tick| ((), tick)), |(), bounce, tick| (bounce.clone(), *tick))
        .filter(|(bounce, tick)| bounce.end_ms <= tick.watermark_ms)
        .map(|(bounce, _)| bounce)
}
