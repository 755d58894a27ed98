//! Which funnels are refused, and in which words.

use super::only_problem;

const STEPS: &str = "steps = [\"/a\", \"/b\", \"/c\"]";

/// The one problem of a funnel with these lines must contain `expected`.
fn check(lines: &str, expected: &str) {
    let file = format!("[[funnel]]\n{lines}");
    let problem = only_problem(Some(&file), &[], &[]);
    assert!(problem.contains(expected), "{lines}: {problem}");
}

#[test]
fn every_key_must_be_there_and_valid() {
    check(STEPS, "missing key `funnel.name` in streamgauge.toml line 1");
    check("name = \"a\"", "missing key `funnel.steps` in streamgauge.toml line 1");
    check(
        &format!("name = \"\"\n{STEPS}"),
        "`funnel.name` from streamgauge.toml line 2: ``: empty",
    );
    check(&format!("name = 1\n{STEPS}"), "expected a text in quotes");
    check(
        "name = \"a\"\nsteps = [\"/a\"]",
        "`funnel.steps` from streamgauge.toml line 3: `1 steps`: a funnel has 2 to 8 steps",
    );
    check(&format!("name = \"a\"\nsteps = [{}]", "\"/a\",".repeat(9)), "`9 steps`");
    check("name = \"a\"\nsteps = [\"/a\", 2]", "`2`: expected a list of texts in quotes");
    check("name = \"a\"\nsteps = \"/a\"", "`/a`: expected a list of texts in quotes");
    check("name = \"a\"\nsteps = [\"/a\", \"CONVERSIONS\", \"*\"]", "is `CONVERSION`");
    check("name = \"a\"\nsteps = [\"/a\", \"conversion\", \"*\"]", "is `CONVERSION`");
    check("name = \"a\"\nsteps = [\"/a\", \"cart/*\", \"*\"]", "is `/cart/*`");
    check("name = \"a\"\nsteps = [\"/a\", \"\", \"*\"]", "``: a step is one of PAGE_VIEW");
    check(&format!("name = \"a\"\n{STEPS}\nstrict = \"yes\""), "`yes`: expected true or false");
    check(&format!("name = \"a\"\n{STEPS}\nstrikt = true"), "did you mean `funnel.strict`?");
}

#[test]
fn the_abandonment_step_comes_before_the_last_and_names_differ() {
    check(
        &format!("name = \"a\"\n{STEPS}\nabandonment_step = 3"),
        "line 4: `3`: it must come before the last of 3 steps; the nearest valid value is `2`",
    );
    check(&format!("name = \"a\"\n{STEPS}\nabandonment_step = 0"), "from 1 to 7");
    check(
        "name = \"a\"\nsteps = [\"/a\", \"/b\"]",
        "`2`: the default must come before the last of 2 steps: set it; the nearest valid value is `1`",
    );
    check(
        &format!("name = \"a\"\n{STEPS}\n[[funnel]]\nname = \"a\"\n{STEPS}"),
        "`a`: the funnel in streamgauge.toml line 1 has the same name",
    );
}
