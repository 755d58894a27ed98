//! Which webhooks are refused and in which words, and what is shown of those that are not.

use super::{only_problem, resolved};
use crate::config::{Config, summary, to_toml};
use std::time::Duration;

const URL: &str = "url = \"https://example.com/alerts\"";
const NAMED: &str = "name = \"on-call\"\nurl = \"https://example.com/alerts\"";
const SECRET: &str = "0123456789abcdef";

/// The one problem of a webhook with these lines must contain `expected`.
fn check(lines: &str, expected: &str) {
    let file = format!("[[webhook]]\n{lines}");
    let problem = only_problem(Some(&file), &[], &[]);
    assert!(problem.contains(expected), "{lines}: {problem}");
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[test]
fn every_value_is_refused_with_its_reason_and_the_nearest() {
    check(URL, "missing key `webhook.name` in streamgauge.toml line 1");
    check("name = \"a\"", "missing key `webhook.url` in streamgauge.toml line 1");
    check(
        &format!("name = \"On call\"\n{URL}"),
        "`webhook.name` from streamgauge.toml line 2: `On call`: expected 1 to 64 of `a-z`, `0-9`, `_` and `-`; the nearest valid value is `on-call`",
    );
    check("name = \"a\"\nurl = \"example.com\"", "is `https://example.com`");
    check("name = \"a\"\nurl = \"https://u:p@example.com\"", "use `secret`");
    check("name = \"a\"\nurl = 7", "expected a URL in quotes");
    check(&format!("{NAMED}\nsecret = \"hunter2\""), "********: it has fewer than 16 characters");
    check(&format!("{NAMED}\nsecret = \"********\""), "what is shown in its place");
    check(&format!("{NAMED}\nsecret = 7"), "expected a text in quotes");
    check(
        &format!("{NAMED}\nrules = [\"high_bounce_rat\"]"),
        "`high_bounce_rat`: there is no such rule: there are high_bounce_rate; the nearest valid value is `high_bounce_rate`",
    );
    check(&format!("{NAMED}\nrules = \"high_bounce_rate\""), "expected a list of texts in quotes");
    check(&format!("{NAMED}\nrules = [\"\"]"), "expected a list of texts");
    check(
        &format!("{NAMED}\nseverities = [\"HIGH\", \"medium\"]"),
        "`medium`: expected a list of `LOW`, `MEDIUM`, `HIGH`, `CRITICAL`; the nearest valid value is `MEDIUM`",
    );
    check(&format!("{NAMED}\ntimeout = \"0s\""), "is `100ms`");
    check(&format!("{NAMED}\ntimeout = \"5m\""), "is `1m`");
    check(&format!("{NAMED}\ngive_up_after = \"30d\""), "is `7d`");
    check(&format!("{NAMED}\nmax_attempts = 0"), "is `1`");
    check(&format!("{NAMED}\nattempts = 1"), "unknown key `webhook.attempts`");
    check(
        &format!("{NAMED}\n[[webhook]]\nname = \"on_call\"\n{URL}"),
        "`on_call`: the webhook in streamgauge.toml line 1 has the same name",
    );
    let many: String = (0..17).map(|n| format!("[[webhook]]\nname = \"a{n}\"\n{URL}\n")).collect();
    assert!(only_problem(Some(&many), &[], &[]).contains("more than 16 webhooks"));
    assert!(only_problem(Some("webhook = 1"), &[], &[]).contains("write [[webhook]]"));
    assert!(only_problem(Some("[webhook]"), &[], &[]).contains("write [[webhook]]"));
}

#[test]
fn secrets_come_from_the_environment_too_and_are_shown_nowhere() {
    let file = format!("[[webhook]]\n{NAMED}\nsecret = \"in the file, 16 or more\"");
    let variable = format!("STREAMGAUGE_WEBHOOK__ON_CALL__SECRET={SECRET}");
    let config = resolved(Some(&file), &[&variable], &[]).expect("valid");
    let secret = config.webhooks[0].endpoint.secret.as_ref().expect("a secret");
    assert_eq!(secret.expose(), SECRET);
    let printed = to_toml(&config);
    assert!(printed.contains("secret = \"********\""), "{printed}");
    for text in [printed, format!("{config:?}")] {
        assert!(!text.contains(SECRET) && !text.contains("16 or more"), "{text}");
    }
    let problem = only_problem(Some(&file), &["STREAMGAUGE_WEBHOOK__ON_CALL__SECRET=hunter2"], &[]);
    assert!(
        problem.contains("variable STREAMGAUGE_WEBHOOK__ON_CALL__SECRET: ********"),
        "{problem}"
    );
    assert!(!problem.contains("hunter2"));
    let problem = only_problem(Some(&file), &["STREAMGAUGE_WEBHOOK__ONCALL__SECRET=hunter2"], &[]);
    assert!(problem.contains("did you mean `STREAMGAUGE_WEBHOOK__ON_CALL__SECRET`?"), "{problem}");
    let problem = only_problem(None, &["STREAMGAUGE_WEBHOOK__URL=x"], &[]);
    assert!(problem.contains("[[webhook]] can only be set in the file"), "{problem}");
}

#[test]
fn what_is_printed_reads_back_the_same_but_for_secrets() {
    let file = format!(
        "[[webhook]]\n{NAMED}\nrules = [\"high_bounce_rate\"]\nseverities = [\"LOW\"]\n\
         timeout = \"1s\"\ngive_up_after = \"1d\"\nmax_attempts = 7\n[[webhook]]\nname = \"b\"\n{URL}"
    );
    let config = resolved(Some(&file), &[], &[]).expect("valid");
    let endpoints = |config: &Config| -> Vec<_> {
        config.webhooks.iter().map(|webhook| webhook.endpoint.clone()).collect()
    };
    let (a, b) = (&config.webhooks[0].endpoint, &config.webhooks[1].endpoint);
    assert_eq!((a.max_attempts, a.give_up_after), (7, Duration::from_secs(86_400)));
    assert_eq!((b.secret.as_ref(), b.rules.len(), b.timeout), (None, 0, Duration::from_secs(10)));
    let printed = to_toml(&config);
    let again = resolved(Some(&printed), &[], &[]).expect(&printed);
    assert_eq!(endpoints(&again), endpoints(&config), "{printed}");
    assert!(summary(&config).ends_with(", 2 webhooks (on-call, b)"), "{}", summary(&config));
    assert!(Config::defaults().webhooks.is_empty());
}
