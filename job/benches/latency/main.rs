//! Latency, open loop: from the moment at which an event was to be created to the
//! WebSocket update that contains it (page views of its window, provisional).
//!
//! ```sh
//! cargo bench -p streamgauge --bench latency -- 1000 60     # events a second, seconds
//! ```
//!
//! `streamgauge run --no-simulator` in a directory of its own; a producer in this process
//! appends to its log; a client in this process counts. A producer that is late makes its
//! events no younger. Checkpoints are on, and what arrives while one is written is told
//! apart.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::{EmbeddedLog, EventLog, NewRecord, Retention};
use streamgauge_ingest::sqlite::Sync;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

const PARTITIONS: u32 = 12;
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
    let numbers: Vec<u64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (rate, seconds) = match numbers[..] {
        [rate, seconds, ..] => (rate, seconds),
        [rate] => (rate, 30),
        [] => (1_000, 30),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let line = format!("run --no-simulator --listen {ADDRESS} --data-dir {}", path.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.args(line.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(command.spawn().expect("the job"));
    let mut socket = connected();
    let begin_us = (now_us() / 1_000_000 + 2) * 1_000_000;
    let count = rate * seconds;
    let intended = move |i: u64| begin_us + i64::try_from(i * 1_000_000 / rate).unwrap_or(0);
    let producer = thread::spawn({
        let path = path.to_owned();
        move || produce(&path, count, intended)
    });
    let mut windows: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for i in 0..count {
        let at_us = intended(i);
        let end_ms = (at_us / 1_000).div_euclid(WINDOW_MS) * WINDOW_MS + WINDOW_MS;
        windows.entry(end_ms).or_default().push(at_us);
    }
    let latencies = receive(&mut socket, &windows, count);
    producer.join().expect("the producer");
    let checkpoints = checkpoint_times_ms(path);
    drop(running);
    tell(&format!("{rate} events/s for {seconds} s, {} checkpoints", checkpoints.len()), {
        latencies.iter().map(|(_, us)| *us).collect()
    });
    let near = |at_us: i64| checkpoints.iter().any(|ms| (at_us / 1_000 - ms).abs() <= NEAR_MS);
    let during = latencies.iter().filter(|(at_us, _)| near(*at_us)).map(|(_, us)| *us).collect();
    tell("  of these, while a checkpoint was written", during);
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

fn produce(path: &Path, count: u64, intended: impl Fn(u64) -> i64) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = EmbeddedLog::open(path, PARTITIONS, Retention::default(), Sync::Full, clock)
        .expect("the log");
    let mut next = 0;
    while next < count {
        let mut values = Vec::new();
        while next < count && intended(next) <= now_us() {
            let user = format!("u{}", next * 7_919 % 20_000);
            let at_ms = intended(next) / 1_000;
            let value = format!(
                r#"{{"eventId":"e{next}","timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"{user}","sessionId":"s{user}","pageViewData":{{"url":"/p{}","referrer":"https://example.org/","pageLoadTime":{}}},"sessionData":{{"country":"DE","city":"Berlin","deviceType":"mobile","browser":"Firefox","os":"Linux"}}}}"#,
                next % 300,
                next % 4_000,
            );
            values.push((user, value));
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
