//! The Kafka that has the events, as it is configured, checked in full.
//!
//! Invariant: what leaves here can be handed to a client as it is. The password is in no
//! problem.
//!
//! It deliberately reaches no broker, and does not know what the program was built with.

use super::problem::Problem;
use super::settings::{MASK, Refused, Settings};
use super::value::Refusal;
use std::path::PathBuf;
use streamgauge_ingest::log::{KafkaSettings, Mechanism, Sasl, Security, Tls};
use streamgauge_ingest::secret::Secret;
use streamgauge_sink::results::KafkaResults;

/// The port that Kafka has where nothing is said.
const USUAL_PORT: u16 = 9092;
/// What a topic's name may have, and how long it may be.
const MOST_TOPIC_BYTES: usize = 249;
/// How long what stands before the names of the topics of results may be.
pub const MOST_PREFIX_BYTES: usize = 200;

/// Whether the names of topics can begin so.
#[must_use]
pub fn is_prefix(text: &str) -> bool {
    text.len() <= MOST_PREFIX_BYTES && text.chars().all(is_plain)
}

/// Whether it can be in the name of a topic.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// The Kafka, if events are kept in one; what is wrong with it goes to `problems`.
pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Option<KafkaSettings> {
    if settings.word("log.kind") != Some("kafka") {
        return None;
    }
    let mut reading = Reading { settings, problems };
    reading.check_brokers();
    reading.check_topics();
    let security = reading.security();
    Some(KafkaSettings {
        brokers: reading.text("brokers").to_owned(),
        topic: reading.text("topic").to_owned(),
        group: Some(reading.text("group")).filter(|group| !group.is_empty()).map(str::to_owned),
        security,
    })
}

/// The prefix of the topics of results, if they are where the events are.
pub(super) fn results(settings: &Settings) -> Option<String> {
    let prefix = settings.word("kafka.prefix").unwrap_or_default();
    (settings.word("results.kind") == Some("as_log")).then(|| prefix.to_owned())
}

struct Reading<'a, 'p> {
    settings: &'a Settings,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Reading<'a, '_> {
    fn text(&self, key: &str) -> &'a str {
        self.settings.word(&format!("kafka.{key}")).unwrap_or_default()
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    fn refuse(&mut self, key: &str, reason: &str, nearest: Option<String>) {
        let path = format!("kafka.{key}");
        let Some(setting) = self.settings.get(&path) else { return };
        let refusal = Refusal { reason: reason.to_owned(), nearest };
        let refused = Refused { value: self.text(key).to_owned(), refusal };
        self.problems.push(refused.problem(&path, setting.key.secret, setting.origin.clone()));
    }

    fn check_brokers(&mut self) {
        let brokers = self.text("brokers").split(',').map(str::trim);
        let mended: Vec<String> = brokers.filter(|b| !b.is_empty()).map(with_port).collect();
        let mended = mended.join(",");
        if mended != self.text("brokers") {
            let nearest = Some(mended).filter(|mended| !mended.is_empty());
            self.refuse("brokers", "expected host:port, with commas between", nearest);
        }
    }

    fn check_topics(&mut self) {
        let reason = "a topic is 1 to 249 letters, digits, `.`, `_` and `-`";
        for (key, most_bytes) in [("topic", MOST_TOPIC_BYTES), ("prefix", MOST_PREFIX_BYTES)] {
            let topic = self.text(key);
            if topic.len() > most_bytes || !topic.chars().all(is_plain) {
                let plain = topic.chars().map(|c| if is_plain(c) { c } else { '-' });
                let nearest = Some(plain.take(most_bytes).collect());
                self.refuse(key, reason, nearest);
            }
        }
        let topic = self.text("topic");
        let results = results(self.settings).map(|prefix| KafkaResults::topics(&prefix));
        if results.is_some_and(|results| results.iter().any(|result| result == topic)) {
            let reason = "the job writes its results to it, and would read them as events";
            self.refuse("topic", reason, Some(format!("{topic}-events")));
        }
    }

    fn security(&mut self) -> Security {
        let word = self.text("security");
        let (has_tls, has_sasl) = (word.ends_with("SSL"), word.starts_with("SASL"));
        let tls = has_tls.then(|| self.tls());
        let sasl = has_sasl.then(|| self.sasl());
        let tls_keys = ["ca_file", "cert_file", "key_file"];
        let sasl_keys = ["username", "password"];
        let unused = tls_keys.iter().filter(|_| !has_tls);
        for key in unused.chain(sasl_keys.iter().filter(|_| !has_sasl)) {
            if !self.text(key).is_empty() {
                let reason = format!("security is {word}, which has no use for it");
                self.refuse(key, &reason, None);
            }
        }
        Security { tls, sasl: sasl.flatten() }
    }

    fn tls(&mut self) -> Tls {
        let certificate = match (self.path("cert_file"), self.path("key_file")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                self.refuse("key_file", "a certificate needs its key", None);
                None
            }
            (None, Some(_)) => {
                self.refuse("cert_file", "a key needs its certificate", None);
                None
            }
        };
        Tls { ca_file: self.path("ca_file"), certificate }
    }

    fn sasl(&mut self) -> Option<Sasl> {
        let before = self.problems.len();
        for key in ["username", "password"] {
            match self.text(key) {
                "" if key == "password" => {
                    let reason = "SASL needs it: in STREAMGAUGE_KAFKA__PASSWORD, which is seen by fewer than a file";
                    self.refuse(key, reason, None);
                }
                "" => self.refuse(key, "SASL needs it", None),
                MASK if key == "password" => {
                    self.refuse(key, "this is what is shown in its place", None);
                }
                _ => {}
            }
        }
        let word = self.text("mechanism");
        let mechanism = Mechanism::ALL.into_iter().find(|m| m.name() == word)?;
        let (username, password) = (self.text("username"), self.text("password"));
        let password = Secret::new(password);
        (self.problems.len() == before).then(|| Sasl {
            mechanism,
            username: username.to_owned(),
            password,
        })
    }
}

/// A broker, with the usual port if it has none.
fn with_port(broker: &str) -> String {
    let plain = broker.split_once("://").map_or(broker, |(_, rest)| rest);
    // An address of version 6 has colons of its own, and stands in brackets.
    let after_host = plain.rsplit_once(']').map_or(plain, |(_, rest)| rest);
    match after_host.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => plain.to_owned(),
        Some((_, port)) => format!("{}{USUAL_PORT}", plain.trim_end_matches(port)),
        None => format!("{plain}:{USUAL_PORT}"),
    }
}
