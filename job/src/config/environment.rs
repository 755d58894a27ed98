//! The layer of the environment: `STREAMGAUGE_TIME__LATENESS=10m`, with two
//! underscores between section and key.
//!
//! A variable of this program's prefix that means nothing is refused: a
//! mistyped one would otherwise be ignored in silence. The exceptions are the
//! variables that a container platform sets for a service of the same name.
//!
//! Invariant: variables are judged in the order of their names.
//!
//! It deliberately does not read the process's environment; that is given.

use std::collections::BTreeMap;

use super::problem::{Origin, Problem};
use super::schema::{self, Key, Section};
use super::settings::{Settings, from_text};
use super::suggest::nearest;
use super::webhook;

/// What the names of all variables of this program begin with.
pub(super) const PREFIX: &str = "STREAMGAUGE_";

/// The variable that names the configuration file, as `--config` does.
pub const CONFIG_VARIABLE: &str = "STREAMGAUGE_CONFIG";

/// Variables that are no keys: the file, the log's filter, the long tests, the tests' Kafka
/// and InfluxDB.
const OTHERS: [&str; 7] = [
    CONFIG_VARIABLE,
    "STREAMGAUGE_LOG",
    "STREAMGAUGE_LONG",
    "STREAMGAUGE_KAFKA",
    "STREAMGAUGE_KAFKA_SECURED",
    "STREAMGAUGE_INFLUXDB",
    "STREAMGAUGE_INFLUXDB_TOKEN",
];

/// The variable of a key: `STREAMGAUGE_TIME__LATENESS`.
pub(super) fn variable(section: &Section, key: &Key) -> String {
    format!("{PREFIX}{}__{}", section.name, key.name).to_ascii_uppercase()
}

/// Puts the variables on `settings`.
pub(super) fn apply(
    variables: &BTreeMap<String, String>,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) {
    let ours = variables.iter().filter(|(name, _)| name.to_ascii_uppercase().starts_with(PREFIX));
    for (name, value) in ours {
        let known = schema::keys().find(|(section, key)| variable(section, key) == *name);
        let origin = Origin::Environment { variable: name.clone() };
        match known {
            Some((section, key)) if section.repeated => problems.push(Problem::BadShape {
                subject: format!("`{}`", schema::path(section, key)),
                origin,
                reason: format!("[[{}]] can only be set in the file", section.name),
            }),
            Some((section, key)) => {
                settings.put(&schema::path(section, key), origin, from_text(value), problems);
            }
            None if OTHERS.contains(&name.as_str()) || is_service_link(name, value) => {}
            // Whether there is such a webhook is judged where the file is known.
            None if webhook::is_secret_variable(name) => {}
            None => problems.push(unknown(name)),
        }
    }
}

fn unknown(name: &str) -> Problem {
    let known: Vec<String> = schema::keys()
        .filter(|(section, _)| !section.repeated)
        .map(|(section, key)| variable(section, key))
        .chain(OTHERS.map(str::to_owned))
        .collect();
    // The prefix is the same in all: compare what can differ. A single
    // underscore where two belong is the commonest slip.
    let rest = |name: &str| name.get(PREFIX.len()..).unwrap_or_default().replace("__", "_");
    let rests: Vec<String> = known.iter().map(|name| rest(name)).collect();
    let wanted = nearest(&rest(name), rests.iter().map(String::as_str));
    let found = wanted.and_then(|wanted| rests.iter().position(|rest| rest == wanted));
    Problem::UnknownVariable {
        variable: name.to_owned(),
        nearest: found.and_then(|index| known.get(index).cloned()),
    }
}

/// Whether a variable is one that Kubernetes sets in every container for a
/// service whose name begins with this program's: `…_SERVICE_HOST`,
/// `…_SERVICE_PORT`, `…_PORT=tcp://…` and `…_PORT_8082_TCP_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let link = value.starts_with("tcp://") || value.starts_with("udp://");
    let parts: Vec<&str> = name.split('_').collect();
    match parts.as_slice() {
        [.., "SERVICE", "HOST"] | [.., "SERVICE", "PORT"] => true,
        [.., "SERVICE", "PORT", _] => true,
        [.., "PORT", port, "TCP" | "UDP"] => is_number(port) && link,
        [.., "PORT", port, "TCP" | "UDP", "PROTO" | "PORT" | "ADDR"] => is_number(port),
        [.., "PORT"] => link,
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_platform_are_left_alone() {
        let check = |name: &str, value: &str, expected: bool| {
            assert_eq!(is_service_link(name, value), expected, "{name}={value}");
        };
        check("STREAMGAUGE_SERVICE_HOST", "10.0.0.1", true);
        check("STREAMGAUGE_GATEWAY_SERVICE_PORT", "8082", true);
        check("STREAMGAUGE_SERVICE_PORT_HTTP", "8082", true);
        check("STREAMGAUGE_PORT", "tcp://10.0.0.1:8082", true);
        check("STREAMGAUGE_PORT", "8082", false);
        check("STREAMGAUGE_PORT_8082_TCP", "tcp://10.0.0.1:8082", true);
        check("STREAMGAUGE_PORT_8082_TCP_ADDR", "10.0.0.1", true);
        check("STREAMGAUGE_TIME_LATENESS", "10m", false);
    }
}
