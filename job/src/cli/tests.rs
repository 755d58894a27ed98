//! Tests of the command line as a whole.

use clap::{CommandFactory, Parser};

use super::*;
use crate::config::{Config, Surroundings, schema};
use streamgauge_simulator::Options;

/// clap's descriptions of all commands, the top one first.
fn commands() -> Vec<clap::Command> {
    let mut top = <Cli as CommandFactory>::command();
    top.build();
    let own: Vec<_> = top.get_subcommands().cloned().collect();
    let known = own.into_iter().filter(|command| command.get_name() != "help");
    std::iter::once(top.clone()).chain(known).collect()
}

#[test]
fn clap_finds_no_fault() {
    <Cli as CommandFactory>::command().debug_assert();
}

#[test]
fn every_help_has_a_purpose_defaults_and_an_example() {
    for mut command in commands() {
        let name = command.get_name().to_owned();
        assert!(command.get_about().is_some(), "{name}");
        let help = command.render_help().to_string();
        let long_help = command.render_long_help().to_string();
        let example =
            format!("streamgauge {name}").replace("streamgauge streamgauge", "streamgauge");
        for text in [&help, &long_help] {
            let (_, examples) = text.split_once("Examples:").expect(&name);
            assert!(examples.contains(&example), "{name}");
        }
        for flag in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
            let id = format!("{name} --{}", flag.get_id());
            let text = flag.get_help().expect(&id).to_string();
            let is_switch = matches!(
                flag.get_action(),
                clap::ArgAction::SetTrue | clap::ArgAction::Help | clap::ArgAction::Version
            );
            let has_default = text.contains("[default: ") || !flag.get_default_values().is_empty();
            assert!(has_default || is_switch || flag.is_required_set(), "{id}: {text}");
        }
    }
}

