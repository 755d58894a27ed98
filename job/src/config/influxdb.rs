//! The InfluxDB that has the history, as it is configured, checked in full.
//!
//! Invariant: what leaves here can be handed to a client as it is. The token is in no
//! problem.
//!
//! It deliberately reaches no server, and does not know what the program was built with.

use super::problem::Problem;
use super::settings::{MASK, Refused, Settings};
use super::value::Refusal;
use std::time::Duration;
use streamgauge_ingest::secret::Secret;
use streamgauge_sink::store::InfluxSettings;
use streamgauge_sink::webhook::Url;

/// The InfluxDB, if the history is kept in one; what is wrong with it goes to `problems`.
pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Option<InfluxSettings> {
    if settings.word("store.kind") != Some("influxdb") {
        refuse_sessions(settings, problems);
        return None;
    }
    let mut reading = Reading { settings, problems };
    let url = reading.url();
    let token = reading.token();
    reading.check_bucket();
    let ms = |key: &str| {
        Duration::from_millis(settings.integer(&format!("influxdb.{key}")).unsigned_abs())
    };
    Some(InfluxSettings {
        url: url?,
        token,
        org: reading.text("org").to_owned(),
        bucket: reading.text("bucket").to_owned(),
        retention: ms("retention"),
        timeout: ms("timeout"),
        has_sessions: settings.word("store.sessions") == Some("tag"),
    })
}

/// The embedded store has no points of sessions.
fn refuse_sessions(settings: &Settings, problems: &mut Vec<Problem>) {
    let path = "store.sessions";
    let Some(setting) = settings.get(path).filter(|_| settings.word(path) == Some("tag")) else {
        return;
    };
    let refusal = Refusal {
        reason: "it needs `store.kind = \"influxdb\"`: the embedded store keeps no series of \
                 single sessions"
            .to_owned(),
        nearest: Some("none".to_owned()),
    };
    let refused = Refused { value: "tag".to_owned(), refusal };
    problems.push(refused.problem(path, false, setting.origin.clone()));
}

struct Reading<'a, 'p> {
    settings: &'a Settings,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Reading<'a, '_> {
    fn text(&self, key: &str) -> &'a str {
        self.settings.word(&format!("influxdb.{key}")).unwrap_or_default()
    }

    fn refuse(&mut self, key: &str, reason: &str, nearest: Option<String>) {
        let path = format!("influxdb.{key}");
        let Some(setting) = self.settings.get(&path) else { return };
        let refusal = Refusal { reason: reason.to_owned(), nearest };
        let refused = Refused { value: self.text(key).to_owned(), refusal };
        self.problems.push(refused.problem(&path, setting.key.secret, setting.origin.clone()));
    }

    /// The address. It is a URL already; none if a value was refused before.
    fn url(&mut self) -> Option<Url> {
        let url = Url::parse(self.text("url")).ok()?;
        let origin = url.origin().to_owned();
        if url.as_str().trim_end_matches('/') != origin {
            let reason = "InfluxDB is asked at the root of its address: a path is not sent";
            self.refuse("url", reason, Some(origin));
        }
        Some(url)
    }

    fn token(&mut self) -> Secret {
        let token = self.text("token");
        match token {
            "" => self.refuse(
                "token",
                "InfluxDB needs it: set STREAMGAUGE_INFLUXDB__TOKEN, with two underscores",
                None,
            ),
            MASK => self.refuse("token", "this is what is shown in its place", None),
            token if !token.chars().all(|c| c.is_ascii_graphic()) => {
                self.refuse("token", "a token has neither blanks nor letters beyond ASCII", None);
            }
            _ => {}
        }
        Secret::new(token)
    }

    fn check_bucket(&mut self) {
        let bucket = self.text("bucket");
        if bucket.starts_with('_') || bucket.contains('"') {
            let plain = bucket.trim_start_matches('_').replace('"', "");
            let nearest = Some(plain).filter(|plain| !plain.is_empty());
            let reason = "a bucket's name does not begin with `_`, and has no quotation marks";
            self.refuse("bucket", reason, nearest);
        }
    }
}
