//! Reading the alert rules of the file.
//!
//! Invariant: a rule is either whole, valid, and one that can fire, or at least one
//! problem says why it is not.

use toml::de::DeValue;

use super::alert::Alert;
use super::entry::{Entry, Named, entries};
use super::file::Source;
use super::funnel::{Funnel, Step};
use super::problem::{Origin, Problem, shown};
use super::schema::Section;
use super::settings::Refused;
use super::suggest::nearest;
use super::value::{Refusal, Value};
use crate::alert::{
    AlertRule, Limit, Sequence, Side, Template, Threshold, UnknownPlaceholder, When,
};
use crate::settings::step;
use streamgauge_sink::alert::HIGH_BOUNCE_RATE;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::dimensions_of_key;

const RULES: Named<Alert> = Named {
    section: "alert",
    word: "rule",
    most: 64,
    name: |alert| &alert.rule.name,
    origin: |alert| &alert.origin,
    same: |alert| alert.rule.name.to_string(),
    hint: "",
};

/// The types of results with a single value.
const METRICS: [Metric; 8] = [
    Metric::PageViewsPerSecond,
    Metric::ActiveUsers,
    Metric::ActiveUsers5m,
    Metric::BounceRate,
    Metric::AverageSessionDuration,
    Metric::ConversionRate,
    Metric::RevenuePerUser,
    Metric::AbandonmentRate,
];

/// Places in texts of every rule, and of one kind of them.
const PLACES: [&str; 6] = ["rule", "severity", "value", "threshold", "start", "end"];
const THRESHOLD_PLACES: [&str; 3] = ["metric", "dimensions", "windows"];
const SEQUENCE_PLACES: [&str; 4] = ["user", "first", "then", "within"];

const THRESHOLD_KEYS: [&str; 5] = ["metric", "dimensions", "above", "below", "windows"];
const SEQUENCE_KEYS: [&str; 4] = ["first", "then", "without", "within"];

/// The dimension that the results of a type have.
pub(super) fn dimension_of(metric: Metric) -> Option<&'static str> {
    match metric {
        Metric::RevenuePerUser => Some("currency"),
        Metric::AbandonmentRate => Some("funnel"),
        _ => None,
    }
}

/// Reads all rules of the file; what is wrong with them goes to `problems`.
pub(super) fn read_all(
    source: &Source<'_>,
    section: &'static Section,
    value: &DeValue<'_>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    for entry in entries(source, section, value, origin, problems) {
        if let Some(alert) = (Reading { entry, problems: &mut *problems }).alert() {
            RULES.add(&mut alerts, alert, problems);
        }
    }
    alerts
}

/// Notes rules over funnels that there are not: they can never fire.
pub(super) fn check_funnels(alerts: &[Alert], funnels: &[Funnel], problems: &mut Vec<Problem>) {
    for alert in alerts {
        let Some(threshold) = alert.rule.threshold() else { continue };
        if threshold.metric != Metric::AbandonmentRate {
            continue;
        }
        let names = || funnels.iter().map(|funnel| funnel.name.as_str());
        let text = |name: &str| dimensions_of_key(&[("funnel", name)]);
        let is_any = threshold.dimensions.is_empty() && !funnels.is_empty();
        if is_any || names().any(|name| text(name) == *threshold.dimensions) {
            continue;
        }
        let meant = threshold.dimensions.strip_prefix("funnel=").unwrap_or_default();
        problems.push(Problem::BadValue {
            key: "alert.dimensions".to_owned(),
            origin: alert.origin.clone(),
            value: shown(&threshold.dimensions),
            reason: format!("rule {} can never fire: there is no such funnel", alert.rule.name),
            nearest: nearest(meant, names()).or(names().next()).map(text),
        });
    }
}

/// One rule while it is read.
struct Reading<'a, 'p> {
    entry: Entry<'a>,
    problems: &'p mut Vec<Problem>,
}

impl Reading<'_, '_> {
    fn alert(mut self) -> Option<Alert> {
        let before = self.problems.len();
        self.entry.refuse_unknown(self.problems);
        let name = self.name();
        let version = u32::try_from(self.integer("version")?).unwrap_or(1);
        let severity = self.text("severity");
        let when = self.when();
        if self.problems.len() > before {
            return None;
        }
        let (name, when) = (name?, when?);
        let usual = Alert::usual_texts(&name, &when);
        let title = self.template("title", usual.0, &when);
        let description = self.template("description", usual.1, &when);
        let severity =
            ["LOW", "MEDIUM", "HIGH", "CRITICAL"].into_iter().find(|s| *s == severity)?;
        let (title, description, name) = (title?, description?, name.into());
        let rule = AlertRule { name, version, severity, title, description, when };
        Some(Alert { rule, origin: self.entry.origin })
    }