#[test]
fn a_flag_of_a_key_says_what_the_table_says() {
    let mut seen = 0;
    for command in commands() {
        for (_, key) in schema::keys().filter(|(section, _)| !section.repeated) {
            // Switches of one command are not those of a key, which take a value.
            let is_of_key = |arg: &&clap::Arg| {
                arg.get_id() == key.name && !matches!(arg.get_action(), clap::ArgAction::SetTrue)
            };
            let flags = command.get_arguments().filter(is_of_key);
            for flag in flags {
                let text = flag.get_help().expect(key.name).to_string();
                assert!(text.starts_with(key.doc), "{}: {text}", key.name);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// The command of a line, and its configuration without surroundings.
fn parsed(line: &str) -> Result<(Command, Config), String> {
    let words = std::iter::once("streamgauge").chain(line.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    let around = Surroundings {
        // A folder without a configuration file.
        directory: "/nowhere".into(),
        ..Surroundings::default()
    };
    let command = cli.command();
    let config = match &command {
        Command::Run(args) => args.resolve(&around),
        Command::Simulate(args) => args.resolve(&around),
        Command::Replay(args) => args.resolve(&around),
        _ => Ok(Config::defaults()),
    };
    Ok((command, config.map_err(|problems| problems.to_string())?))
}

#[test]
fn flags_reach_their_keys() {
    let check = |line: &str, path: &str, expected: &str| {
        let (_, config) = parsed(line).expect(line);
        let setting = config.settings.get(path).expect(path);
        assert_eq!(setting.value.to_toml(), expected, "{line}");
        let flag = format!("flag --{}", path.split_once('.').expect("a section").1);
        assert_eq!(setting.origin.to_string(), flag.replace('_', "-"));
    };
    check("--rate 5", "simulator.rate", "5");
    check("run --workers 3", "job.workers", "3");
    let simulate = |flags: &str, path: &str, expected: &str| {
        check(&format!("simulate --to - {flags}"), path, expected);
    };
    simulate("--rate max", "simulator.rate", "\"max\"");
    simulate("--users 7", "simulator.users", "7");
    simulate("--seed 7", "simulator.seed", "7");
    simulate("--disorder 500", "simulator.disorder", "\"500ms\"");
    simulate("--disorder 3s", "simulator.disorder", "\"3s\"");
    simulate("--late-share 0.25", "simulator.late_share", "0.25");
    simulate("--duplicate-share 1", "simulator.duplicate_share", "1.0");
    simulate("--malformed-share 0.5", "simulator.malformed_share", "0.5");
    simulate("--skew 2", "simulator.skew", "2.0");
    let replay = |flags: &str, path: &str, expected: &str| {
        check(&format!("replay --from a b {flags} --to -"), path, expected);
    };
    replay("--allowed-disorder 1s", "time.allowed_disorder", "\"1s\"");
    replay("--lateness 2h", "time.lateness", "\"2h\"");
    replay("--session-gap 1m", "time.session_gap", "\"1m\"");
    replay("--dedup on", "input.dedup", "\"on\"");
    replay("--bots exclude", "input.bots", "\"exclude\"");
    replay("--workers 4", "job.workers", "4");
}

#[test]
fn the_simulator_takes_whatever_the_configuration_takes() {
    let check = |flags: &str, changed: fn(&mut Options)| {
        let line = format!("simulate --to - {flags}");
        let Ok((Command::Simulate(args), config)) = parsed(&line) else {
            panic!("{line}");
        };
        let mut expected = Options { start_ms: 1_700_000_123_000, ..Options::default() };
        changed(&mut expected);
        let found = args.options(&config, 1_700_000_123_456);
        assert_eq!(found, expected, "{line}");
        assert!(found.validate().is_ok(), "{line}");
    };
    check("", |_| {});
    // With no limit to the rate the times are those of the default one.
    check("--rate max --events 7 --start 5", |o| {
        (o.events, o.start_ms) = (Some(7), 5);
    });
    check("--start 9000-12-31T23:59:59Z", |o| {
        o.start_ms = 221_876_927_999_000;
    });
    check("--rate 1 --users 1 --seed 0 --disorder 0 --late-share 0 --skew 0", |o| {
        (o.rate, o.users, o.seed, o.disorder_ms) = (1.0, 1, 0, 0);
        o.skew = 0.0;
    });
    check(
        "--rate 1000000 --users 20000000 --seed 9223372036854775807 --disorder 86400000 \
         --late-share 1 --duplicate-share 1 --malformed-share 1 --skew 5",
        |o| {
            (o.rate, o.users, o.disorder_ms) = (1e6, 20_000_000, 86_400_000);
            o.seed = 9_223_372_036_854_775_807;
            (o.late_share, o.duplicate_share, o.malformed_share, o.skew) = (1.0, 1.0, 1.0, 5.0);
        },
    );
}

#[test]
fn replay_has_its_own_flags() {
    let line = "replay --from a.jsonl b.jsonl.gz --to none --alerts al --dead-letters dl \
                --final-only --summary json --partitions 3 --epoch-records 1";
    let Ok((Command::Replay(args), _)) = parsed(line) else {
        panic!("{line}");
    };
    assert_eq!(args.from, ["a.jsonl", "b.jsonl.gz"].map(std::path::PathBuf::from));
    assert_eq!(args.to, Destination::Nowhere);
    assert_eq!((args.partitions, args.epoch_records, args.final_only), (3, 1, true));
    assert_eq!(args.summary, Some(Summary::Json));
    let Ok((Command::Replay(args), _)) = parsed("replay --from a --to -") else {
        panic!("the shortest");
    };
    assert_eq!((args.partitions, args.epoch_records, args.final_only), (12, 10_000, false));
}

#[test]
fn wrong_usage_is_refused() {
    let check = |line: &str, expected: &str| {
        let error = parsed(line).map(|_| ()).expect_err(line);
        assert!(error.contains(expected), "{line}: {error}");
    };
    check("replya", "replay");
    check("replay --to -", "--from");
    check("replay --from a", "--to");
    check("replay --from - --to -", "/dev/stdin");
    check("replay --from a --to - --alerts -", "`./-`");
    check("replay --from a --to - --partitions 0", "1..=4096");
    check("replay --from a --to - --epoch-records 0", "--epoch-records");
    check("replay --from a --to - --summary xml", "json");
    check("replay --from a --to - --latenes 5s", "--lateness");
    check("replay --from a --to - --lateness soon", "flag --lateness: `soon`");
    check("simulate --to - --start yesterday", "RFC 3339");
    check("simulate --to none", "`./none`");
    check("simulate --to none", "the target is a file, `-`");
    check("replay --from log --from-offsets 1-2 --to -", "PARTITION:OFFSET");
    check("simulate --to - --start 9001-01-01T00:00:00Z", "year 9000");
    check("--rate 5 check", "cannot be used");
    check("run --config missing.toml", "missing.toml");
}

#[test]
fn files_that_would_overwrite_each_other_are_refused() {
    let check = |line: &str, expected: Option<&str>| {
        let Ok((Command::Replay(args), _)) = parsed(&format!("replay {line}")) else {
            panic!("{line}");
        };
        let found = args.check_files().err().map(|conflict| conflict.to_string());
        assert_eq!(found.as_deref(), expected, "{line}");
    };
    check("--from a --to b --alerts c --dead-letters d", None);
    check("--from a --to - --alerts /dev/null --dead-letters /dev/null", None);
    check("--from a x --to ./x", Some("--to would overwrite the input x"));
    check("--from a b.partial --to b", Some("--to would overwrite the input b.partial"));
    check("--from a --to b.partial --alerts b", Some("--to and --alerts are both b.partial"));
    check("--from a --to b --alerts ./b", Some("--to and --alerts are both b"));
    check(
        "--from a --to - --alerts c --dead-letters c",
        Some("--alerts and --dead-letters are both c"),
    );
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let Ok((Command::Completions(args), _)) = parsed(&format!("completions {shell}")) else {
            panic!("{shell}");
        };
        let script = String::from_utf8(args.output()).expect("text");
        assert!(script.contains("replay") && script.contains("dead-letters"), "{shell}");
    }
}
