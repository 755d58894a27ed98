//! Brokers that want to know who a client is, by each way that they can: who is let in
//! appends and reads; who is not is told why, soon, and without its password.
//!
//! They need such a broker (see `crate::secured`).

use super::{SystemClock, Topic, append, at, note};
use crate::secured::Env;
use std::sync::Arc;
use std::time::{Duration, Instant};
use streamgauge_ingest::log::{EventLog, KafkaLog, LogError, Mechanism, Security, Tls};
use streamgauge_ingest::secret::Secret;

/// What is not said by then is waited for in vain.
const LIMIT: Duration = Duration::from_secs(20);

/// What is amiss with what is said to a client that is not let in.
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn amiss(env: &Env, listener: &str, security: Security, parts: &[&str]) -> Vec<String> {
    let settings = env.settings(listener, security);
    let began = Instant::now();
    let refused = KafkaLog::connect(settings, Arc::new(SystemClock)).err().unwrap();
    let text = refused.to_string();
    println!("{:.1} s: {text}", began.elapsed().as_secs_f64());
    assert!(!text.contains(env.get("PASSWORD")) && !text.contains("sesame"), "{text}");
    let mut amiss = Vec::new();
    if began.elapsed() > LIMIT {
        amiss.push(format!("it took {:?}: {text}", began.elapsed()));
    }
    if !matches!(refused, LogError::Storage { .. }) {
        amiss.push(format!("it would be waited for: {text}"));
    }
    let missing = parts.iter().filter(|part| !text.contains(*part));
    amiss.extend(missing.map(|part| format!("`{part}` is not in {text}")));
    amiss
}

#[test]
#[ignore = "needs a secured Kafka: deploy/dev/kafka.sh start --secured"]
fn kafka_secured_is_appended_to_and_read_by_every_way() {
    let env = Env::read();
    for (listener, security) in env.ways() {
        let topic = Topic::in_kafka(env.settings(listener, security), 2, &[]);
        let settings = topic.settings();
        println!("{} {}", settings.protocol(), settings.brokers);
        let log = KafkaLog::connect(settings, Arc::new(SystemClock)).unwrap();
        assert_eq!(append(&log, 1, &["a", "b"]), Ok(vec![0, 1]));
        assert_eq!(log.all_bounds(), Ok(vec![0..0, 0..2]));
        let mut read = Vec::new();
        let mut reader = log.reader(&[at(0, 0), at(1, 0)]).unwrap();
        reader.read_until(&[at(1, 2)], &mut note(&mut read)).unwrap();
        assert_eq!(read, [(0, "a".to_owned()), (1, "b".to_owned())]);
    }
}

#[test]
#[ignore = "needs a secured Kafka: deploy/dev/kafka.sh start --secured"]
fn kafka_secured_says_why_a_client_is_not_let_in() {
    let env = Env::read();
    let other = Tls { ca_file: Some(env.path("OTHER_CA_FILE")), certificate: None };
    let unread = Tls { ca_file: Some("/no/such/file".into()), certificate: None };
    let only_tls = |tls| Security { tls: Some(tls), sasl: None };
    let mut wrong = env.sasl(Mechanism::ScramSha512);
    wrong.username = "nobody".to_owned();
    let mut cases = vec![
        ("TLS", only_tls(other.clone()), &["certificate", "`kafka.ca_file`"]),
        ("TLS", only_tls(Tls::default()), &["certificate", "`kafka.ca_file`"]),
        ("TLS", only_tls(unread), &["/no/such/file", "`kafka.ca_file`"]),
        ("MUTUAL", only_tls(env.tls()), &["certificate", "`kafka.cert_file`"]),
        (
            "SCRAM",
            Security { tls: Some(other), sasl: Some(env.sasl(Mechanism::ScramSha512)) },
            &["certificate", "`kafka.ca_file`"],
        ),
        (
            "SCRAM",
            Security { tls: Some(env.tls()), sasl: Some(wrong) },
            &["uthentication", "`kafka.username`"],
        ),
        (
            "PLAIN",
            Security { tls: None, sasl: Some(env.sasl(Mechanism::ScramSha256)) },
            &["mechanisms: PLAIN", "`kafka.mechanism`"],
        ),
    ];
    for (listener, mut security) in env.ways() {
        if let Some(sasl) = &mut security.sasl {
            sasl.password = Secret::new("sesame");
            cases.push((listener, security, &["uthentication", "`kafka.password`"]));
        }
    }
    let amiss: Vec<_> = cases
        .into_iter()
        .flat_map(|(listener, security, parts)| amiss(&env, listener, security, parts))
        .collect();
    assert!(amiss.is_empty(), "{amiss:#?}");
}

#[test]
#[ignore = "needs a secured Kafka: deploy/dev/kafka.sh start --secured"]
fn kafka_secured_by_another_protocol_is_away_and_says_so() {
    let env = Env::read();
    let plain = Some(env.sasl(Mechanism::Plain));
    let cases = [
        ("TLS", Security::default()),
        ("PLAIN", Security::default()),
        ("SCRAM", Security { tls: None, sasl: plain.clone() }),
        ("PLAIN", Security { tls: Some(env.tls()), sasl: plain }),
        ("SCRAM", Security { tls: Some(env.tls()), sasl: None }),
    ];
    for (listener, security) in cases {
        let settings = env.settings(listener, security);
        let protocol = settings.protocol();
        let away = KafkaLog::connect(settings, Arc::new(SystemClock)).err().unwrap();
        let said = away.to_string();
        println!("{listener} by {protocol}: {said}");
        assert!(said.contains("`kafka.security`"), "{said}");
    }
}
