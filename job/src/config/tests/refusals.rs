//! Everything that is refused, and in which words.

use super::{only_problem, resolved};

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let check = |file: &str, expected: &str| {
        assert_eq!(only_problem(Some(file), &[], &[]), expected, "{file}");
    };
    check(
        "[time]\n# a comment\nlatenes = \"5m\"\n",
        "unknown key `time.latenes` in streamgauge.toml line 3: did you mean `time.lateness`?",
    );
    check(
        "[input]\nlateness = \"5m\"",
        "unknown key `input.lateness` in streamgauge.toml line 2: did you mean `time.lateness`?",
    );
    check(
        "lateness = \"5m\"",
        "unknown key `lateness` in streamgauge.toml line 1: did you mean `time.lateness`?",
    );
    check("[time]\nquorum = 3", "unknown key `time.quorum` in streamgauge.toml line 2");
    check(
        "\n[tme]\nlateness = \"5m\"",
        "unknown section `tme` in streamgauge.toml line 2: did you mean `time`?",
    );
    check(
        "[[funnels]]\nname = \"a\"",
        "unknown section `funnels` in streamgauge.toml line 1: did you mean `funnel`?",
    );
    check("[quorum]", "unknown section `quorum` in streamgauge.toml line 1");
}

#[test]
fn unknown_variables_are_refused_with_the_nearest_known_one() {
    let check = |variable: &str, nearest: Option<&str>| {
        let name = variable.split('=').next().expect("a name");
        let hint = nearest.map_or(String::new(), |n| format!(": did you mean `{n}`?"));
        let expected = format!("unknown environment variable {name}{hint}");
        assert_eq!(only_problem(None, &[variable], &[]), expected);
    };
    let lateness = Some("STREAMGAUGE_TIME__LATENESS");
    check("STREAMGAUGE_TIME__LATENES=5m", lateness);
    check("STREAMGAUGE_TIME_LATENESS=5m", lateness);
    check("STREAMGAUGE_time__lateness=5m", lateness);
    check("streamgauge_time__lateness=5m", lateness);
    check("STREAMGAUGE_CONFG=x", Some("STREAMGAUGE_CONFIG"));
    check("STREAMGAUGE_=x", None);
    check("STREAMGAUGE_ÄÖÜ=x", None);
    let others =
        ["PATH=/bin", "STREAMGAUGES=1", "STREAMGAUGE_LONG=1", "STREAMGAUGE_SERVICE_HOST=10.0.0.1"];
    assert!(resolved(None, &others, &[]).is_ok());
}

#[test]
fn bad_values_of_the_file_are_refused() {
    let check = |file: &str, expected: &str| {
        let problem = only_problem(Some(file), &[], &[]);
        let (_, rest) = problem.split_once(" line 2: ").expect("the line");
        assert_eq!(rest, expected, "{file}");
    };
    check(
        "[time]\nlateness = \"10 min\"",
        "`10 min`: unknown unit ` min`; units are d, h, m, s and ms; the nearest valid value is `10m`",
    );
    check(
        "[time]\nlateness = 5",
        "`5`: expected a duration in quotes, such as \"5s\"; the nearest valid value is `5s`",
    );
    check(
        "[time]\nlateness = \"400d\"",
        "`400d`: expected a duration from `0s` to `366d`; the nearest valid value is `366d`",
    );
    check(
        "[time]\nsession_gap = \"0s\"",
        "`0s`: expected a duration from `1ms` to `366d`; the nearest valid value is `1ms`",
    );
    check(
        "[time]\nepoch = \"10ms\"",
        "`10ms`: expected a duration from `20ms` to `1s`; the nearest valid value is `20ms`",
    );
    check(
        "[time]\nepoch = 2026-01-01",
        "`datetime`: expected a duration in quotes, such as \"5s\"",
    );
    check("[input]\ndedup = true", "`true`: expected \"off\" or \"on\"");
    check(
        "[input]\nbots = \"exlude\"",
        "`exlude`: expected `include` or `exclude`; the nearest valid value is `exclude`",
    );
    check(
        "[input]\nmax_bytes = \"1024\"",
        "`1024`: expected a whole number from 1 to 67108864 without quotes; the nearest valid value is `1024`",
    );
    check(
        "[input]\nmax_bytes = 0x5_000_000",
        "`83886080`: expected a whole number from 1 to 67108864; the nearest valid value is `67108864`",
    );
    check(
        "[input]\nmax_bytes = 0",
        "`0`: expected a whole number from 1 to 67108864; the nearest valid value is `1`",
    );
    check(
        "[simulator]\nrate = \"200\"",
        "`200`: expected a whole number without quotes, or \"max\"; the nearest valid value is `200`",
    );
    check(
        "[simulator]\nlate_share = 1.5",
        "`1.5`: expected a number from 0 to 1; the nearest valid value is `1`",
    );
    check("[simulator]\nskew = nan", "`nan`: expected a number from 0 to 5");
}

