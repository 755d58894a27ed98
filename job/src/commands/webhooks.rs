//! Sending alerts to webhooks: a thread for each, in the one process of a data directory
//! that has the right to.

use super::patience::pause;
use super::site::{Obstacle, Site, lock_when_free};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use streamgauge::config::Config;
use streamgauge_sink::webhook::{
    Backoff, Counts, Endpoint, Http, Means, Note, Queue, WebhookError, random, send,
};

/// Says something to whoever started the process.
type Tell = dyn Fn(&str) + Sync;

/// The webhooks of a configuration.
pub(super) struct Webhooks {
    all: Vec<(Endpoint, Arc<Counts>)>,
    lock: PathBuf,
}

impl Webhooks {
    /// Those of `config`. A queue that cannot be used is refused here, before anything
    /// else is begun.
    pub(super) fn open(site: &Site, config: &Config) -> Result<Self> {
        let endpoints = config.webhooks.iter().map(|webhook| webhook.endpoint.clone());
        let counted = |endpoint: Endpoint| {
            let counts = Arc::new(Counts::new(endpoint.name.clone()));
            (endpoint, counts)
        };
        let all: Vec<_> = endpoints.map(counted).collect();
        if !all.is_empty() {
            Queue::open(&site.directory)?;
        }
        Ok(Self { all, lock: site.directory.join("webhooks.lock") })
    }

    /// What is counted of each.
    pub(super) fn counts(&self) -> Vec<Arc<Counts>> {
        self.all.iter().map(|(_, counts)| Arc::clone(counts)).collect()
    }

    /// Sends until asked to stop. What fails is told and tried again: alerts wait in their
    /// log and the queue.
    pub(super) fn run(&self, site: &Site, stop: &AtomicBool, tell: &Tell) {
        if self.all.is_empty() {
            return;
        }
        let waits = |obstacle| match obstacle {
            Obstacle::Process(process) => tell(&format!(
                "process {process} sends the alerts of this directory to webhooks; this one \
                 begins when that has ended"
            )),
            Obstacle::Error(error) => {
                tell(&format!("no alert is sent to webhooks, and tried again: {error}"));
            }
        };
        let Some(_lock) = lock_when_free(&self.lock, stop, waits) else { return };
        thread::scope(|scope| {
            for (endpoint, counts) in &self.all {
                scope.spawn(|| follow(site, endpoint, counts, stop, tell));
            }
        });
    }
}

fn follow(site: &Site, endpoint: &Endpoint, counts: &Arc<Counts>, stop: &AtomicBool, tell: &Tell) {
    let means = Means {
        transport: Arc::new(Http::new(endpoint.timeout)),
        clock: Arc::clone(&site.clock),
        backoff: Backoff::default(),
        jitter: random(),
        counts: Arc::clone(counts),
    };
    let (name, origin) = (&endpoint.name, endpoint.url.origin());
    let mut note = |note: Note| tell(&format!("webhook {name} ({origin}): {}", told(note)));
    while !stop.load(Ordering::SeqCst) {
        let sent =
            Queue::open(&site.directory).map_err(WebhookError::from).and_then(|mut queue| {
                send(&*site.results, &mut queue, endpoint, &means, stop, &mut note)
            });
        if let Err(error) = sent {
            tell(&format!("webhook {name}: nothing is sent, and tried again: {error}"));
            pause(stop);
        }
    }
}

fn told(note: Note) -> String {
    match note {
        Note::Failing(why) => format!("an alert is not taken, and sent again: {why}"),
        Note::Well => "alerts are taken again".to_owned(),
        Note::Dead(why) => {
            format!("an alert is given up; `streamgauge dlq webhooks` shows all: {why}")
        }
        Note::Unreadable(key) => format!("an alert cannot be understood and is not sent: {key}"),
        Note::Gap => "alerts were cut by the log's retention before they were sent".to_owned(),
    }
}