    fn read(&mut self, key: &str) -> Option<Value> {
        self.entry.read(key, self.problems)
    }

    /// The text of a key; empty where it is none, which is noted.
    fn text(&mut self, key: &str) -> String {
        match self.read(key) {
            Some(Value::Text(text) | Value::Number(text)) => text,
            _ => String::new(),
        }
    }

    fn integer(&mut self, key: &str) -> Option<i64> {
        match self.read(key) {
            Some(Value::Integer(number) | Value::DurationMs(number)) => Some(number),
            _ => None,
        }
    }

    fn refuse(&mut self, key: &str, value: &str, reason: String, nearest: Option<String>) {
        let refused = Refused { value: value.to_owned(), refusal: Refusal { reason, nearest } };
        let problem = refused.problem(&format!("alert.{key}"), false, self.entry.place(key));
        self.problems.push(problem);
    }

    fn name(&mut self) -> Option<String> {
        let Some(Value::Text(name)) = self.read("name") else {
            return None;
        };
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_named = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_named || !name.chars().all(is_word) || name.len() > 64 {
            let meant: String = name.to_ascii_lowercase();
            let meant = meant.replace(|c: char| !is_word(c), "_");
            let meant = meant.trim_start_matches(|c: char| !c.is_ascii_lowercase());
            let meant = (!meant.is_empty()).then(|| meant.chars().take(64).collect());
            let reason = "a name is 1 to 64 lower-case letters, digits and `_`, a letter first";
            self.refuse("name", &name, reason.to_owned(), meant);
            return None;
        }
        if name == HIGH_BOUNCE_RATE.name {
            let reason = "there is a rule of that name without any in the file".to_owned();
            self.refuse("name", &name, reason, Some(format!("{name}_2")));
            return None;
        }
        Some(name)
    }

    fn when(&mut self) -> Option<When> {
        let is_set = |reading: &mut Self, key: &str| !reading.text(key).is_empty();
        match (is_set(self, "metric"), is_set(self, "first")) {
            (true, false) => {
                self.has_no_use_for(&SEQUENCE_KEYS, "metric");
                self.threshold().map(When::Threshold)
            }
            (false, true) => {
                self.has_no_use_for(&THRESHOLD_KEYS, "first");
                self.sequence().map(When::Sequence)
            }
            (true, true) => {
                let value = self.text("first");
                let reason = "a rule has either `metric` or `first`".to_owned();
                self.refuse("first", &value, reason, None);
                None
            }
            (false, false) => {
                let reason = "a rule needs `metric`, or `first` with `then` or `without`";
                self.problems.push(Problem::BadShape {
                    subject: "`alert`".to_owned(),
                    origin: self.entry.origin.clone(),
                    reason: reason.to_owned(),
                });
                None
            }
        }
    }

    fn has_no_use_for(&mut self, keys: &[&str], kind: &str) {
        for key in keys.iter().filter(|key| self.entry.has(key)).copied().collect::<Vec<_>>() {
            let reason = format!("a rule with `{kind}` has no use for it: leave it out");
            self.refuse(key, "", reason, None);
        }
    }

    fn threshold(&mut self) -> Option<Threshold> {
        let metric = self.metric();
        let dimensions = self.dimensions(metric?);
        let windows = u32::try_from(self.integer("windows")?).ok()?;
        let before = self.problems.len();
        let (above, below) = (self.text("above"), self.text("below"));
        if self.problems.len() > before {
            return None;
        }
        let (side, text) = match (above.is_empty(), below.is_empty()) {
            (false, true) => (Side::Above, above),
            (true, false) => (Side::Below, below),
            (true, true) => {
                let reason = "a rule with `metric` needs `above` or `below`".to_owned();
                self.refuse("above", "", reason, None);
                return None;
            }
            (false, false) => {
                let reason = "a rule has either `above` or `below`".to_owned();
                self.refuse("below", &below, reason, None);
                return None;
            }
        };
        let limit = Limit { side, value: Decimal::parse(&text)? };
        if let Some((reason, last)) = never(metric?, limit) {
            let reason = format!("it can never fire: {reason}");
            self.refuse(side.word(), &text, reason, Some(last.to_string()));
        }
        Some(Threshold { metric: metric?, dimensions: dimensions?.into(), limit, windows })
    }

    fn metric(&mut self) -> Option<Metric> {
        let name = self.text("metric");
        let found = METRICS.into_iter().find(|metric| metric.name() == name);
        if found.is_none() {
            let names = METRICS.map(Metric::name);
            let meant = nearest(&name, names).map(str::to_owned);
            let reason = format!("expected a type with a single value: {}", names.join(", "));
            self.refuse("metric", &name, reason, meant);
        }
        found
    }

