//! Which layer wins, and which file is read.

use std::path::PathBuf;

use super::resolved;
use crate::config::*;

const FILE: &str = "[time]\nlateness = \"1m\"\n";
const VARIABLE: &str = "STREAMGAUGE_TIME__LATENESS=2m";
const FLAG: &str = "time.lateness=3m";

#[test]
fn the_highest_layer_wins_and_is_remembered() {
    let check = |file: Option<&str>, env: &[&str], flags: &[&str], ms: i64, origin: &str| {
        let config = resolved(file, env, flags).expect("valid");
        assert_eq!(config.time.lateness_ms, ms);
        let setting = config.settings.get("time.lateness").expect("a key");
        assert_eq!(setting.origin.to_string(), origin);
        assert_eq!(config.file.is_some(), file.is_some());
    };
    let variable = "environment variable STREAMGAUGE_TIME__LATENESS";
    check(None, &[], &[], 600_000, "the defaults");
    check(Some(""), &[], &[], 600_000, "the defaults");
    check(Some(FILE), &[], &[], 60_000, "streamgauge.toml line 2");
    check(None, &[VARIABLE], &[], 120_000, variable);
    check(Some(FILE), &[VARIABLE], &[], 120_000, variable);
    check(Some(FILE), &[], &[FLAG], 180_000, "flag --flag");
    check(Some(FILE), &[VARIABLE], &[FLAG], 180_000, "flag --flag");
}

#[test]
fn the_defaults_are_those_of_the_catalogue() {
    let config = Config::defaults();
    assert_eq!(
        config.input,
        Input { dedup: Dedup::Off, bots: Bots::Include, max_bytes: 1_048_576 }
    );
    assert_eq!(
        config.time,
        Time {
            allowed_disorder_ms: 5_000,
            lateness_ms: 600_000,
            session_gap_ms: 1_800_000,
            epoch_ms: 50,
            provisional_epochs: 10,
            corrections_ms: 1_000,
        }
    );
    let steps: Vec<&str> = config.funnels[0].steps.iter().map(Step::text).collect();
    assert_eq!(steps, ["/products/*", "/cart", "/checkout", "CONVERSION"]);
    assert_eq!(config.simulator.rate, Rate::PerSecond(200));
    assert_eq!((config.job.worker_threads(8), config.job.worker_threads(0)), (8, 1));
}

#[test]
fn the_ends_of_every_range_fit_their_types() {
    let ends = |kind: Kind| match kind {
        Kind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
        Kind::Integer { min, max } => vec![min.to_string(), max.to_string()],
        Kind::Decimal { min, max } => vec![min.to_string(), max.to_string()],
        Kind::Duration { min_ms, max_ms } => vec![format_duration(min_ms), format_duration(max_ms)],
        Kind::Rate { max } => vec!["1".into(), max.to_string(), MAX_RATE.into()],
        Kind::Flag => vec!["true".into(), "false".into()],
        Kind::Address => vec!["0.0.0.0:1".into(), "[::1]:65535".into()],
        Kind::TimeZone => vec!["UTC".into(), "America/Argentina/ComodRivadavia".into()],
        Kind::Text
        | Kind::AnyText
        | Kind::Limit
        | Kind::Steps
        | Kind::Name
        | Kind::Url
        | Kind::List { .. } => Vec::new(),
    };
    for (section, key) in schema::keys().filter(|(section, _)| !section.repeated) {
        for value in ends(key.kind) {
            let flag = format!("{}={value}", schema::path(section, key));
            // A history in an InfluxDB needs a token besides, and sessions in it need that.
            let influxdb =
                ["STREAMGAUGE_INFLUXDB__TOKEN=token", "STREAMGAUGE_STORE__KIND=influxdb"];
            assert!(resolved(None, &influxdb, &[&flag]).is_ok(), "{flag}");
        }
    }
}

#[test]
fn the_file_is_named_by_flag_then_variable_then_habit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, gap) in [("a.toml", "1m"), ("b.toml", "2m"), (DEFAULT_FILE, "3m")] {
        let text = format!("time.session_gap = \"{gap}\"");
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let check = |flag: Option<&str>, variable: Option<&str>, expected_ms: i64, origin: &str| {
        let mut surroundings =
            Surroundings { directory: folder.path().to_owned(), ..Surroundings::default() };
        if let Some(name) = variable {
            surroundings.variables.insert(CONFIG_VARIABLE.into(), name.into());
        }
        let overrides = Overrides::with_file(flag.map(PathBuf::from));
        let config = resolve(&overrides, &surroundings).expect("valid");
        assert_eq!(config.time.session_gap_ms, expected_ms);
        let setting = config.settings.get("time.session_gap").expect("a key");
        assert_eq!(setting.origin.to_string(), origin);
    };
    check(Some("a.toml"), Some("b.toml"), 60_000, "a.toml line 1");
    check(None, Some("b.toml"), 120_000, "b.toml line 1");
    check(None, None, 180_000, "streamgauge.toml line 1");
}

#[test]
fn a_named_file_must_be_there_and_be_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("binary.toml"), [0xff, 0xfe]).expect("a file");
    for name in ["missing.toml", "binary.toml", "."] {
        let surroundings =
            Surroundings { directory: folder.path().to_owned(), ..Surroundings::default() };
        let overrides = Overrides::with_file(Some(name.into()));
        let text = resolve(&overrides, &surroundings).expect_err(name).to_string();
        assert!(text.contains(&format!("cannot read the configuration file {name}: ")), "{text}");
    }
}

#[test]
fn funnels_of_the_file_replace_the_default() {
    let check = |file: &str, expected: &[(&str, usize, bool, u8)]| {
        let config = resolved(Some(file), &[], &[]).expect("valid");
        let shape = |f: &Funnel| (f.name.clone(), f.steps.len(), f.strict, f.abandonment_step);
        let found: Vec<_> = config.funnels.iter().map(shape).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, steps, strict, step)| ((*name).to_owned(), *steps, *strict, *step))
            .collect();
        assert_eq!(found, expected, "{file}");
    };
    check("", &[("checkout", 4, false, 2)]);
    check("funnel = []", &[]);
    check(
        "[[funnel]]\nname = \"a\"\nsteps = [\"*\", \"(unknown)\", \"SESSION_END\"]\nstrict = true",
        &[("a", 3, true, 2)],
    );
    check(
        "funnel = [{ name = \"b\", steps = [\"/\", \"/\"], abandonment_step = 1 }]",
        &[("b", 2, false, 1)],
    );
    let eight = "[[funnel]]\nname=\"c\"\nabandonment_step=7\nsteps=[\"/1\",\"/2\",\"/3\",\"/4\",\"/5\",\"/6\",\"/7\",\"/8\"]\n";
    let two = format!("{eight}{}", eight.replace("\"c\"", "\"d|=,%\""));
    check(&two, &[("c", 8, false, 7), ("d|=,%", 8, false, 7)]);
}
