//! What `config` and `check` print.

use super::resolved;
use crate::config::*;

/// The part of a configuration that a file can say, for comparison.
fn content(config: &Config) -> impl PartialEq + std::fmt::Debug + use<> {
    let funnels: Vec<_> = config
        .funnels
        .iter()
        .map(|f| (f.name.clone(), f.steps.clone(), f.strict, f.abandonment_step))
        .collect();
    let rules: Vec<_> = config.alerts.iter().map(|a| a.rule.clone()).collect();
    (config.input, config.time, config.simulator, config.job, funnels, rules)
}

#[test]
fn what_is_printed_reads_back_the_same() {
    let check = |file: &str, variables: &[&str]| {
        let config = resolved(Some(file), variables, &[]).expect("valid");
        let printed = to_toml(&config);
        let again = resolved(Some(&printed), &[], &[]).expect(&printed);
        assert_eq!(content(&again), content(&config), "{printed}");
    };
    check("", &[]);
    check("funnel = []", &[]);
    check(
        "[input]\ndedup = \"on\"\nbots = \"exclude\"\nmax_bytes = 7\n[simulator]\nrate = \"max\"\nskew = 0.000_001\nlate_share = 1\n",
        &[
            "STREAMGAUGE_TIME__SESSION_GAP=1h30m1ms",
            "STREAMGAUGE_SIMULATOR__SEED=9223372036854775807",
        ],
    );
    check(
        "[[funnel]]\nname = \"a\\\"\\\\\\n\\u0001\\u007f # ü\"\nsteps = ['/\"*', \"CONVERSION\", \"(\\n)\"]\nstrict = true\n\
         [[funnel]]\nname = \"b\"\nsteps = [\"/\", \"/\"]\nabandonment_step = 1\n",
        &[],
    );
    check(
        "[[alert]]\nname = \"a\"\nmetric = \"REVENUE_PER_USER\"\ndimensions = \"currency=EUR\"\nbelow = -1.50\nwindows = 3\ntitle = \"{{value}\"\n\
         [[alert]]\nname = \"b\"\nversion = 2\nseverity = \"LOW\"\nfirst = \"/cart\"\nwithout = \"CONVERSION\"\nwithin = \"1h\"\n",
        &[],
    );
}

#[test]
fn every_key_is_printed_with_its_explanation_and_source() {
    let file =
        "[time]\nlateness = \"1h\"\n[[funnel]]\nname = \"a\"\nsteps = [\"/\", \"/b\", \"/c\"]";
    let config = resolved(Some(file), &["STREAMGAUGE_JOB__WORKERS=2"], &["input.dedup=on"]);
    let printed = to_toml(&config.expect("valid"));
    for (section, key) in schema::keys() {
        assert!(printed.contains(key.doc), "{}", schema::path(section, key));
    }
    for line in [
        "lateness = \"1h\"  # from streamgauge.toml line 2",
        "workers = 2  # from environment variable STREAMGAUGE_JOB__WORKERS",
        "dedup = \"on\"  # from flag --flag",
        "[[funnel]]  # from streamgauge.toml line 3",
        "epoch = \"50ms\"",
        "rate = 200",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}:\n{printed}");
    }
    assert!(!to_toml(&Config::defaults()).contains("# from"));
}

#[test]
fn the_reference_has_every_key() {
    let text = reference();
    for (section, key) in schema::keys() {
        assert!(text.contains(&format!("| `{}` |", schema::path(section, key))), "{}", key.name);
    }
}

#[test]
fn a_valid_configuration_is_summed_up() {
    let check = |file: Option<&str>, variables: &[&str], expected: &str| {
        let config = resolved(file, variables, &[]).expect("valid");
        assert_eq!(summary(&config), expected);
    };
    check(
        None,
        &[],
        "the defaults; allowed disorder 5s, lateness 10m, session gap 30m, dedup off, bots \
         included, funnel checkout, one worker for each core",
    );
    check(
        Some("funnel = []\n[input]\nbots = \"exclude\""),
        &["STREAMGAUGE_JOB__WORKERS=1"],
        "streamgauge.toml over the defaults, 1 value set by environment or flag; allowed disorder \
         5s, lateness 10m, session gap 30m, dedup off, bots excluded, no funnels, 1 worker",
    );
}
