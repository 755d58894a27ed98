//! Results in a Kafka that demands TLS and passwords.

use super::{all, fixture_in};
use crate::results::{METRICS, START_MS, commit, record, transaction};
use crate::secured::Env;
use std::sync::Arc;
use std::time::{Duration, Instant};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{Mechanism, Sasl, Security};
use streamgauge_ingest::secret::Secret;
use streamgauge_sink::results::KafkaResults;
use streamgauge_sink::topics::Admin;

/// By every way in that the brokers have.
#[test]
#[ignore = "needs a secured Kafka: deploy/dev/kafka.sh start --secured"]
fn kafka_secured_has_topics_made_and_results_committed_and_read() {
    let env = Env::read();
    for (listener, security) in env.ways() {
        let kafka = env.settings(listener, security);
        println!("{} {}", kafka.protocol(), kafka.brokers);
        let (f, prefix) = fixture_in(&kafka);
        let mut writer = f.log.writer().unwrap();
        let one = record(METRICS, 0, "key", Some("1"));
        commit(&f, &mut *writer, &transaction(0, vec![one]));
        let clock = Arc::new(ManualClock::new(START_MS));
        let again = KafkaResults::connect(&kafka, &prefix, clock).unwrap();
        let seen = all(&again, &[METRICS], 10);
        assert_eq!(seen, ["processed-metrics 0 key Some(\"1\")"]);
    }
}

#[test]
#[ignore = "needs a secured Kafka: deploy/dev/kafka.sh start --secured"]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn kafka_secured_says_to_admins_why_they_are_not_let_in() {
    let env = Env::read();
    let sasl = Sasl { password: Secret::new("sesame"), ..env.sasl(Mechanism::ScramSha256) };
    let security = Security { tls: Some(env.tls()), sasl: Some(sasl) };
    let admin = Admin::new(&env.settings("SCRAM", security)).unwrap();
    let began = Instant::now();
    let said = admin.brokers().unwrap_err().to_string();
    println!("{:?}: {said}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10), "{said}");
    assert!(said.contains("uthentication failed") && said.contains("`kafka.password`"), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}
