//! The table of every configuration key: its section, kind, default and what it
//! means. It is the one place that knows them: reading, checking, the help of
//! the flags, `streamgauge config` and the reference all come from it.
//!
//! It deliberately holds nothing but the table; [`super::schema`] says what its
//! parts are.

use super::kind::{Kind, MAX_DURATION_MS};
use super::schema::{Key, Section};

/// How bad an alert can be.
const SEVERITIES: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Some(default), doc, secret: false }
}

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, default: None, doc, secret: false }
}

const fn secret(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Some(default), doc, secret: true }
}

/// A duration that may be nothing at all.
const ANY_DURATION: Kind = Kind::Duration { min_ms: 0, max_ms: MAX_DURATION_MS };

/// A share of all events, as a fraction.
const SHARE: Kind = Kind::Decimal { min: 0.0, max: 1.0 };

/// The name of the section with the funnels.
pub const FUNNEL: &str = "funnel";

/// The name of the section with the alert rules.
pub const ALERT: &str = "alert";

/// The name of the section with the webhooks.
pub const WEBHOOK: &str = "webhook";

/// Every section, in the order in which they are printed.
pub static SECTIONS: [Section; 16] = [
    Section {
        name: "input",
        doc: "Which records count.",
        repeated: false,
        keys: &[
            key(
                "dedup",
                Kind::Choice(&["off", "on"]),
                "off",
                "Leave out a record that repeats the eventId and user of an earlier one of its partition.",
            ),
            key(
                "bots",
                Kind::Choice(&["include", "exclude"]),
                "include",
                "Whether events with a bot's user agent take part in the results; they are counted either way.",
            ),
            key(
                "max_bytes",
                Kind::Integer { min: 1, max: 67_108_864 },
                "1048576",
                "A longer record, in bytes, is a dead letter (`oversize`).",
            ),
        ],
    },
    Section {
        name: "time",
        doc: "Event time: when results become final, and how often they are published before and after.",
        repeated: false,
        keys: &[
            key(
                "allowed_disorder",
                ANY_DURATION,
                "5s",
                "How far the watermark of a partition stays behind its largest timestamp.",
            ),
            key(
                "lateness",
                ANY_DURATION,
                "10m",
                "How long after its slice of time has ended an event is still accepted and corrects results.",
            ),
            key(
                "session_gap",
                Kind::Duration { min_ms: 1, max_ms: MAX_DURATION_MS },
                "30m",
                "A silence longer than this ends a session.",
            ),
            key(
                "epoch",
                Kind::Duration { min_ms: 20, max_ms: 1_000 },
                "50ms",
                "How long live records are gathered before they are processed together.",
            ),
            key(
                "provisional_epochs",
                Kind::Integer { min: 1, max: 1_000 },
                "10",
                "Epochs between provisional results outside the real-time family, which has them every epoch.",
            ),
            key(
                "corrections",
                Kind::Duration { min_ms: 0, max_ms: 3_600_000 },
                "1s",
                "The least time between two corrections of one result.",
            ),
        ],
    },
    Section {
        name: "site",
        doc: "The site that is measured.",
        repeated: false,
        keys: &[
            key(
                "time_zone",
                Kind::TimeZone,
                "UTC",
                "In which its days begin, by its name in the IANA database, such as Europe/Berlin.",
            ),
            key(
                "days",
                Kind::Choice(&["on", "off"]),
                "on",
                "Whether `run` and `job` have results over days; `replay` has them with --days.",
            ),
        ],
    },
    Section {
        name: FUNNEL,
        doc: "Steps that sessions go through in order; the funnels of the file replace the default one.",
        repeated: true,
        keys: &[
            required("name", Kind::Text, "Its name in results; no two alike."),
            required(
                "steps",
                Kind::Steps,
                "2 to 8 steps: an event type, or a page pattern that begins with `/`, `*` or `(` (`*` is any text).",
            ),
            key(
                "strict",
                Kind::Flag,
                "false",
                "Allow no other page view or conversion between the steps.",
            ),
            key(
                "abandonment_step",
                Kind::Integer { min: 1, max: 7 },
                "2",
                "A session that reached this step and not the last has abandoned the funnel; not the last step.",
            ),
        ],
    },
    Section {
        name: ALERT,
        doc: "A rule that alerts, beside HIGH_BOUNCE_RATE: a result beyond a limit (`metric`), or what a user does (`first`).",
        repeated: true,
        keys: &[
            required(
                "name",
                Kind::Text,
                "Its name: lower-case letters, digits and `_`, a letter first; no two alike.",
            ),
            key(
                "version",
                Kind::Integer { min: 1, max: 1_000_000 },
                "1",
                "A part of the identity of its alerts: count it up when the rule changes its meaning.",
            ),
            key("severity", Kind::Choice(&SEVERITIES), "MEDIUM", "How bad it is."),
            key(
                "title",
                Kind::AnyText,
                "",
                "A few words, in which places as in `description` are filled in; empty: made from the name.",
            ),
            key(
                "description",
                Kind::AnyText,
                "",
                "What has happened; empty: made from the rule. Filled in are {value}, {threshold}, {start}, {end}, {rule} and {severity}; of a threshold also {metric}, {dimensions} and {windows}, of a sequence {user}, {first}, {then} and {within}.",
            ),
            key(
                "metric",
                Kind::AnyText,
                "",
                "The type of a result with a single value, such as CONVERSION_RATE.",
            ),
            key(
                "dimensions",
                Kind::AnyText,
                "",
                "Of which dimension, such as currency=EUR; empty: each result for itself.",
            ),
            key("above", Kind::Limit, "", "It fires where the value is larger than this."),
            key("below", Kind::Limit, "", "It fires where the value is smaller than this."),
            key(
                "windows",
                Kind::Integer { min: 1, max: 1_000 },
                "1",
                "In how many windows in a row; one without a result ends the row.",
            ),
            key(
                "first",
                Kind::AnyText,
                "",
                "What a user does: an event type or a page pattern, as in a funnel's steps.",
            ),
            key("then", Kind::AnyText, "", "It fires where the same user does this after it."),
            key(
                "without",
                Kind::AnyText,
                "",
                "It fires where the same user does not do this after it.",
            ),
            key(
                "within",
                Kind::Duration { min_ms: 1, max_ms: 30 * 86_400_000 },
                "10m",
                "The longest time from the first to the second.",
            ),
        ],
    },
    Section {
        name: "simulator",
        doc: "The events that `run` and `simulate` make up.",
        repeated: false,
        keys: &[
            key(
                "rate",
                Kind::Rate { max: 1_000_000 },
                "200",
                "Events a second, or \"max\": as fast as they can be made, with the times of 200 a second (of `run`: as fast as they can be processed, with the times of the clock).",
            ),
            key(
                "users",
                Kind::Integer { min: 1, max: 20_000_000 },
                "10000",
                "How many different users there are.",
            ),
            key(
                "seed",
                Kind::Integer { min: 0, max: i64::MAX },
                "1",
                "The same seed and settings make the same events.",
            ),
            key(
                "disorder",
                Kind::Duration { min_ms: 0, max_ms: 86_400_000 },
                "2s",
                "How far out of order events come at most, the late ones apart.",
            ),
            key("late_share", SHARE, "0", "The share of events that come too late."),
            key("duplicate_share", SHARE, "0", "The share of events that come twice."),
            key("malformed_share", SHARE, "0", "The share of records that are no valid event."),
            key(
                "skew",
                Kind::Decimal { min: 0.0, max: 5.0 },
                "1",
                "How unevenly users and pages are visited: Zipf's exponent, 0 is evenly.",
            ),
        ],
    },
    Section {
        name: "job",
        doc: "How the dataflow runs; nothing here changes a result.",
        repeated: false,
        keys: &[
            key(
                "workers",
                Kind::Integer { min: 0, max: 256 },
                "0",
                "Worker threads; 0 is one for each core.",
            ),
            key(
                "silence",
                Kind::Duration { min_ms: 100, max_ms: 3_600_000 },
                "5s",
                "How long one process of several may give no sign of life before all end, to begin again at the last checkpoint.",
            ),
        ],
    },
    Section {
        name: "data",
        doc: "Where `run`, `job`, `gateway` and others keep what must not be lost.",
        repeated: false,
        keys: &[key(
            "directory",
            Kind::Text,
            "auto",
            "The data directory; \"auto\" is data/site, or data/demo for `run` with the simulator; for what only looks, the one of them that is there.",
        )],
    },
    Section {
        name: "log",
        doc: "The log of events.",
        repeated: false,
        keys: &[
            key(
                "kind",
                Kind::Choice(&["embedded", "kafka"]),
                "embedded",
                "Where events are kept: \"embedded\" in the data directory, \"kafka\" in the topic of [kafka].",
            ),
            key(
                "retention",
                Kind::Duration { min_ms: 60_000, max_ms: MAX_DURATION_MS },
                "7d",
                "Events of the embedded log that were appended longer ago are cut.",
            ),
            key(
                "max_bytes",
                Kind::Integer { min: 1_048_576, max: i64::MAX },
                "10737418240",
                "Its oldest events are cut down to so many bytes as they are stored (compressed).",
            ),
            key(
                "sync",
                Kind::Choice(&["full", "normal"]),
                "full",
                "\"full\": what is acknowledged survives a power loss; \"normal\": it survives a crash of the program, and a power loss can take the last second.",
            ),
        ],
    },
    Section {
        name: "results",
        doc: "The results, with the bindings of epochs to events.",
        repeated: false,
        keys: &[key(
            "kind",
            Kind::Choice(&["as_log", "embedded"]),
            "as_log",
            "Where they are kept: \"as_log\" where [log] kind keeps the events, that is in topics of the same Kafka or in the data directory; \"embedded\" in the data directory in any case.",
        )],
    },
    Section {
        name: "kafka",
        doc: "The Kafka that has the events, and the results, where [log] kind is \"kafka\".",
        repeated: false,
        keys: &[
            key(
                "brokers",
                Kind::Text,
                "127.0.0.1:9092",
                "Some of its brokers, as host:port with commas between; the others are found by them.",
            ),
            key("topic", Kind::Text, "website-analytics-events", "The topic of events."),
            key(
                "prefix",
                Kind::AnyText,
                "",
                "What the names of the topics of results begin with, such as \"shop-\" for shop-processed-metrics; what is read back together must have been written under the same. Empty: nothing.",
            ),
            key(
                "group",
                Kind::AnyText,
                "",
                "A consumer group that the job commits its positions to, for those who watch the lag; they are never read back. Empty: none.",
            ),
            key(
                "security",
                Kind::Choice(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
                "PLAINTEXT",
                "How connections are secured; SSL (which is TLS) needs a program that was built with it.",
            ),
            key(
                "mechanism",
                Kind::Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
                "PLAIN",
                "How it is proved by SASL who connects; SCRAM needs a program that was built with TLS.",
            ),
            key("username", Kind::AnyText, "", "Who connects, by SASL."),
            secret(
                "password",
                Kind::AnyText,
                "",
                "The password of who connects, by SASL; better given as STREAMGAUGE_KAFKA__PASSWORD.",
            ),
            key(
                "ca_file",
                Kind::AnyText,
                "",
                "A file (PEM) with the certificates of the authorities to trust; empty: the system's.",
            ),
            key(
                "cert_file",
                Kind::AnyText,
                "",
                "A file (PEM) with the certificate of who connects, where brokers ask for one.",
            ),
            key("key_file", Kind::AnyText, "", "A file (PEM) with the key of that certificate."),
        ],
    },
    Section {
        name: "checkpoint",
        doc: "From where a job goes on after it has ended, however it ended.",
        repeated: false,
        keys: &[
            key(
                "every",
                Kind::Duration { min_ms: 100, max_ms: 86_400_000 },
                "10s",
                "Time between checkpoints; a job that is killed computes so much once more.",
            ),
            key(
                "keep",
                Kind::Integer { min: 1, max: 1_000 },
                "3",
                "How many of the newest are kept.",
            ),
            key(
                "keep_hours",
                Kind::Integer { min: 0, max: 168 },
                "6",
                "Besides, one an hour of the last so many hours.",
            ),
            key(
                "keep_bindings",
                ANY_DURATION,
                "1d",
                "How long it is kept which events were in which epoch, beyond what checkpoints need: a replay of the log uses it.",
            ),
        ],
    },
    Section {
        name: "store",
        doc: "The history of results.",
        repeated: false,
        keys: &[
            key(
                "kind",
                Kind::Choice(&["embedded", "influxdb"]),
                "embedded",
                "Where it is kept: \"embedded\" in the data directory, \"influxdb\" in the bucket of [influxdb].",
            ),
            key(
                "retention",
                Kind::Duration { min_ms: 3_600_000, max_ms: MAX_DURATION_MS },
                "30d",
                "Results of windows that ended longer ago are dropped from the embedded store.",
            ),
            key(
                "sessions",
                Kind::Choice(&["none", "tag"]),
                "none",
                "\"tag\" writes a point for every session into InfluxDB, its duration in s, with the tag `session_id`: a series for each of them, which fills a bucket.",
            ),
        ],
    },
    Section {
        name: "influxdb",
        doc: "The InfluxDB 2 that has the history where [store] kind is \"influxdb\".",
        repeated: false,
        keys: &[
            key(
                "url",
                Kind::Url,
                "http://127.0.0.1:8086",
                "Its address: scheme, host and port; https needs a program that was built with it.",
            ),
            secret(
                "token",
                Kind::AnyText,
                "",
                "What may read and write the bucket; better given as STREAMGAUGE_INFLUXDB__TOKEN.",
            ),
            key(
                "org",
                Kind::Text,
                "analytics",
                "The organisation; made if there is none and the token may.",
            ),
            key(
                "bucket",
                Kind::Text,
                "metrics",
                "The bucket; made if there is none and the token may.",
            ),
            key(
                "retention",
                Kind::Duration { min_ms: 3_600_000, max_ms: MAX_DURATION_MS },
                "30d",
                "How long a bucket that is made keeps points; one that is there is left as it is.",
            ),
            key(
                "timeout",
                Kind::Duration { min_ms: 100, max_ms: 300_000 },
                "10s",
                "How long an answer may take before it is asked for again.",
            ),
        ],
    },
    Section {
        name: "gateway",
        doc: "WebSocket, REST and the live page.",
        repeated: false,
        keys: &[key(
            "listen",
            Kind::Address,
            "127.0.0.1:8082",
            "Address and port; 0.0.0.0:8082 lets others in.",
        )],
    },
    Section {
        name: WEBHOOK,
        doc: "Where `run` and `gateway` send alerts, 16 at most; a new one begins with the alerts from then on.",
        repeated: true,
        keys: &[
            required("name", Kind::Name, "Its name; no two alike. Under it is kept how far it is."),
            required("url", Kind::Url, "Where alerts are sent to, by POST."),
            secret(
                "secret",
                Kind::Text,
                "none",
                "What deliveries are signed with, 16 characters or more, also as STREAMGAUGE_WEBHOOK__NAME__SECRET; \"none\" signs nothing.",
            ),
            key(
                "rules",
                Kind::List { of: &[] },
                "",
                "The rules whose alerts are sent, such as `high_bounce_rate`; none is all.",
            ),
            key(
                "severities",
                Kind::List { of: &SEVERITIES },
                "",
                "The severities that are sent; none is all.",
            ),
            key(
                "timeout",
                Kind::Duration { min_ms: 100, max_ms: 60_000 },
                "10s",
                "How long the receiver may take for an answer.",
            ),
            key(
                "give_up_after",
                Kind::Duration { min_ms: 1_000, max_ms: 7 * 86_400_000 },
                "1h",
                "How long after its first attempt an alert that is not taken becomes a dead letter.",
            ),
            key(
                "max_attempts",
                Kind::Integer { min: 1, max: 10_000 },
                "100",
                "After how many attempts it becomes one at the latest.",
            ),
        ],
    },
];
