//! What an event costs from a Kafka to results: consumed alone, consumed and decoded, and
//! through the whole job, which writes its results to topics, with one worker and with two.
//!
//! ```sh
//! STREAMGAUGE_KAFKA=$(deploy/dev/kafka.sh start) cargo bench -p streamgauge --bench kafka -- 6000000
//! ```
//!
//! Processor time of the process that does it, per event, all in one run over one topic;
//! brokers work on the same machine and are not counted.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike as _;
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{EventLog, KafkaLog, KafkaSettings, Position};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::EpochReader;
use streamgauge_sink::results::{KafkaResults, ResultLog};

const BINARY: &str = env!("CARGO_BIN_EXE_streamgauge");
/// The shop makes so many events a second of its own time.
const RATE: u64 = 200;
/// Records read at once, as in the job.
const AT_ONCE: usize = 20_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let Ok(brokers) = std::env::var("STREAMGAUGE_KAFKA") else {
        println!(
            "left out, as STREAMGAUGE_KAFKA=host:port names no Kafka: deploy/dev/kafka.sh start"
        );
        return;
    };
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["consume", topic] => consume(&log(&brokers, topic)),
        ["decode", topic] => decode(&log(&brokers, topic)),
        [] => all(&brokers, 200_000),
        [events, ..] => all(&brokers, events.parse().expect("a number of events")),
    }
}

fn log(brokers: &str, topic: &str) -> KafkaLog {
    let settings = KafkaSettings::new(brokers, topic);
    KafkaLog::connect(settings, Arc::new(ManualClock::new(0))).expect("the topic")
}

fn positions(log: &KafkaLog) -> Vec<Position> {
    (0..log.partitions()).map(|partition| Position { partition, offset: 0 }).collect()
}

fn consume(log: &KafkaLog) {
    let mut reader = log.reader(&positions(log)).expect("a reader");
    let (mut bytes, mut records) = (0, 0);
    loop {
        let read = reader.poll(AT_ONCE, &mut |record| bytes += record.value.len());
        match read.expect("records") {
            0 => break,
            count => records += count,
        }
    }
    println!("{records} records, {} MB", bytes >> 20);
}

fn decode(log: &KafkaLog) {
    let settings = InputSettings { partitions: log.partitions(), ..InputSettings::default() };
    let mut reader = EpochReader::new(log, &settings, &positions(log)).expect("a reader");
    while reader.read(AT_ONCE).expect("records").counts.read > 0 {}
    println!("{} records", reader.counts().read);
}

/// What something has cost.
struct Cost {
    cpu: Duration,
    wall: Duration,
    peak_mb: u64,
}

fn children_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage");
    let us = (usage.user_time() + usage.system_time()).num_microseconds();
    Duration::from_micros(us.unsigned_abs())
}

/// Runs this program for one of its parts.
fn part(part: &str, topic: &str) -> Cost {
    let (before, began) = (children_cpu(), Instant::now());
    let me = std::env::current_exe().expect("this program");
    let status = Command::new(me).args([part, topic]).stdout(Stdio::null()).status();
    assert!(status.expect("it runs").success(), "{part}");
    Cost { cpu: children_cpu() - before, wall: began.elapsed(), peak_mb: 0 }
}

fn all(brokers: &str, events: u64) {
    let directory = tempfile::tempdir().expect("a directory");
    let stamp = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis();
    let topic = format!("bench-{stamp}-events");
    let config = |name: &str| {
        let path = directory.path().join(format!("{name}.toml"));
        let text = format!(
            "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{brokers}\"\ntopic = \"{topic}\"\nprefix = \"bench-{stamp}-{name}-\"\n"
        );
        std::fs::write(&path, text).expect("a file");
        path
    };
    let of_events = config("events");
    run(&of_events, &["topics", "create"]);
    let start = stamp - u128::from(events / RATE + 600) * 1_000;
    let (count, start) = (events.to_string(), start.to_string());
    let simulate =
        ["simulate", "--to", "log", "--rate", "max", "--events", &count, "--start", &start];
    run(&of_events, &simulate);
    println!("{events} events of the simulator, µs of processor time an event");
    let consumed = part("consume", &topic);
    tell("consume", events, &consumed, None);
    let decoded = part("decode", &topic);
    tell("consume and decode", events, &decoded, None);
    for workers in ["1", "2"] {
        let config = config(&format!("w{workers}"));
        run(&config, &["topics", "create"]);
        let prefix = format!("bench-{stamp}-w{workers}-");
        let cost = job(&config, brokers, &prefix, workers, events, directory.path());
        tell(&format!("the whole job, {workers} workers"), events, &cost, Some(&decoded));
    }
}

fn run(config: &Path, args: &[&str]) {
    let mut command = Command::new(BINARY);
    command.args(args).arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("it runs").success(), "{args:?}");
}

/// Runs a job until all is committed.
fn job(
    config: &Path,
    brokers: &str,
    prefix: &str,
    workers: &str,
    events: u64,
    directory: &Path,
) -> Cost {
    let (before, began) = (children_cpu(), Instant::now());
    let mut command = Command::new(BINARY);
    command.args(["job", "--workers", workers, "--config"]).arg(config);
    command.arg("--data-dir").arg(directory.join(prefix));
    let mut job = command.stderr(Stdio::null()).spawn().expect("the job");
    let settings = KafkaSettings::new(brokers, "");
    let results = KafkaResults::connect(&settings, prefix, Arc::new(ManualClock::new(0)));
    let results = results.expect("its results");
    loop {
        thread::sleep(Duration::from_millis(100));
        assert!(job.try_wait().expect("a child").is_none(), "the job has ended");
        let state = results.state().expect("how far it is");
        let committed = state.committed.map(|p| p.epoch);
        let last = state.bound.filter(|bound| committed == Some(*bound));
        let binding = last.and_then(|epoch| results.bindings(epoch, 1).ok()?.pop());
        if binding.is_some_and(|b| b.partitions.iter().map(|p| p.hi).sum::<u64>() >= events) {
            break;
        }
    }
    let wall = began.elapsed();
    let peak_mb = peak_mb(job.id());
    let process = Pid::from_raw(i32::try_from(job.id()).expect("a process"));
    kill(process, Signal::SIGKILL).expect("it is there");
    job.wait().expect("it ends");
    Cost { cpu: children_cpu() - before, wall, peak_mb }
}

/// The most memory that a process has had (Linux: nothing elsewhere).
fn peak_mb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
    kb.unwrap_or(0) >> 10
}

fn tell(what: &str, events: u64, cost: &Cost, beside: Option<&Cost>) {
    let us = |cost: &Cost| cost.cpu.as_secs_f64() * 1e6 / events as f64;
    let rate = events as f64 / cost.wall.as_secs_f64();
    let mut line = format!("{what:26} {:6.2} µs, {rate:8.0} events/s", us(cost));
    if cost.peak_mb > 0 {
        line.push_str(&format!(", {} MB at most", cost.peak_mb));
    }
    if let Some(beside) = beside {
        line.push_str(&format!(", {:.2} × consume and decode", us(cost) / us(beside)));
    }
    println!("{line}");
}
