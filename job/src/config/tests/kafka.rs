//! The Kafka of the events: what is taken, what is refused, and that secrets are not shown.

use super::{only_problem, resolved};
use crate::config::{reference, summary, to_toml};
use std::path::PathBuf;
use streamgauge_ingest::log::{KafkaSettings, Mechanism};

const SASL: &str = "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"a:9092,b:9093\"\nsecurity = \"SASL_SSL\"\nmechanism = \"SCRAM-SHA-512\"\nusername = \"me\"\n";

fn kafka(text: &str) -> String {
    format!("log.kind = \"kafka\"\n[kafka]\n{text}\n")
}

#[test]
fn a_kafka_is_there_only_where_events_are_kept_in_it() {
    let of = |file: &str| resolved(Some(file), &[], &[]).expect("valid").kafka;
    assert_eq!(of(""), None);
    assert_eq!(of("[kafka]\nbrokers = \"not checked\""), None);
    let usual = KafkaSettings::new("127.0.0.1:9092", "website-analytics-events");
    assert_eq!(of(&kafka("")), Some(usual));
    let results = |file: &str| resolved(Some(file), &[], &[]).expect("valid").results_in_kafka;
    assert_eq!(results("kafka.prefix = \"a-\""), None);
    assert_eq!(results(&kafka("prefix = \"a-\"")).as_deref(), Some("a-"));
    assert_eq!(results(&format!("results.kind = \"embedded\"\n{}", kafka(""))), None);
    let group = of(&kafka("group = \"lag\"")).and_then(|k| k.group);
    assert_eq!(group.as_deref(), Some("lag"));
}

#[test]
fn what_secures_connections_is_read_and_a_password_never_shown() {
    let variables = ["STREAMGAUGE_KAFKA__PASSWORD=open sesame"];
    let files = "ca_file = \"ca.pem\"\ncert_file = \"c.pem\"\nkey_file = \"k.pem\"\n";
    let file = format!("{SASL}{files}");
    let config = resolved(Some(&file), &variables, &[]).expect("valid");
    let read = config.kafka.clone().expect("a kafka");
    assert_eq!(read.protocol(), "SASL_SSL");
    let sasl = read.security.sasl.expect("a user");
    assert_eq!((sasl.mechanism, sasl.username.as_str()), (Mechanism::ScramSha512, "me"));
    assert_eq!(sasl.password.expose(), "open sesame");
    let tls = read.security.tls.expect("files");
    assert_eq!(tls.ca_file, Some(PathBuf::from("ca.pem")));
    assert_eq!(tls.certificate, Some((PathBuf::from("c.pem"), PathBuf::from("k.pem"))));
    for shown in [to_toml(&config), summary(&config), format!("{config:?}")] {
        assert!(!shown.contains("sesame"), "{shown}");
    }
    assert!(to_toml(&config).contains(
        "password = \"********\"  # from environment variable STREAMGAUGE_KAFKA__PASSWORD"
    ));
    let unset = resolved(None, &[], &[]).expect("valid");
    assert!(to_toml(&unset).contains("password = \"\"\n"), "one that is not set is seen");
    assert!(reference().contains("`kafka.password`"));
}

#[test]
fn a_password_is_not_shown_either_where_it_is_not_understood() {
    let check = |file: &str, variables: &[&str]| {
        let problems = resolved(Some(file), variables, &[]).expect_err(file).to_string();
        assert!(!problems.contains("sesame"), "{problems}");
    };
    check(&format!("{SASL}password = sesame\n"), &[]);
    check(&format!("{SASL}password = [\"sesame\"]\n"), &[]);
    check(&format!("{SASL}password = {{ sesame = \"sesame\" }}\n"), &[]);
    check(&format!("{SASL}password = \"sesame\npassword = 'sesame\n"), &[]);
    check(&format!("{SASL}password = \"sesame\"\npassword = \"sesame\"\n"), &[]);
    check(&format!("{SASL}password = \"x\"\npasword = \"sesame\"\n"), &[]);
    check(&format!("{SASL}password = \"x\"\n"), &["STREAMGAUGE_KAFKA__PASWORD=sesame"]);
    check(&format!("{SASL}password = \"x\"\n"), &["STREAMGAUGE_KAFKA_PASSWORD=sesame"]);
    check("kafka.password = \"sesame\"\nlog.kind = \"kafka\"\n", &[]);
}

#[test]
fn what_cannot_be_is_refused_with_the_nearest_that_can() {
    let check = |text: &str, expected: &[&str]| {
        let problem = only_problem(Some(&kafka(text)), &[], &[]);
        assert!(expected.iter().all(|part| problem.contains(part)), "{text}: {problem}");
    };
    check("brokers = \"kafka\"", &["`kafka.brokers`", "`kafka:9092`"]);
    check("brokers = \"a:1, b:x\"", &["`a:1,b:9092`"]);
    check("brokers = \"kafka://a\"", &["`a:9092`"]);
    check("topic = \"my events\"", &["`kafka.topic`", "`my-events`"]);
    check("prefix = \"my site/\"", &["`kafka.prefix`", "`my-site-`"]);
    check("topic = \"dead-letters\"", &["`kafka.topic`", "`dead-letters-events`", "as events"]);
    check("topic = \"a-bindings\"\nprefix = \"a-\"", &["`kafka.topic`", "`a-bindings-events`"]);
    check("security = \"SASL-SSL\"", &["`SASL_SSL`"]);
    check("mechanism = \"SCRAM-SHA-265\"", &["`SCRAM-SHA-256`"]);
    check("user_name = \"me\"", &["unknown key", "username"]);
    check("username = \"me\"", &["`kafka.username`", "PLAINTEXT"]);
    check("security = \"SSL\"\nkey_file = \"k\"", &["`kafka.cert_file`"]);
    check("security = \"SSL\"\ncert_file = \"c\"", &["`kafka.key_file`"]);
    for fine in ["topic = \"sessions\"\nprefix = \"a-\"", "topic = \"job-status-events\""] {
        resolved(Some(&kafka(fine)), &[], &[]).expect(fine);
    }
    let here = format!("results.kind = \"embedded\"\n{}", kafka("topic = \"sessions\""));
    resolved(Some(&here), &[], &[]).expect("results are in the data directory");
    let unset = only_problem(Some(SASL), &[], &[]);
    assert!(unset.contains("`kafka.password`") && unset.contains("SASL needs it"), "{unset}");
    assert!(
        unset.contains("defaults: ``: ") && unset.contains("STREAMGAUGE_KAFKA__PASSWORD"),
        "{unset}"
    );
    let masked = ["STREAMGAUGE_KAFKA__PASSWORD=********"];
    let masked = only_problem(Some(SASL), &masked, &[]);
    assert!(masked.contains("shown in its place"), "{masked}");
    let short = ["STREAMGAUGE_KAFKA__PASSWORD=open sesame"];
    let unused = only_problem(Some(&kafka("")), &short, &[]);
    assert!(unused.contains("no use for it") && !unused.contains("sesame"), "{unused}");
}
