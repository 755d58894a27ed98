//! What one client of version 1 is subscribed to.
//!
//! Invariant: what a client gets of a channel never goes back. An update that was made
//! before the snapshot that the client has is passed over.

use super::request::{Named, Point};
use crate::hub::{Hub, Lane, Reason};
use crate::state::Channel;
use crate::wire::Frame;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};

struct StateLane {
    lane: Lane,
    version: u64,
}

struct AlertLog {
    frames: broadcast::Receiver<Frame>,
    next: u64,
}

/// The subscriptions of a client.
#[derive(Default)]
pub(crate) struct Subscriptions {
    names: BTreeSet<&'static str>,
    all_metrics: bool,
    metrics: Option<StateLane>,
    top_content: Option<StateLane>,
    pipeline: Option<StateLane>,
    alerts: Option<AlertLog>,
}

/// What is to be sent at once on a subscription.
#[derive(Default)]
pub(crate) struct Opening {
    /// For each channel where that was asked for: whether it goes on where it was.
    pub(crate) resumed: Vec<(&'static str, bool)>,
    /// The messages.
    pub(crate) frames: Vec<Frame>,
}

impl Subscriptions {
    /// Adds subscriptions, or changes how they are served.
    pub(crate) fn add(
        &mut self,
        hub: &Arc<Hub>,
        named: &Named,
        interval_ms: u64,
        rows: usize,
        resume: &[(Channel, Point)],
    ) -> Opening {
        self.names.extend(&named.metrics);
        self.all_metrics |= named.channels.contains(&Channel::Metrics);
        let mut channels: BTreeSet<Channel> = named.channels.iter().copied().collect();
        if !named.metrics.is_empty() {
            channels.insert(Channel::Metrics);
        }
        let mut opening = Opening::default();
        for channel in channels {
            let point = resume.iter().find(|(of, _)| *of == channel).map(|(_, point)| point);
            if channel == Channel::Alerts {
                self.open_alerts(hub, point, &mut opening);
                continue;
            }
            if point.is_some() {
                // The whole value is sent anyway: there is nothing to go on from.
                opening.resumed.push((channel.name(), false));
            }
            let mut lane = hub.subscribe(channel, interval_ms);
            lane.mark_unchanged();
            let frame = hub.snapshot(channel, rows, Reason::Subscribe);
            let version = frame.version;
            opening.frames.push(frame);
            if let Some(place) = self.lane_mut(channel) {
                *place = Some(StateLane { lane, version });
            }
        }
        opening
    }

    fn open_alerts(&mut self, hub: &Hub, point: Option<&Point>, opening: &mut Opening) {
        // Subscribed first, so that nothing falls between.
        let frames = hub.subscribe_alerts();
        let missed = point.and_then(|point| hub.alerts_behind(&point.stream, &point.seq));
        if point.is_some() {
            opening.resumed.push((Channel::Alerts.name(), missed.is_some()));
        }
        let (first, next) = missed.unwrap_or_else(|| {
            let frame = hub.snapshot(Channel::Alerts, 0, Reason::Subscribe);
            let next = frame.places.end;
            (vec![frame], next)
        });
        opening.frames.extend(first);
        self.alerts = Some(AlertLog { frames, next });
    }

    /// Ends subscriptions. That of all single values ends with the last of its names.
    pub(crate) fn remove(&mut self, named: &Named) {
        for name in &named.metrics {
            self.names.remove(name);
        }
        for channel in &named.channels {
            match channel {
                Channel::Metrics => {
                    self.names.clear();
                    self.all_metrics = false;
                }
                Channel::Alerts => self.alerts = None,
                Channel::TopContent => self.top_content = None,
                Channel::Pipeline => self.pipeline = None,
            }
        }
        if self.names.is_empty() && !self.all_metrics {
            self.metrics = None;
        }
    }

    /// The channels that are subscribed to.
    pub(crate) fn channels(&self) -> Vec<&'static str> {
        let open = [
            (Channel::Metrics, self.metrics.is_some()),
            (Channel::TopContent, self.top_content.is_some()),
            (Channel::Alerts, self.alerts.is_some()),
            (Channel::Pipeline, self.pipeline.is_some()),
        ];
        open.into_iter().filter(|(_, open)| *open).map(|(channel, _)| channel.name()).collect()
    }

    /// The metrics that were named.
    pub(crate) fn metrics(&self) -> Vec<&'static str> {
        self.names.iter().copied().collect()
    }

    fn lane_mut(&mut self, channel: Channel) -> Option<&mut Option<StateLane>> {
        match channel {
            Channel::Metrics => Some(&mut self.metrics),
            Channel::TopContent => Some(&mut self.top_content),
            Channel::Pipeline => Some(&mut self.pipeline),
            Channel::Alerts => None,
        }
    }

    /// The next message for this client. Nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self, hub: &Hub) -> Frame {
        tokio::select! {
            frame = state_next(&mut self.metrics) => frame,
            frame = state_next(&mut self.top_content) => frame,
            frame = state_next(&mut self.pipeline) => frame,
            frame = alerts_next(&mut self.alerts, hub) => frame,
        }
    }
}

async fn state_next(place: &mut Option<StateLane>) -> Frame {
    let Some(StateLane { lane, version }) = place else { return std::future::pending().await };
    loop {
        if lane.changed().await.is_err() {
            // The gateway ends.
            return std::future::pending().await;
        }
        let frame = lane.borrow_and_update().clone();
        if let Some(frame) = frame.filter(|frame| frame.version > *version) {
            *version = frame.version;
            return frame;
        }
    }
}

async fn alerts_next(log: &mut Option<AlertLog>, hub: &Hub) -> Frame {
    let Some(AlertLog { frames, next }) = log else { return std::future::pending().await };
    loop {
        let frame = match frames.recv().await {
            Ok(frame) if frame.snapshot => frame,
            Ok(frame) if frame.places.end <= *next => continue,
            Ok(frame) if frame.places.start == *next => frame,
            Ok(_) | Err(RecvError::Lagged(_)) => {
                // Some are missing, or the client has a part of them already. What
                // the receiver still holds is in the snapshot as well.
                *frames = frames.resubscribe();
                hub.snapshot(Channel::Alerts, 0, Reason::Lagged)
            }
            Err(RecvError::Closed) => return std::future::pending().await,
        };
        *next = frame.places.end;
        return frame;
    }
}
