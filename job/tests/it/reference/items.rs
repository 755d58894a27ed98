//! Sessions and alerts as lines of their own.

use super::Collection;
use super::pacing::{Early, Line};
use streamgauge::rows::Bounce;
use streamgauge::window::Windows;
use streamgauge_sink::alert::{bounce_alert, bounce_description};
use streamgauge_sink::change::Topic;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::{Fields, Identity};
use streamgauge_sink::session::SessionRecord;

/// The lines of sessions, by their keys.
pub(super) fn session_lines(
    sessions: Collection<'_, SessionRecord>,
    windows: Windows,
) -> Collection<'_, (Vec<u8>, Line)> {
    sessions.map(move |session| {
        let dimensions = [("session", &*session.session), ("user", &*session.user)];
        let identity = Identity {
            metric: Metric::Session,
            start_ms: session.start_ms,
            end_ms: session.ended_at_ms,
            dimensions: &dimensions,
        };
        let key = identity.key();
        let line = Line {
            topic: Topic::Result(Metric::Session),
            key: key.clone(),
            body: identity.body(&Fields::Session(&session)).0,
            retraction: identity.head(),
            final_ms: session.ended_at_ms + 1,
            frozen_ms: session.end_ms + 2 * windows.session_gap_ms + windows.lateness_ms,
            early: Early::Never,
        };
        (key, line)
    })
}

/// The lines of alerts, by their keys.
pub(super) fn alert_lines(
    bounces: Collection<'_, Bounce>,
    windows: Windows,
) -> Collection<'_, (Vec<u8>, Line)> {
    bounces.map(move |Bounce { end_ms, user }| {
        let description = bounce_description(&user);
        let alert = bounce_alert(&user, &description, end_ms - 300_000, end_ms);
        let line = Line {
            topic: Topic::Alert,
            key: alert.key(),
            body: alert.body(true),
            retraction: alert.body(false),
            final_ms: end_ms,
            frozen_ms: end_ms + windows.lateness_ms,
            early: Early::Never,
        };
        (line.key.clone(), line)
    })
}
