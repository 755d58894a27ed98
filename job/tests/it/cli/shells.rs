//! `--help` and `completions`, as a shell sees them.

use super::Folder;
use std::io::{self, Write};
use std::process::Command;

const COMMANDS: [&str; 15] = [
    "run",
    "job",
    "launch",
    "gateway",
    "simulate",
    "import",
    "dlq",
    "explain",
    "checkpoint",
    "topics",
    "doctor",
    "replay",
    "check",
    "config",
    "completions",
];

#[test]
fn every_help_has_an_example() {
    let folder = Folder::new();
    let check = |line: &str, example: &str| {
        let ran = folder.done(line);
        let help = String::from_utf8(ran.stdout).expect("text");
        let (usage, examples) =
            help.split_once("Examples:\n").unwrap_or_else(|| panic!("{line}: {help}"));
        assert!(usage.contains("Usage: streamgauge"), "{line}: {help}");
        assert!(examples.contains(&format!("  {example}")), "{line}: {examples}");
        assert_eq!(ran.stderr, "", "{line}");
    };
    check("--help", "streamgauge replay --from ");
    for command in COMMANDS {
        check(&format!("{command} --help"), &format!("streamgauge {command}"));
        // Of a job this is the host file, as in timely.
        if command != "job" {
            check(&format!("{command} -h"), &format!("streamgauge {command}"));
        }
    }
    let listed = folder.done("--help").stdout;
    let listed = String::from_utf8(listed).expect("text");
    for command in COMMANDS {
        assert!(listed.contains(&format!("\n  {command} ")), "{command}: {listed}");
    }
}

#[test]
fn helps_say_what_is_not_obvious() {
    let folder = Folder::new();
    let check = |line: &str, parts: &[&str]| {
        let help = String::from_utf8(folder.done(line).stdout).expect("text");
        let words: Vec<&str> = help.split_whitespace().collect();
        let help = words.join(" ");
        assert!(parts.iter().all(|part| help.contains(part)), "{line}: {help}");
    };
    check("run --help", &["the next run goes on where this one was", "Every 5 s a line"]);
    check("replay --help", &["are decompressed", "less memory", "NAME.partial"]);
    check("simulate --help", &["are compressed"]);
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let folder = Folder::new();
    let check = |line: &str, part: &str| {
        folder.refused(line, 2, &["error: ", part]);
    };
    check("replya", "'replay'");
    check("replay", "--from");
    check("replay --from events", "--to");
    check("replay --from events --to - --latenes 5s", "'--lateness'");
    check("replay --from events --to - --epoch-records 0", "--epoch-records");
    check("replay --from events --to ./events", "--to would overwrite the input events");
    check("replay --from events --to r --alerts r", "--to and --alerts are both r");
    check("simulate", "--to");
    check("completions tcsh", "bash");
    check("job -h", "'--hostfile <FILE>'");
    check("launch --processes 0", "1..=1000");
    check("launch --workers 0", "--workers 0: all processes must");
}

/// Feeds a script to a shell, if there is such a shell here.
fn shell(folder: &Folder, name: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(name);
    let output = match command.args(arguments).current_dir(folder.0.path()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        output => output.expect(name),
    };
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success() && stderr.is_empty(), "{name} refuses the script: {stderr}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn completions_work() {
    let folder = Folder::new();
    for name in ["bash", "zsh", "fish"] {
        let script = folder.done(&format!("completions {name}")).stdout;
        folder.put(name, &script);
        let script = folder.text(name);
        for word in COMMANDS.into_iter().chain(["dead-letters", "late-share", "epoch-records"]) {
            assert!(script.contains(word), "{name}: {word}");
        }
        // Both shells read a script without doing it.
        if name != "bash" && shell(&folder, name, &["-n", name]).is_none() {
            // Not by a macro for printing, whose text a passing test keeps to itself.
            let _ = writeln!(io::stderr(), "skipped: {name} is not here to read its completions");
        }
    }
    let complete = |words: &str, expected: &str| {
        let last = words.split(' ').count() - 1;
        let current = words.rsplit(' ').next().unwrap_or_default();
        let script = format!(
            "source ./bash; COMP_WORDS=({words}); COMP_CWORD={last}; \
             _streamgauge streamgauge '{current}' ''; echo \"${{COMPREPLY[*]}}\""
        );
        let found = shell(&folder, "bash", &["-c", &script]).expect("every test machine has bash");
        assert_eq!(found.trim(), expected, "{words}");
    };
    complete("streamgauge re", "replay");
    complete("streamgauge sim", "simulate");
    complete("streamgauge replay --dead", "--dead-letters");
    complete("streamgauge simulate --du", "--duplicate-share");
}
