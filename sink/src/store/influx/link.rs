//! What every request has in common: it is made again until there is an answer.
//!
//! Whatever keeps a store from answering passes, or is mended by somebody: it is told once,
//! with what to do, and waited for. The pause doubles, and of it a random part is taken; a
//! store that asks for a longer one gets it.

use super::http::{Answer, Http, Verdict};
use super::setup::{self, Setup};
use super::trouble::{Kind, Trouble};
use super::{InfluxHistory, InfluxSettings, Means};
use crate::store::FeedStatus;
use crate::webhook::asked_ms;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often somebody who waits looks whether it is to stop.
pub(super) const LOOK_UP: Duration = Duration::from_millis(50);

/// An InfluxDB that is written.
pub(super) struct Link<'a> {
    pub(super) settings: &'a InfluxSettings,
    pub(super) http: &'a Http,
    pub(super) history: &'a InfluxHistory,
    pub(super) status: &'a FeedStatus,
    pub(super) means: &'a Means<'a>,
    pub(super) stop: &'a AtomicBool,
    pub(super) setup: Option<Setup>,
    pub(super) attempts: u32,
    /// What was told of it last.
    pub(super) told: Option<Kind>,
}

impl Link<'_> {
    /// Whether it is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps, but for when it is to end.
    pub(super) fn pause(&self, mut left: Duration) {
        while !left.is_zero() && !self.is_stopping() {
            let slice = left.min(LOOK_UP);
            (self.means.sleep)(slice);
            left -= slice;
        }
    }

    /// Makes a request until it is answered; none if it is to end.
    pub(super) fn until<T>(
        &mut self,
        mut attempt: impl FnMut(&Self) -> Result<T, Trouble>,
    ) -> Option<T> {
        while !self.is_stopping() {
            match self.set_up().and_then(|()| attempt(self)) {
                Ok(answer) => {
                    self.is_back();
                    return Some(answer);
                }
                Err(trouble) => self.wait_out(&trouble),
            }
        }
        None
    }

    /// The same, of a request that writes.
    pub(super) fn verdict(&mut self, mut request: impl FnMut(&Http) -> Answer) -> Option<Verdict> {
        self.until(|link| request(link.http).verdict())
    }

    /// How long the bucket keeps points, none is for ever; none if it is to end.
    pub(super) fn retention(&mut self) -> Option<Option<Duration>> {
        self.until(|link| Ok(link.setup.as_ref().and_then(|setup| setup.retention)))
    }

    fn set_up(&mut self) -> Result<(), Trouble> {
        if self.setup.is_some() {
            return Ok(());
        }
        let setup = setup::ensure(self.settings, self.history.client(), self.http)?;
        for made in &setup.made {
            (self.means.tell)(&format!("InfluxDB: {made}"));
        }
        if setup.retention != Some(self.settings.retention) {
            let kept =
                setup.retention.map_or("for ever".to_owned(), |kept| format!("for {kept:?}"));
            let (bucket, wanted) = (&self.settings.bucket, self.settings.retention);
            (self.means.tell)(&format!(
                "InfluxDB: the bucket {bucket} was there, and keeps points {kept}; it is left so, \
                 though `influxdb.retention` is {wanted:?}"
            ));
        }
        self.setup = Some(setup);
        Ok(())
    }

    fn is_back(&mut self) {
        self.attempts = 0;
        let was_away = self.told.take().is_some();
        self.status.note(|report| {
            report.failure = None;
            report.has_written = true;
        });
        if was_away {
            (self.means.tell)("InfluxDB is there again: what has waited is written");
        }
    }

    fn wait_out(&mut self, trouble: &Trouble) {
        if trouble.kind != Kind::Away {
            // What is missing may have to be made, once it may be.
            self.setup = None;
        }
        self.attempts = self.attempts.saturating_add(1);
        self.status.note(|report| {
            report.retried += 1;
            report.failure = Some(trouble.reason.clone());
        });
        if self.told != Some(trouble.kind) {
            self.told = Some(trouble.kind);
            (self.means.tell)(&format!(
                "InfluxDB at {} is not written: {}; results wait in their log, and nothing else \
                 waits",
                self.settings.url.origin(),
                trouble.reason
            ));
        }
        let own_ms = self.means.backoff.pause_ms(self.attempts, &self.means.jitter);
        let now_ms = self.means.clock.now_ms();
        let asked = trouble.retry_after.as_deref().and_then(|asked| asked_ms(asked, now_ms));
        let pause_ms = asked.map_or(own_ms, |asked| asked.max(own_ms));
        self.pause(Duration::from_millis(pause_ms.unsigned_abs()));
    }
}
