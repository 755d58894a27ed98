//! How a Kafka is reached, and what its clients are told.
//!
//! Every option of librdkafka that is not left as it comes stands here, with its
//! reason.

use super::heard::Heard;
use crate::log::LogError;
use crate::secret::Secret;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use std::path::PathBuf;

/// Most kilobytes that a reader holds of what it has fetched ahead, over all partitions.
const AHEAD_KB: usize = 64 << 10;
/// The same of one partition at least: about one answer of a broker.
const AHEAD_OF_PARTITION_KB: usize = 1 << 10;
/// Most bytes of key and value of a record: so much at once fits into what a producer holds
/// below, and into a request that brokers take (`socket.request.max.bytes`).
pub const MOST_RECORD_BYTES: u32 = 64_000_000;
/// Most bytes of a batch, but for a record that is larger, which is a batch by itself.
pub const BATCH_BYTES: u32 = 500_000;
/// The largest answer of a broker that is taken: a record that is there can be read, whoever
/// made it.
const MOST_ANSWER_BYTES: u32 = 1_000_000_000;
/// The group of a reader that commits to none: librdkafka wants a name.
const NO_GROUP: &str = "streamgauge";

/// Where the events are in a Kafka, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Brokers to begin with: `host:port`, with commas between.
    pub brokers: String,
    /// The topic; several with commas between are one log.
    pub topic: String,
    /// A consumer group that positions are committed to, for those who watch how far a
    /// reader is. They are never read back.
    pub group: Option<String>,
    /// How connections are secured.
    pub security: Security,
}

/// How connections are secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// By TLS, if at all.
    pub tls: Option<Tls>,
    /// Who the client is, if it must say so.
    pub sasl: Option<Sasl>,
}

