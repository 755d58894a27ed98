//! Reading the webhooks of the file, and their secrets of the environment.
//!
//! Invariant: a webhook is either whole and valid, or at least one problem says why it is
//! not. A secret is in no problem.
//!
//! It deliberately knows only the rules between keys; what each key takes is in the
//! table.

use std::collections::BTreeMap;
use std::time::Duration;
use toml::de::DeValue;

use super::alert::Alert;
use super::entry::{Entry, Named, entries};
use super::file::Source;
use super::problem::{Origin, Problem, shown};
use super::schema::Section;
use super::settings::{MASK, Refused};
use super::suggest::nearest;
use super::value::{Refusal, Value};
use super::webhook::{Webhook, is_secret_variable};
use streamgauge_sink::alert::HIGH_BOUNCE_RATE;
use streamgauge_sink::webhook::{Endpoint, Secret, Url};

const WEBHOOKS: Named<Webhook> = Named {
    section: "webhook",
    word: "webhook",
    most: 16,
    name: |webhook| &webhook.endpoint.name,
    origin: |webhook| &webhook.origin,
    // They would have one variable for their secrets.
    same: Webhook::secret_variable,
    hint: " (`-` and `_` are alike)",
};
/// A secret that is shorter could be found out by trying.
const FEWEST_SECRET_BYTES: usize = 16;
/// The secret that there is none.
const NO_SECRET: &str = "none";

/// Reads all webhooks of the file; what is wrong with them goes to `problems`.
pub(super) fn read_all(
    source: &Source<'_>,
    section: &'static Section,
    value: &DeValue<'_>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Vec<Webhook> {
    let mut webhooks: Vec<Webhook> = Vec::new();
    for entry in entries(source, section, value, origin, problems) {
        if let Some(webhook) = Reading(entry).webhook(problems) {
            WEBHOOKS.add(&mut webhooks, webhook, problems);
        }
    }
    webhooks
}

/// Notes rules that there are not: their alerts would never be sent, in silence.
pub(super) fn check_rules(webhooks: &[Webhook], alerts: &[Alert], problems: &mut Vec<Problem>) {
    let configured = alerts.iter().map(|alert| &*alert.rule.name);
    let known: Vec<&str> = std::iter::once(HIGH_BOUNCE_RATE.name).chain(configured).collect();
    for webhook in webhooks {
        let unknown = webhook.endpoint.rules.iter().filter(|rule| !known.contains(&rule.as_str()));
        problems.extend(unknown.map(|rule| Problem::BadValue {
            key: "webhook.rules".to_owned(),
            origin: webhook.origin.clone(),
            value: shown(rule),
            reason: format!("there is no such rule: there are {}", known.join(", ")),
            nearest: nearest(rule, known.iter().copied()).map(str::to_owned),
        }));
    }
}

/// Puts the secrets of the environment on the webhooks.
pub(super) fn put_secrets(
    variables: &BTreeMap<String, String>,
    webhooks: &mut [Webhook],
    problems: &mut Vec<Problem>,
) {
    // A webhook that was refused is not there, and its variable not wrong for that.
    let whole = problems.is_empty();
    let known: Vec<String> = webhooks.iter().map(Webhook::secret_variable).collect();
    for (name, text) in variables.iter().filter(|(name, _)| is_secret_variable(name)) {
        let own = webhooks.iter_mut().find(|webhook| webhook.secret_variable() == *name);
        match own {
            Some(webhook) => match secret(text) {
                Ok(secret) => webhook.endpoint.secret = secret,
                Err(refused) => {
                    let origin = Origin::Environment { variable: name.clone() };
                    problems.push(refused.problem("webhook.secret", true, origin));
                }
            },
            None if whole => problems.push(Problem::UnknownVariable {
                variable: name.clone(),
                nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
            }),
            None => {}
        }
    }
}

fn secret(text: &str) -> Result<Option<Secret>, Refused> {
    let refused =
        |reason: String| Err(Refused { value: text.to_owned(), refusal: Refusal::new(reason) });
    match text {
        NO_SECRET => Ok(None),
        MASK => refused("this is not the secret but what is shown in its place".to_owned()),
        text if text.len() < FEWEST_SECRET_BYTES => {
            refused(format!("it has fewer than {FEWEST_SECRET_BYTES} characters"))
        }
        text => Ok(Some(Secret::new(text))),
    }
}

/// One webhook while it is read.
struct Reading<'a>(Entry<'a>);

impl Reading<'_> {
    fn webhook(self, problems: &mut Vec<Problem>) -> Option<Webhook> {
        let before = problems.len();
        self.0.refuse_unknown(problems);
        let name = self.text("name", problems);
        let url = self.text("url", problems);
        let secret = self.secret(problems);
        let rules = self.texts("rules", problems);
        let severities = self.texts("severities", problems);
        let timeout = self.duration("timeout", problems);
        let give_up_after = self.duration("give_up_after", problems);
        let max_attempts = self.0.read("max_attempts", problems);
        if problems.len() > before {
            return None;
        }
        let Some(Value::Integer(max_attempts)) = max_attempts else { return None };
        let endpoint = Endpoint {
            name: name?,
            url: Url::parse(&url?).ok()?,
            secret: secret?,
            rules: rules?,
            severities: severities?,
            timeout: timeout?,
            give_up_after: give_up_after?,
            max_attempts: u32::try_from(max_attempts).ok()?,
        };
        Some(Webhook { endpoint, origin: self.0.origin })
    }

    fn text(&self, name: &str, problems: &mut Vec<Problem>) -> Option<String> {
        match self.0.read(name, problems) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn texts(&self, name: &str, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
        match self.0.read(name, problems) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    fn duration(&self, name: &str, problems: &mut Vec<Problem>) -> Option<Duration> {
        match self.0.read(name, problems) {
            Some(Value::DurationMs(ms)) => Some(Duration::from_millis(ms.unsigned_abs())),
            _ => None,
        }
    }

    fn secret(&self, problems: &mut Vec<Problem>) -> Option<Option<Secret>> {
        let text = self.text("secret", problems)?;
        let refused = match secret(&text) {
            Ok(secret) => return Some(secret),
            Err(refused) => refused,
        };
        problems.push(refused.problem("webhook.secret", true, self.0.place("secret")));
        None
    }
}
