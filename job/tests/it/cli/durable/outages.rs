//! Outages under load: of a broker of three, of all of them, of InfluxDB, and of the job.
//!
//! It starts, kills and stops a Kafka and an InfluxDB of its own, by the scripts in
//! deploy/dev, and is ignored without being asked for: `cargo test … -- --ignored outages`.
//! Each outage takes a quarter of a minute, with `STREAMGAUGE_LONG` a whole one.

use super::super::influx::{settings_of, toml, until, until_within};
use super::super::signal;
use super::{Running, Shows, Site, is_long, kafka, store};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_sink::results::Position;
use streamgauge_sink::store::InfluxHistory;

/// The first of six ports of the brokers, and the port of InfluxDB.
const PORTS: [&str; 2] = ["19592", "18486"];
/// Three brokers that start on a busy machine of two cores take their time. How long it was
/// is printed.
const AGAIN_WELL: Duration = Duration::from_secs(180);
/// So many lines of what a broker has said are shown when a test fails.
const LAST_LINES: usize = 60;

/// Three brokers and an InfluxDB, which end with it.
struct Services {
    data: tempfile::TempDir,
}

impl Services {
    /// Runs a script of deploy/dev.
    fn run(&self, name: &str, args: &[&str]) -> Output {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/dev");
        let mut command = Command::new(scripts.join(format!("{name}.sh")));
        command.args(args).arg("--data").arg(self.path(name)).output().expect(name)
    }

    /// The same, which must do; gives what it prints.
    fn script(&self, name: &str, args: &[&str]) -> String {
        let ran = self.run(name, args);
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{name} {args:?}: {said}");
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// Starts the brokers that do not run; gives their addresses.
    fn start_kafka(&self) -> String {
        self.script("kafka", &["start", "--nodes", "3", "--port", PORTS[0]])
    }

    fn start_influxdb(&self) -> String {
        self.script("influxdb", &["start", "--port", PORTS[1]])
    }

    /// Prints who runs, and what the brokers have said last.
    fn tell(&self) {
        for name in ["kafka", "influxdb"] {
            print!("{}", String::from_utf8_lossy(&self.run(name, &["status"]).stdout));
        }
        for node in 1..=3 {
            let said = std::fs::read_to_string(self.path(&format!("kafka/node-{node}/log")));
            let said = said.unwrap_or_default();
            let from = said.lines().count().saturating_sub(LAST_LINES);
            said.lines().skip(from).for_each(|line| println!("broker {node}: {line}"));
        }
    }

    fn kill_broker(&self, node: u32) {
        let process = self.path(&format!("kafka/node-{node}/process"));
        let process = std::fs::read_to_string(process).expect("a broker");
        signal(process.trim().parse().expect("its process"), "KILL");
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if thread::panicking() {
            self.tell();
        }
        self.run("kafka", &["stop"]);
        self.run("influxdb", &["stop"]);
    }
}

fn outage() -> Duration {
    Duration::from_secs(if is_long() { 60 } else { 15 })
}

/// Waits until readiness says that all is well again; how long that took.
fn well(address: &str) -> Duration {
    let began = Instant::now();
    let until = |part| until_within(AGAIN_WELL, address, "/readyz", part);
    until("\"ready\":true");
    until("live: the job keeps up");
    until("InfluxDB has all results");
    began.elapsed()
}

#[test]
#[ignore = "starts a Kafka of three brokers and an InfluxDB, and stops them"]
fn outages_lose_and_double_nothing() {
    let services = Services { data: tempfile::tempdir().unwrap() };
    let (brokers, url) = (services.start_kafka(), services.start_influxdb());
    let token = std::fs::read_to_string(services.path("influxdb/token")).unwrap();
    let history = settings_of(&url, token.trim());
    let (folder, site) = kafka::site_at(&brokers, &toml(&history));
    let simulate = "simulate --to log --rate 300 --late-share 0.01 --malformed-share 0.005 \
                    --duplicate-share 0.01";
    let simulator = Running::start(&folder, simulate);
    let mut shows = Shows::over(&folder);
    let address = shows.said().address();
    let job = Running::start(&folder, "job --data-dir d --workers 2");
    println!("well after {:.1?}", well(&address));

    let before = committed(&site).expect("it is well");
    services.kill_broker(2);
    let began = Instant::now();
    let goes_on = after_more(&site, before + 20, began);
    thread::sleep(outage().saturating_sub(began.elapsed()));
    println!("a broker killed: the other two go on after {goes_on:.1?}");
    let before = committed(&site).expect("two of three are enough");
    after_more(&site, before + 20, Instant::now());
    services.start_kafka();
    println!("well {:.1?} after it is back", well(&address));

    services.script("kafka", &["stop"]);
    let began = Instant::now();
    let ready = until(&address, "/readyz", "\"ready\":false");
    println!("all brokers away: {ready}", ready = checks(&ready));
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    thread::sleep(outage().saturating_sub(began.elapsed()));
    services.start_kafka();
    println!(
        "all brokers were away for {:.1?}; well {:.1?} after",
        began.elapsed(),
        well(&address)
    );

    services.script("influxdb", &["stop"]);
    let ready = until(&address, "/readyz", "InfluxDB is not written");
    assert!(ready.starts_with("HTTP/1.1 200"), "a backlog and no more: {ready}");
    thread::sleep(outage());
    println!("InfluxDB away: {ready}", ready = checks(&until(&address, "/readyz", "s behind")));
    services.start_influxdb();
    println!("well {:.1?} after", well(&address));

    let mut writer = 0;
    while let Some(newer) = site.live_after(writer, &mut Position::default()) {
        writer = newer;
    }
    drop(job);
    let began = Instant::now();
    let first = Running::start(&folder, "job --data-dir d --workers 3");
    site.wait_until_live(writer);
    println!("the job killed: another is live {:.1?} after", began.elapsed());
    let second = Running::start(&folder, "job --data-dir elsewhere --workers 1");
    let ran = first.ended("the first job");
    assert_eq!(ran.code, Some(1), "a second one has taken over: {}", ran.stderr);
    println!("a second job: {}", ran.stderr.lines().last().unwrap_or_default());
    drop(second);
    let job = Running::start(&folder, "job --data-dir d --workers 1");

    signal(simulator.id(), "TERM");
    let ran = simulator.ended(simulate);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let appended = site.wait_until_read();
    assert!(ran.stderr.contains(&format!("wrote {appended} ")), "{appended}: {}", ran.stderr);
    // The last windows become final by the clock.
    thread::sleep(Duration::from_secs(12));
    signal(job.id(), "TERM");
    let ran = job.ended("job");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    println!("{appended} events");
    site.check(&folder, appended);
    store::check(&InfluxHistory::new(&history).unwrap(), &site);
    println!("{}", folder.done("replay --from log --data-dir d --to none --verify").stderr);
}

/// The checks of an answer of readiness.
fn checks(answer: &str) -> &str {
    answer.split("\"checks\":").nth(1).unwrap_or(answer)
}

/// The last epoch that is committed; none while nobody can be asked.
fn committed(site: &Site) -> Option<u64> {
    site.results.state().ok()?.committed.map(|progress| progress.epoch)
}

/// How long it takes until this epoch is committed.
fn after_more(site: &Site, epoch: u64, began: Instant) -> Duration {
    while committed(site).is_none_or(|committed| committed < epoch) {
        assert!(began.elapsed() < Duration::from_secs(120), "two brokers of three are enough");
        thread::sleep(Duration::from_millis(100));
    }
    began.elapsed()
}