    /// The dimension as keys have it.
    fn dimensions(&mut self, metric: Metric) -> Option<String> {
        let text = self.text("dimensions");
        if text.is_empty() {
            return Some(text);
        }
        let Some(name) = dimension_of(metric) else {
            let reason = format!("{} has no dimensions: leave it out", metric.name());
            self.refuse("dimensions", &text, reason, None);
            return None;
        };
        let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        let is_currency =
            |value: &str| value.len() == 3 && value.bytes().all(|b| b.is_ascii_uppercase());
        let Some(value) = value.filter(|value| name != "currency" || is_currency(value)) else {
            let reason = match name {
                "currency" => "expected `currency=` and three capital letters".to_owned(),
                _ => format!("expected `{name}=` and its value"),
            };
            let bare = text.rsplit('=').next().unwrap_or_default();
            let meant =
                if name == "currency" { bare.to_ascii_uppercase() } else { bare.to_owned() };
            let meant =
                (name != "currency" || is_currency(&meant)).then(|| format!("{name}={meant}"));
            self.refuse("dimensions", &text, reason, meant);
            return None;
        };
        Some(dimensions_of_key(&[(name, value)]))
    }

    fn sequence(&mut self) -> Option<Sequence> {
        let first = self.step("first");
        let (then, without) = (self.text("then"), self.text("without"));
        let (key, is_without) = match (then.is_empty(), without.is_empty()) {
            (false, true) => ("then", false),
            (true, false) => ("without", true),
            (true, true) => {
                let reason = "a rule with `first` needs `then` or `without`".to_owned();
                self.refuse("then", "", reason, None);
                return None;
            }
            (false, false) => {
                let reason = "a rule has either `then` or `without`".to_owned();
                self.refuse("without", &without, reason, None);
                return None;
            }
        };
        let then = self.step(key);
        let within_ms = self.integer("within")?;
        Some(Sequence { first: first?, then: then?, is_without, within_ms })
    }

    fn step(&mut self, key: &str) -> Option<crate::funnel::Step> {
        let text = self.text(key);
        let parsed = Step::parse(&text);
        let Ok(parsed) = parsed.map_err(|r| self.refuse(key, &text, r.reason, r.nearest)) else {
            return None;
        };
        // Pages end before the first of these.
        if let (Step::Page(pattern), Some(at)) = (&parsed, text.find(['?', '#'])) {
            let reason = "it can never fire: pages are cut at the first `?` or `#`".to_owned();
            self.refuse(key, &text, reason, Some(pattern[..at].to_owned()));
            return None;
        }
        Some(step(&parsed))
    }

    fn template(&mut self, key: &str, usual: String, when: &When) -> Option<Template> {
        let given = self.text(key);
        let text = if given.is_empty() { usual } else { given };
        let more: &[&str] = match when {
            When::Threshold(_) => &THRESHOLD_PLACES,
            When::Sequence(_) => &SEQUENCE_PLACES,
        };
        let known: Vec<&str> = PLACES.iter().chain(more).copied().collect();
        match Template::parse(&text, &known) {
            Ok(template) => Some(template),
            Err(UnknownPlaceholder(name)) => {
                let meant = nearest(&name, known.iter().copied());
                let meant = meant
                    .map(|meant| text.replace(&format!("{{{name}}}"), &format!("{{{meant}}}")));
                let reason =
                    format!("there is no {{{name}}}; there are {{{}}}", known.join("}, {"));
                self.refuse(key, &text, reason, meant);
                None
            }
        }
    }
}

/// Why values of a type are never beyond a limit, and the limit from which they are none.
fn never(metric: Metric, limit: Limit) -> Option<(&'static str, Decimal)> {
    let percent =
        matches!(metric, Metric::BounceRate | Metric::ConversionRate | Metric::AbandonmentRate);
    let (least, reason) = match metric {
        Metric::ActiveUsers | Metric::ActiveUsers5m => {
            (Some(Decimal::whole(1)), "without a user there is no result")
        }
        // Refunds count with their sign.
        Metric::RevenuePerUser => (None, ""),
        _ => (Some(Decimal::whole(0)), "it is never negative"),
    };
    let step = |value: Decimal, by: i128| Decimal::from_millionths(value.millionths() + by);
    match (limit.side, least) {
        (Side::Below, Some(least)) if limit.value <= least => Some((reason, step(least, 1))),
        (Side::Above, _) if percent && limit.value >= Decimal::whole(100) => {
            Some(("a percentage is never above 100", step(Decimal::whole(100), -1)))
        }
        _ => None,
    }
}