#[test]
fn bad_values_of_variables_and_flags_name_them() {
    assert_eq!(
        only_problem(None, &["STREAMGAUGE_TIME__LATENESS=ten"], &[]),
        "bad value for `time.lateness` from environment variable STREAMGAUGE_TIME__LATENESS: \
         `ten`: not a duration such as `250ms`, `5s`, `10m` or `1h30m`"
    );
    assert_eq!(
        only_problem(None, &[], &["job.workers=999"]),
        "bad value for `job.workers` from flag --flag: `999`: expected a whole number from 0 to \
         256; the nearest valid value is `256`"
    );
    assert_eq!(
        only_problem(None, &["STREAMGAUGE_FUNNEL__NAME=a"], &[]),
        "`funnel.name` in environment variable STREAMGAUGE_FUNNEL__NAME: [[funnel]] can only be \
         set in the file"
    );
}

#[test]
fn wrong_shapes_are_refused() {
    let check = |file: &str, expected: &str| {
        let problem = only_problem(Some(file), &[], &[]);
        assert!(problem.contains(expected), "{file}: {problem}");
    };
    check("time = 5", "`time` in streamgauge.toml line 1: it is a section: write [time]");
    check("[[time]]", "write [time]");
    check("[funnel]\nname = \"a\"", "it may be repeated: write [[funnel]]");
    check("funnel = [1]", "write [[funnel]]");
    check("[time]\nlateness = ", "not valid TOML in streamgauge.toml line 2");
    check("[time]\n[time]", "not valid TOML in streamgauge.toml line 2: duplicate key");
    check("[time]\nepoch = \"1s\"\nepoch = \"1s\"", "line 3: duplicate key");
}

#[test]
fn all_problems_are_reported_together_by_place() {
    let file = "[tme]\n[input]\nbots = \"none\"\n[[funnel]]\nname = \"\"\nsteps = [\"cart\", \"x/\", \"/\"]\n";
    let variables = ["STREAMGAUGE_TIME__EPOCH=5s", "STREAMGAUGE_NOPE=1"];
    let problems = resolved(Some(file), &variables, &["simulator.seed=-1"]).expect_err("problems");
    let text = problems.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "the configuration is not valid:",
        "  - unknown section `tme` in streamgauge.toml line 1",
        "  - bad value for `input.bots` from streamgauge.toml line 3",
        "  - bad value for `funnel.name` from streamgauge.toml line 5",
        "  - bad value for `funnel.steps` from streamgauge.toml line 6: `cart`",
        "  - bad value for `funnel.steps` from streamgauge.toml line 6: `x/`",
        "  - unknown environment variable STREAMGAUGE_NOPE",
        "  - bad value for `time.epoch` from environment variable STREAMGAUGE_TIME__EPOCH",
        "  - bad value for `simulator.seed` from flag --flag",
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn a_bad_value_is_reported_even_where_a_flag_hides_it() {
    let file = "[time]\nlateness = \"soon\"";
    let problem = only_problem(Some(file), &[], &["time.lateness=1m"]);
    assert!(problem.contains("`soon`"), "{problem}");
}

#[test]
fn odd_values_do_not_disturb_the_report() {
    let long = format!("STREAMGAUGE_INPUT__BOTS=a\nb{}", "x".repeat(500));
    let problem = only_problem(None, &[&long], &[]);
    assert!(!problem.contains('\n') && problem.len() < 250, "{problem}");
}
