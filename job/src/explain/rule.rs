//! Alert rules, from the JSON that is kept beside epochs: what [`AlertRule::write`] wrote.

use super::settings::step;
use crate::alert::{AlertRule, Limit, Sequence, Side, Template, Threshold, When};
use serde::Deserialize;
use std::sync::Arc;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::metric::Metric;

/// A rule as it is kept; of HIGH_BOUNCE_RATE only name and version are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptRule {
    rule: String,
    rule_version: Option<u32>,
    severity: Option<String>,
    title: Option<String>,
    description: Option<String>,
    metric: Option<String>,
    #[serde(default)]
    dimensions: String,
    above: Option<f64>,
    below: Option<f64>,
    windows: Option<u32>,
    first: Option<String>,
    then: Option<String>,
    without: Option<String>,
    within_ms: Option<i64>,
}

impl KeptRule {
    /// The rule, if it is one of the configuration and all of it is kept.
    pub(super) fn rule(self) -> Option<Arc<AlertRule>> {
        let severities = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
        let own = self.severity.as_deref()?;
        let severity = severities.into_iter().find(|known| *known == own)?;
        let template = |text: &Option<String>| text.as_deref().map(Template::kept);
        Some(Arc::new(AlertRule {
            name: self.rule.as_str().into(),
            version: self.rule_version?,
            severity,
            title: template(&self.title)?,
            description: template(&self.description)?,
            when: match &self.metric {
                Some(_) => When::Threshold(self.threshold()?),
                None => When::Sequence(self.sequence()?),
            },
        }))
    }

    fn threshold(self) -> Option<Threshold> {
        let name = self.metric?;
        let (side, value) = match (self.above, self.below) {
            (Some(value), _) => (Side::Above, value),
            (None, below) => (Side::Below, below?),
        };
        // Settings were numbers of JSON in between.
        let value = Decimal::parse(&format!("{value:.6}"))?;
        Some(Threshold {
            metric: Metric::ALL.into_iter().find(|metric| metric.name() == name)?,
            dimensions: self.dimensions.into(),
            limit: Limit { side, value },
            windows: self.windows?,
        })
    }

    fn sequence(self) -> Option<Sequence> {
        let is_without = self.without.is_some();
        Some(Sequence {
            first: step(self.first?),
            then: step(self.then.or(self.without)?),
            is_without,
            within_ms: self.within_ms?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funnel::Step;
    use streamgauge_ingest::decode::Kind;

    fn check(when: When) {
        let (name, version, severity) = ("a".into(), 3, "HIGH");
        let (title, description) = (Template::kept("A"), Template::kept("{value} \"now\""));
        let rule = AlertRule { name, version, severity, title, description, when };
        let mut json = Vec::new();
        rule.write(&mut json);
        // As settings are kept: through a value.
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let kept: KeptRule = serde_json::from_str(&value.to_string()).unwrap();
        assert_eq!(kept.rule().as_deref(), Some(&rule));
    }

    #[test]
    fn rules_are_read_as_they_were_written() {
        let values = ["0", "-2.5", "0.000001", "99.999999", "1000000000000.5", "300"];
        for (text, side) in values.into_iter().zip([Side::Above, Side::Below].into_iter().cycle()) {
            let limit = Limit { side, value: Decimal::parse(text).unwrap() };
            let dimensions = "currency=EUR".into();
            let metric = Metric::RevenuePerUser;
            check(When::Threshold(Threshold { metric, dimensions, limit, windows: 7 }));
        }
        for is_without in [false, true] {
            let first = Step::Page("/products/*".to_owned());
            let then = Step::Type(Kind::Conversion);
            check(When::Sequence(Sequence { first, then, is_without, within_ms: 90_000 }));
        }
    }

    #[test]
    fn what_is_kept_of_others_is_no_rule() {
        let kept = |json: &str| serde_json::from_str::<KeptRule>(json).unwrap().rule();
        assert_eq!(kept(r#"{"rule":"high_bounce_rate","ruleVersion":1}"#), None);
        assert_eq!(kept(r#"{"rule":"a","ruleVersion":1,"severity":"LOW","title":""}"#), None);
    }
}
