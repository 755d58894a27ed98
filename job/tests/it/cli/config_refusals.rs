//! A wrong configuration is refused by every command that reads it: exit code 2,
//! and each thing with its key, its place, the value, the reason and the nearest
//! valid one.

use super::{Folder, ended};

/// The text that `check` refuses with this file, these variables and flags.
fn refusal(file: &str, variables: &[(&str, &str)], flags: &str) -> String {
    let folder = Folder::new();
    if !file.is_empty() {
        folder.put("streamgauge.toml", file.as_bytes());
    }
    let line = format!("check {flags}");
    let mut command = folder.command(&line);
    command.envs(variables.iter().copied());
    let ran = ended(command.spawn().expect("check"), &line);
    assert_eq!(ran.code, Some(2), "{file} {variables:?} {flags}: {}", ran.stderr);
    assert_eq!(ran.stdout, b"");
    ran.stderr
}

#[test]
fn refusals_say_all_that_is_needed() {
    let check = |file: &str, variables: &[(&str, &str)], flags: &str, expected: &str| {
        let text = refusal(file, variables, flags);
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    };
    check(
        "[time]\nlateness = \"10 min\"\n",
        &[],
        "",
        "bad value for `time.lateness` from streamgauge.toml line 2: `10 min`: ",
    );
    check("[time]\nlateness = \"10 min\"\n", &[], "", "the nearest valid value is `10m`");
    check(
        "[time]\nepoch = \"5ms\"\n",
        &[],
        "",
        "expected a duration from `20ms` to `1s`; the nearest valid value is `20ms`",
    );
    check(
        "[time]\nlatenes = \"5s\"\n",
        &[],
        "",
        "unknown key `time.latenes` in streamgauge.toml line 2: did you mean `time.lateness`?",
    );
    check(
        "[tme]\n",
        &[],
        "",
        "unknown section `tme` in streamgauge.toml line 1: did you mean `time`?",
    );
    check("[time\n", &[], "", "not valid TOML in streamgauge.toml line 1");
    check(
        "[[funnel]]\nsteps = [\"/\", \"/a\"]\n",
        &[],
        "",
        "missing key `funnel.name` in streamgauge.toml line 1",
    );
    check(
        "",
        &[("STREAMGAUGE_INPUT__DEDUP", "yes")],
        "",
        "bad value for `input.dedup` from environment variable STREAMGAUGE_INPUT__DEDUP: `yes`: expected `off` or `on`",
    );
    check(
        "",
        &[("STREAMGAUGE_TIME__LATENES", "5s")],
        "",
        "unknown environment variable STREAMGAUGE_TIME__LATENES: did you mean `STREAMGAUGE_TIME__LATENESS`?",
    );
    check(
        "",
        &[],
        "--workers 1000",
        "bad value for `job.workers` from flag --workers: `1000`: expected a whole number from 0 to 256; the nearest valid value is `256`",
    );
    check("", &[], "--bots exlude", "; the nearest valid value is `exclude`");
    check(
        "",
        &[],
        "--config missing.toml",
        "cannot read the configuration file missing.toml: No such file",
    );
}

#[test]
fn everything_wrong_is_in_one_list() {
    let file = "[time]\nlateness = \"soon\"\n[input]\nmax_bytes = 0\n";
    let text = refusal(file, &[("STREAMGAUGE_JOB__WORKERS", "-1")], "--dedup perhaps");
    let keys = ["time.lateness", "input.max_bytes", "job.workers", "input.dedup"];
    let places: Vec<_> =
        keys.iter().map(|key| text.find(&format!("`{key}`")).expect(key)).collect();
    assert!(places.is_sorted(), "file, variables, flags: {text}");
}

#[test]
fn every_command_refuses_before_it_does_anything() {
    let folder = Folder::new();
    folder.put("streamgauge.toml", b"[simulator]\nskew = 9\n");
    folder.put("events", b"");
    let expected = [
        "`simulator.skew`",
        "line 2",
        "`9`",
        "a number from 0 to 5",
        "the nearest valid value is `5`",
    ];
    for line in [
        "run",
        "simulate --to made",
        "replay --from events --to made",
        "replay --from missing --to made",
        "check",
        "config",
    ] {
        folder.refused(line, 2, &expected);
        assert!(!folder.path("made").exists(), "{line} has made its output");
    }
    // What looks at nothing is not disturbed.
    folder.done("config --reference");
    folder.done("completions bash");
}
