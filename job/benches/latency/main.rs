//! Latency, open loop: from the moment at which an event was to be created to the
//! WebSocket update that contains it (page views of its window, provisional).
//!
//! ```sh
//! cargo bench -p streamgauge --bench latency -- 1000 60     # events a second, seconds
//! cargo bench -p streamgauge --bench latency -- 10000 30 --workers 1   # flags of `run`
//! STREAMGAUGE_KAFKA=$(deploy/dev/kafka.sh start) cargo bench -p streamgauge --bench latency
//! ```
//!
//! With `STREAMGAUGE_KAFKA` events and results are in topics of that Kafka, else embedded.
//! `streamgauge run --no-simulator` in a directory of its own; a producer in this process
//! appends to its log; a client in this process counts. A producer that is late makes its
//! events no younger. Checkpoints are on, and what arrives while one is written is told
//! apart. What it costs is told by thread, beside a replay of the same events.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::{
    EmbeddedLog, EventLog, KafkaLog, KafkaSettings, NewRecord, Retention,
};
use streamgauge_ingest::sqlite::Sync;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

const PARTITIONS: u32 = 12;
/// The configuration of a run over Kafka.
const CONFIG: &str = "latency.toml";
const ADDRESS: &str = "127.0.0.1:18082";
/// How long the producer gathers events.
const LINGER: Duration = Duration::from_millis(5);
const WINDOW_MS: i64 = 5_000;
/// What arrives so near to the end of a checkpoint's writing counts as during it, ms.
const NEAR_MS: i64 = 250;

struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        now_us() / 1_000
    }
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The job, ended with the bench.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let flags = args.iter().position(|a| a.starts_with('-')).unwrap_or(args.len());
    let flags = args.split_off(flags);
    let numbers: Vec<u64> = args.iter().filter_map(|a| a.parse().ok()).collect();
    let (rate, seconds) = match numbers[..] {
        [rate, seconds, ..] => (rate, seconds),
        [rate] => (rate, 30),
        [] => (1_000, 30),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let mut line = format!("run --no-simulator --listen {ADDRESS} --data-dir {}", path.display());
    let kafka = std::env::var("STREAMGAUGE_KAFKA").ok().map(|brokers| in_kafka(path, &brokers));
    if kafka.is_some() {
        line.push_str(&format!(" --config {}", path.join(CONFIG).display()));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.args(line.split(' ')).args(flags).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(command.spawn().expect("the job"));
    let mut socket = connected();
    let begin_us = (now_us() / 1_000_000 + 2) * 1_000_000;
    let count = rate * seconds;
    let intended = move |i: u64| begin_us + i64::try_from(i * 1_000_000 / rate).unwrap_or(0);
    let producer = thread::spawn({
        let path = path.to_owned();
        move || produce(&*opened(&path, kafka.as_ref()), count, intended)
    });
    let mut windows: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for i in 0..count {
        let at_us = intended(i);
        let end_ms = (at_us / 1_000).div_euclid(WINDOW_MS) * WINDOW_MS + WINDOW_MS;
        windows.entry(end_ms).or_default().push(at_us);
    }
    let before = cpu_us_by_thread(running.0.id());
    let latencies = receive(&mut socket, &windows, count);
    let after = cpu_us_by_thread(running.0.id());
    producer.join().expect("the producer");
    let checkpoints = checkpoint_times_ms(path);
    drop(running);
    tell(&format!("{rate} events/s for {seconds} s, {} checkpoints", checkpoints.len()), {
        latencies.iter().map(|(_, us)| *us).collect()
    });
    let near = |at_us: i64| checkpoints.iter().any(|ms| (at_us / 1_000 - ms).abs() <= NEAR_MS);
    let during = latencies.iter().filter(|(at_us, _)| near(*at_us)).map(|(_, us)| *us).collect();
    tell("  of these, while a checkpoint was written", during);
    tell_slow(&latencies, begin_us);
    tell_cpu(&before, &after, count);
    tell_replay(path, count, intended);
}

fn connected() -> tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<std::net::TcpStream>> {
    let url = format!("ws://{ADDRESS}/ws");
    for _ in 0..200 {
        let mut request = url.as_str().into_client_request().expect("a URL");
        let protocol = "rta.v1.json".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        if let Ok((mut socket, _)) = tungstenite::connect(request) {
            let subscribe =
                r#"{"action":"subscribe","id":1,"metrics":["pageViewsPerSecond"],"interval_ms":0}"#;
            socket.send(Message::text(subscribe)).expect("a subscription");
            return socket;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the gateway does not answer");
}

/// The event with a number, created then: its user, and it as JSON.
fn event(number: u64, at_us: i64) -> (String, String) {
    let user = format!("u{}", number * 7_919 % 20_000);
    let at_ms = at_us / 1_000;
    let value = format!(
        r#"{{"eventId":"e{number}","timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"{user}","sessionId":"s{user}","pageViewData":{{"url":"/p{}","referrer":"https://example.org/","pageLoadTime":{}}},"sessionData":{{"country":"DE","city":"Berlin","deviceType":"mobile","browser":"Firefox","os":"Linux"}}}}"#,
        number % 300,
        number % 4_000,
    );
    (user, value)
}

/// Makes topics of a Kafka for this run, and a configuration that names them.
fn in_kafka(path: &Path, brokers: &str) -> KafkaSettings {
    let topic = format!("latency-{}-events", now_us());
    let prefix = topic.trim_end_matches("events");
    let text = format!(
        "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{brokers}\"\ntopic = \"{topic}\"\nprefix = \"{prefix}\"\n"
    );
    std::fs::write(path.join(CONFIG), text).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.args(["topics", "create", "--config"]).arg(path.join(CONFIG));
    assert!(command.stdout(Stdio::null()).status().expect("it runs").success(), "topics");
    KafkaSettings::new(brokers, topic)
}

/// The log of events.
fn opened(path: &Path, kafka: Option<&KafkaSettings>) -> Arc<dyn EventLog> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if let Some(settings) = kafka {
        return Arc::new(KafkaLog::connect(settings.clone(), clock).expect("the topic"));
    }
    let log = EmbeddedLog::open(path, PARTITIONS, Retention::default(), Sync::Full, clock);
    Arc::new(log.expect("the log"))
}

fn produce(log: &dyn EventLog, count: u64, intended: impl Fn(u64) -> i64) {
    let mut next = 0;
    while next < count {
        let mut values = Vec::new();
        while next < count && intended(next) <= now_us() {
            values.push(event(next, intended(next)));
            next += 1;
        }
        let record = |(user, value): &'_ (String, String)| {
            (partition_of(user, PARTITIONS), user.clone(), value.clone())
        };
        let owned: Vec<_> = values.iter().map(record).collect();
        let records: Vec<_> = owned
            .iter()
            .map(|(partition, key, value)| NewRecord {
                partition: *partition,
                key: key.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        log.append(&records).expect("appended");
        thread::sleep(LINGER);
    }
}

/// For each event when it arrived and after how long, both in µs.
fn receive(
    socket: &mut tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<std::net::TcpStream>>,
    windows: &BTreeMap<i64, Vec<i64>>,
    count: u64,
) -> Vec<(i64, i64)> {
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut latencies = Vec::new();
    while (latencies.len() as u64) < count {
        let Message::Text(text) = socket.read().expect("a message") else { continue };
        let at_us = now_us();
        let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let Some(rows) = message["rows"].as_array() else { continue };
        for row in rows {
            let (Some(end), Some(views)) = (row[0].as_str(), row[2].as_u64()) else { continue };
            let end: jiff::Timestamp = end.parse().expect("a time");
            let Some(events) = windows.get(&end.as_millisecond()) else { continue };
            let before = seen.entry(end.as_millisecond()).or_default();
            let now = usize::try_from(views).unwrap_or(0).min(events.len());
            if now > *before {
                latencies.extend(events[*before..now].iter().map(|us| (at_us, at_us - us)));
                *before = now;
            }
        }
    }
    latencies
}

/// When checkpoints were complete, ms.
fn checkpoint_times_ms(path: &Path) -> Vec<i64> {
    let entries = std::fs::read_dir(path.join("checkpoints")).into_iter().flatten().flatten();
    let time = |entry: std::fs::DirEntry| {
        let modified = entry.metadata().ok()?.modified().ok()?;
        i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    };
    entries.filter_map(time).collect()
}

/// CPU time of a process by the names of its threads, µs (Linux: nothing elsewhere).
fn cpu_us_by_thread(process: u32) -> BTreeMap<String, u64> {
    let mut by_name = BTreeMap::new();
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).ok();
        let (Some(name), Some(times)) = (read("comm"), read("schedstat")) else { continue };
        let ns: Option<u64> = times.split(' ').next().and_then(|ns| ns.parse().ok());
        *by_name.entry(name.trim().to_owned()).or_default() += ns.unwrap_or(0) / 1_000;
    }
    by_name
}

fn tell_cpu(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>, count: u64) {
    let spent = |(name, us): (&String, &u64)| {
        let us = us - before.get(name).copied().unwrap_or(0);
        (us as f64 / count as f64, name.clone())
    };
    let mut spent: Vec<_> = after.iter().map(spent).collect();
    spent.sort_by(|a, b| b.0.total_cmp(&a.0));
    let whole: f64 = spent.iter().map(|(us, _)| us).sum();
    println!("  CPU of the job: {whole:.2} µs an event");
    for (us, name) in spent.iter().filter(|(us, _)| *us >= 0.01) {
        println!("    {us:6.2} {name}");
    }
}

/// What replaying the same events costs, from a file to nowhere, on one worker.
fn tell_replay(directory: &Path, count: u64, intended: impl Fn(u64) -> i64) {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike as _;
    let file = directory.join("events.jsonl");
    let lines = (0..count).map(|i| event(i, intended(i)).1 + "\n");
    std::fs::write(&file, lines.collect::<String>()).expect("a file");
    let cpu_us = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage");
        (usage.user_time() + usage.system_time()).num_microseconds()
    };
    let before = cpu_us();
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.args(["replay", "--to", "none", "--workers", "1", "--from"]).arg(&file);
    let replayed = command.stderr(Stdio::null()).status().expect("the replay");
    assert!(replayed.success(), "the replay has failed");
    let us = (cpu_us() - before) as f64 / count as f64;
    println!("  a replay of the same events from a file: {us:.2} µs an event");
}

/// In which seconds the slowest hundredth arrived.
fn tell_slow(latencies: &[(i64, i64)], begin_us: i64) {
    let mut slow: Vec<_> = latencies.to_vec();
    slow.sort_by_key(|(_, us)| std::cmp::Reverse(*us));
    slow.truncate(latencies.len() / 100);
    let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
    for (at_us, _) in slow {
        *seconds.entry((at_us - begin_us) / 1_000_000).or_default() += 1;
    }
    println!("  the slowest hundredth by the second in which they arrived: {seconds:?}");
}

fn tell(what: &str, mut us: Vec<i64>) {
    us.sort_unstable();
    let at = |percent: usize| {
        let place = us.len() * percent / 100;
        us.get(place.min(us.len().saturating_sub(1))).map_or(0.0, |us| *us as f64 / 1_000.0)
    };
    println!(
        "{what}: {} events, p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        us.len(),
        at(50),
        at(95),
        at(99),
        at(100)
    );
}
