//! `config` and `check`: what is printed can be fed back, and says what is in
//! force.

use super::Folder;

/// What a configuration says, without the comments.
fn values(text: &str) -> Vec<String> {
    let values = text.lines().map(|line| line.split("  # from ").next().unwrap_or_default());
    values.filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_config_prints_can_be_fed_back() {
    let folder = Folder::new();
    folder.put(
        "own.toml",
        b"[time]\nlateness = \"20m\"\n[simulator]\nrate = \"max\"\nskew = 0.25\n\
          [[funnel]]\nname = \"signup\"\nsteps = [\"/\", \"/sign-up*\", \"SESSION_END\"]\nstrict = true\n",
    );
    let check = |flags: &str| {
        let printed = folder.done(&format!("config {flags}")).stdout;
        folder.put("printed.toml", &printed);
        let again = folder.done("config --config printed.toml").stdout;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        assert_eq!(values(&text(&again)), values(&text(&printed)), "{flags}");
        folder.done("check --config printed.toml");
        text(&printed)
    };
    let defaults = check("--defaults");
    assert_eq!(values(&check("")), values(&defaults));
    let own = check("--config own.toml --dedup on --session-gap 45m");
    for line in [
        "lateness = \"20m\"  # from own.toml line 2",
        "dedup = \"on\"  # from flag --dedup",
        "name = \"signup\"",
    ] {
        assert!(own.contains(line), "{line}: {own}");
    }
    assert_ne!(values(&own), values(&defaults));
}

#[test]
fn layers_go_over_each_other() {
    let folder = Folder::new();
    folder.put("streamgauge.toml", b"[time]\nlateness = \"1m\"\n");
    folder.put("other.toml", b"[time]\nlateness = \"2m\"\n");
    let check = |flags: &str, variables: &[(&str, &str)], expected: &str| {
        let mut command = folder.command(&format!("config {flags}"));
        command.envs(variables.iter().copied());
        let output = command.output().expect("config");
        let text = String::from_utf8(output.stdout).expect("text");
        let line = text.lines().find(|line| line.starts_with("lateness")).expect("a line");
        assert_eq!(line, format!("lateness = {expected}"), "{flags} {variables:?}");
    };
    let variable = ("STREAMGAUGE_TIME__LATENESS", "3m");
    check("", &[], "\"1m\"  # from streamgauge.toml line 2");
    check("--config other.toml", &[], "\"2m\"  # from other.toml line 2");
    check("", &[("STREAMGAUGE_CONFIG", "other.toml")], "\"2m\"  # from other.toml line 2");
    check("", &[variable], "\"3m\"  # from environment variable STREAMGAUGE_TIME__LATENESS");
    check("--lateness 4m", &[variable], "\"4m\"  # from flag --lateness");
    check("--defaults", &[variable], "\"10m\"");
}

#[test]
fn check_says_that_all_is_well() {
    let folder = Folder::new();
    let check = |flags: &str, expected: &str| {
        let text = folder.done(&format!("check {flags}")).stdout;
        let text = String::from_utf8(text).expect("text");
        assert!(text.starts_with("configuration is valid: ") && text.contains(expected), "{text}");
    };
    check("", "the defaults");
    check("--lateness 90s", "lateness 1m30s");
}

#[test]
fn the_reference_has_a_row_for_every_key() {
    let folder = Folder::new();
    let table = String::from_utf8(folder.done("config --reference").stdout).expect("text");
    let printed = String::from_utf8(folder.done("config --defaults").stdout).expect("text");
    let mut section = "";
    let mut keys = 0;
    for line in values(&printed).iter().map(String::as_str) {
        match (line.strip_prefix('['), line.split_once(" = ")) {
            (Some(header), _) => section = header.trim_matches(['[', ']']),
            (None, Some((key, _))) => {
                assert!(
                    table.contains(&format!("| `{section}.{key}` |")),
                    "{section}.{key}: {table}"
                );
                keys += 1;
            }
            (None, None) => panic!("{line}"),
        }
    }
    assert!(keys > 15, "{keys}");
}
