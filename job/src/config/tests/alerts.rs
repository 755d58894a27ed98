//! Which alert rules are refused, and in which words.

use super::{only_problem, resolved};

const THRESHOLD: &str = "name = \"a\"\nmetric = \"BOUNCE_RATE\"\nabove = 70";
const SEQUENCE: &str = "name = \"a\"\nfirst = \"/cart\"\nwithout = \"CONVERSION\"";

/// The one problem of a rule with these lines must contain `expected`.
fn check(lines: &str, expected: &str) {
    let problem = only_problem(Some(&format!("[[alert]]\n{lines}")), &[], &[]);
    assert!(problem.contains(expected), "{lines}: {problem}");
}

#[test]
fn a_rule_is_one_thing_whole() {
    check("metric = \"BOUNCE_RATE\"\nabove = 1", "missing key `alert.name`");
    check("name = \"a\"", "needs `metric`, or `first` with `then` or `without`");
    check(
        "name = \"High bounce\"\nfirst = \"*\"\nthen = \"*\"",
        "nearest valid value is `high_bounce`",
    );
    check(
        "name = \"high_bounce_rate\"\nfirst = \"*\"\nthen = \"*\"",
        "there is a rule of that name",
    );
    check(&format!("{THRESHOLD}\nfirst = \"*\""), "either `metric` or `first`");
    check(&format!("{THRESHOLD}\nwithin = \"1m\""), "a rule with `metric` has no use for it");
    check(&format!("{SEQUENCE}\nwindows = 2"), "a rule with `first` has no use for it");
    check(&format!("{THRESHOLD}\nbelow = 1"), "either `above` or `below`");
    check(&format!("{SEQUENCE}\nthen = \"*\""), "either `then` or `without`");
    check("name = \"a\"\nmetric = \"BOUNCE_RATE\"", "needs `above` or `below`");
    check("name = \"a\"\nfirst = \"*\"", "needs `then` or `without`");
    check(&format!("{THRESHOLD}\nseverity = \"high\""), "nearest valid value is `HIGH`");
    check(&format!("{THRESHOLD}\nwindows = 0"), "a whole number from 1 to 1000");
    check(&format!("{THRESHOLD}\ntresh = 1"), "unknown key `alert.tresh`");
    let twice = format!("{THRESHOLD}\n[[alert]]\n{SEQUENCE}");
    check(&twice, "the rule in streamgauge.toml line 1 has the same name");
}

#[test]
fn values_are_those_that_results_have() {
    let metric = |rest: &str| format!("name = \"a\"\nmetric = {rest}");
    check(&metric("\"BOUNCE\"\nabove = 1"), "expected a type with a single value");
    check(&metric("\"CONVERSION_RATES\"\nabove = 1"), "nearest valid value is `CONVERSION_RATE`");
    check(&metric("\"BOUNCE_RATE\"\nabove = \"70\""), "without quotes");
    check(&metric("\"BOUNCE_RATE\"\nabove = 0.1234567"), "at most six decimals");
    check(&metric("\"BOUNCE_RATE\"\nabove = 1e1"), "at most six decimals");
    let revenue =
        |of: &str| metric(&format!("\"REVENUE_PER_USER\"\nabove = 1\ndimensions = \"{of}\""));
    check(&revenue("eur"), "nearest valid value is `currency=EUR`");
    check(&revenue("currency=EURO"), "three capital letters");
    let bounce = metric("\"BOUNCE_RATE\"\nabove = 1\ndimensions = \"currency=EUR\"");
    check(&bounce, "BOUNCE_RATE has no dimensions");
    check("name = \"a\"\nfirst = \"cart\"\nthen = \"*\"", "a step is one of PAGE_VIEW");
    let title = format!("{SEQUENCE}\ntitle = \"{{usr}} left\"");
    check(&title, "nearest valid value is `{user} left`");
    check(&format!("{THRESHOLD}\ntitle = \"{{user}}\""), "there is no {user}");
}

#[test]
fn a_rule_that_can_never_fire_is_named() {
    let metric = |name: &str, limit: &str| format!("name = \"a\"\nmetric = \"{name}\"\n{limit}");
    check(&metric("BOUNCE_RATE", "above = 100"), "can never fire: a percentage is never above 100");
    check(&metric("BOUNCE_RATE", "above = 100"), "nearest valid value is `99.999999`");
    check(&metric("PAGE_VIEWS_PER_SECOND", "below = 0"), "nearest valid value is `0.000001`");
    check(&metric("ACTIVE_USERS", "below = 1"), "without a user there is no result");
    check("name = \"a\"\nfirst = \"/a?b\"\nthen = \"*\"", "nearest valid value is `/a`");
    let funnel = "above = 1\ndimensions = \"funnel=chekout\"";
    check(&metric("ABANDONMENT_RATE", funnel), "nearest valid value is `funnel=checkout`");
    let none = format!("funnel = []\n[[alert]]\n{}", metric("ABANDONMENT_RATE", "above = 1"));
    let problem = only_problem(Some(&none), &[], &[]);
    assert!(problem.contains("rule a can never fire: there is no such funnel"), "{problem}");
    for limit in ["above = 99.999999", "below = 0.000001"] {
        assert!(
            resolved(Some(&format!("[[alert]]\n{}", metric("BOUNCE_RATE", limit))), &[], &[])
                .is_ok()
        );
    }
    let refunds = format!("[[alert]]\n{}", metric("REVENUE_PER_USER", "below = -5"));
    assert!(resolved(Some(&refunds), &[], &[]).is_ok());
}

#[test]
fn what_is_left_out_is_made_from_the_rule() {
    let config = resolved(Some(&format!("[[alert]]\n{SEQUENCE}")), &[], &[]).expect("valid");
    let rule = &config.alerts[0].rule;
    assert_eq!((rule.version, rule.severity, rule.title.text()), (1, "MEDIUM", "A"));
    assert_eq!(rule.description.text(), "User {user}: {first}, and not {then} within 10m");
}
