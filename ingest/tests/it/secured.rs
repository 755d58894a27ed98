//! A Kafka that wants to know who a client is, as `deploy/dev/kafka.sh start --secured`
//! makes one, for the tests of all crates: `STREAMGAUGE_KAFKA_SECURED` names the file
//! `secured/env` in its data directory.
//!
//! What needs it is ignored without being asked for: `cargo test … --features kafka-tls …
//! -- --ignored kafka_secured`, as deploy/test.sh does.

#![allow(dead_code, reason = "not every crate's tests need all of it")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use streamgauge_ingest::log::{KafkaSettings, Mechanism, Sasl, Security, Tls};
use streamgauge_ingest::secret::Secret;

/// What the file of a secured broker says.
pub(crate) struct Env(BTreeMap<String, String>);

impl Env {
    pub(crate) fn read() -> Self {
        let path = std::env::var("STREAMGAUGE_KAFKA_SECURED")
            .expect("STREAMGAUGE_KAFKA_SECURED=FILE: deploy/dev/kafka.sh start --secured");
        let text = std::fs::read_to_string(path).unwrap();
        let pairs = text.lines().map(|line| line.split_once('=').unwrap());
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        &self.0[name]
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(&self.0[name])
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls { ca_file: Some(self.path("CA_FILE")), certificate: None }
    }

    pub(crate) fn sasl(&self, mechanism: Mechanism) -> Sasl {
        let (username, password) = (self.0["USERNAME"].clone(), Secret::new(&self.0["PASSWORD"]));
        Sasl { mechanism, username, password }
    }

    /// All ways in: the listener, and what it wants.
    pub(crate) fn ways(&self) -> Vec<(&'static str, Security)> {
        let certificate = Some((self.path("CERT_FILE"), self.path("KEY_FILE")));
        let mutual = Tls { certificate, ..self.tls() };
        let scram =
            |mechanism| Security { tls: Some(self.tls()), sasl: Some(self.sasl(mechanism)) };
        let plain = Some(self.sasl(Mechanism::Plain));
        vec![
            ("TLS", Security { tls: Some(self.tls()), sasl: None }),
            ("MUTUAL", Security { tls: Some(mutual), sasl: None }),
            ("PLAIN", Security { tls: None, sasl: plain }),
            ("SCRAM", scram(Mechanism::ScramSha256)),
            ("SCRAM", scram(Mechanism::ScramSha512)),
        ]
    }

    pub(crate) fn settings(&self, listener: &str, security: Security) -> KafkaSettings {
        KafkaSettings { security, ..KafkaSettings::new(&self.0[listener], "no-such-topic") }
    }
}