/// Connections by TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities that are trusted, PEM; without it the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate and its key, PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Who the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How it proves that.
    pub mechanism: Mechanism,
    /// Its name.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// By the password itself.
    Plain,
    /// By SCRAM over SHA-256.
    ScramSha256,
    /// By SCRAM over SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name as Kafka knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl KafkaSettings {
    /// A topic of a Kafka that is reached without any security.
    #[must_use]
    pub fn new(brokers: impl Into<String>, topic: impl Into<String>) -> Self {
        let (brokers, topic) = (brokers.into(), topic.into());
        Self { brokers, topic, group: None, security: Security::default() }
    }

    /// Whether the program can do what is asked of it.
    ///
    /// # Errors
    /// If it was built without TLS and that is needed, or a file cannot be read.
    pub fn check(&self) -> Result<(), LogError> {
        self.check_build()?;
        let Some(Tls { ca_file, certificate }) = &self.security.tls else { return Ok(()) };
        let pair = certificate.as_ref().map(|(certificate, key)| [certificate, key]);
        let keys = [("cert_file", pair.map(|p| p[0])), ("key_file", pair.map(|p| p[1]))];
        for (key, path) in keys.into_iter().chain([("ca_file", ca_file.as_ref())]) {
            let Some(path) = path else { continue };
            std::fs::read(path).map_err(|error| LogError::Storage {
                what: format!("cannot read {}, which is `kafka.{key}`", path.display()),
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }

    fn check_build(&self) -> Result<(), LogError> {
        let Security { tls, sasl } = &self.security;
        let scram = sasl.as_ref().filter(|sasl| sasl.mechanism != Mechanism::Plain);
        let needs = match (tls, scram) {
            _ if cfg!(feature = "kafka-tls") => return Ok(()),
            (None, None) => return Ok(()),
            (Some(_), _) => "connections by TLS".to_owned(),
            (None, Some(sasl)) => format!("the mechanism {}", sasl.mechanism.name()),
        };
        Err(LogError::Storage {
            what: format!("cannot use {needs}"),
            reason: "this program was built without TLS: build it with `--features kafka-tls`, which needs OpenSSL (on Debian `apt-get install libssl-dev`)"
                .to_owned(),
        })
    }

    /// What all clients have in common.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Error);
        config.set("bootstrap.servers", &self.brokers).set("client.id", "streamgauge");
        // A broker that comes back is used again within a second or two.
        config.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "2000");
        let Security { tls, sasl } = &self.security;
        config.set("security.protocol", self.protocol());
        if let Some(Tls { ca_file, certificate }) = tls {
            let mut set = |key: &str, path: &PathBuf| {
                config.set(key, path.display().to_string());
            };
            if let Some(path) = ca_file {
                set("ssl.ca.location", path);
            }
            if let Some((certificate, key)) = certificate {
                set("ssl.certificate.location", certificate);
                set("ssl.key.location", key);
            }
        }
        if let Some(Sasl { mechanism, username, password }) = sasl {
            config.set("sasl.mechanism", mechanism.name());
            config.set("sasl.username", username).set("sasl.password", password.expose());
        }
        config
    }

    /// The security protocol, as Kafka names it.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match (&self.security.tls, &self.security.sasl) {
            (None, None) => "PLAINTEXT",
            (Some(_), None) => "SSL",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        }
    }

    /// A consumer of so many partitions; of none, it only asks for offsets.
    #[must_use]
    pub fn consumer(&self, partitions: usize) -> ClientConfig {
        let mut config = self.client();
        config.set("group.id", self.group.as_deref().unwrap_or(NO_GROUP));
        // Where to read is ours to say: bindings have the offsets.
        config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        // What is no longer there must be told and never be skipped.
        config.set("auto.offset.reset", "error");
        config.set("isolation.level", "read_committed");
        config.set("enable.partition.eof", "true").set("check.crcs", "true");
        config.set("receive.message.max.bytes", MOST_ANSWER_BYTES.to_string());
        // By partition, as each has a queue of its own.
        let ahead_kb = (AHEAD_KB / partitions.max(1)).max(AHEAD_OF_PARTITION_KB);
        config.set("queued.max.messages.kbytes", ahead_kb.to_string());
        // A partition that is read on waits so long at most for the answer about those
        // that have nothing.
        config.set("fetch.wait.max.ms", "100");
        // A queue that was full, or a fetch that failed, is taken up again after this.
        config.set("fetch.queue.backoff.ms", "20").set("fetch.error.backoff.ms", "100");
        config
    }

    /// A producer that loses and doubles nothing, and keeps the order of each partition.
    #[must_use]
    pub fn producer(&self, timeout_ms: u32) -> ClientConfig {
        let mut config = self.client();
        config.set("enable.idempotence", "true").set("acks", "all");
        config.set("compression.type", "snappy");
        // What does not fit into a batch waits for the answer to the one before it, and the
        // client's threads poll without a pause until that comes: they starve brokers of the
        // same machine. So there is one batch for all that is sent at once.
        config.set("batch.size", BATCH_BYTES.to_string()).set("linger.ms", "5");
        config.set("message.timeout.ms", timeout_ms.to_string());
        config.set("message.max.bytes", MOST_RECORD_BYTES.to_string());
        // Callers wait for their records: more than this is never on its way for long.
        config.set("queue.buffering.max.kbytes", "65536");
        config
    }

    /// The topic and its brokers, for what is said of them.
    #[must_use]
    pub fn shown(&self) -> String {
        let topics = match self.topic.split_once(',') {
            None => format!("topic {}", self.topic),
            Some((first, others)) => {
                format!("topics {first} and {} others", others.split(',').count())
            }
        };
        format!("the {topics} of Kafka at {}", self.brokers)
    }

    /// That something could not be done.
    pub(super) fn failed(
        &self,
        what: &str,
        error: &rdkafka::error::KafkaError,
        heard: &Heard,
    ) -> LogError {
        heard.failed(format!("{what} {}", self.shown()), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secured(tls: bool, mechanism: Option<Mechanism>) -> KafkaSettings {
        let sasl = mechanism.map(|mechanism| Sasl {
            mechanism,
            username: "me".to_owned(),
            password: Secret::new("open sesame"),
        });
        let security = Security { tls: tls.then(Tls::default), sasl };
        KafkaSettings { security, ..KafkaSettings::new("b:9092", "events") }
    }

    #[test]
    fn the_protocol_follows_from_what_is_set() {
        let check = |tls, sasl: Option<Mechanism>, expected| {
            assert_eq!(secured(tls, sasl).protocol(), expected);
        };
        check(false, None, "PLAINTEXT");
        check(true, None, "SSL");
        check(false, Some(Mechanism::Plain), "SASL_PLAINTEXT");
        check(true, Some(Mechanism::ScramSha512), "SASL_SSL");
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = format!("{:?}", secured(true, Some(Mechanism::Plain)));
        assert!(shown.contains("me") && !shown.contains("sesame"), "{shown}");
    }

    #[test]
    #[cfg(not(feature = "kafka-tls"))]
    fn what_needs_tls_is_refused_without_it() {
        assert_eq!(secured(false, Some(Mechanism::Plain)).check(), Ok(()));
        for settings in [secured(true, None), secured(false, Some(Mechanism::ScramSha256))] {
            let refused = settings.check().unwrap_err().to_string();
            assert!(refused.contains("--features kafka-tls"), "{refused}");
        }
    }
}
