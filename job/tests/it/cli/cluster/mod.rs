//! A job in several processes: what it commits is what one process commits, whatever
//! becomes of them; and what keeps processes from working together is named.

mod launch;
mod together;
mod usage;

use super::durable::{RULES, Site, TIMES, is_long};
use super::{Folder, LIMIT, ended, signal};
use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_sink::results::{Position, Topic};

const EVENTS: &str = "simulate --to log --data-dir d --rate 2000 --late-share 0.01 \
                      --malformed-share 0.005 --duplicate-share 0.01";

/// A machine that is busy with other things is no fault.
const PATIENT: &str = "[job]\nsilence = \"2m\"\n";

/// A folder with a configuration, its data directory, and something that appends events.
struct Bed {
    folder: Folder,
    site: Site,
    simulator: Option<Child>,
}

impl Bed {
    fn new(more: &str) -> Self {
        let folder = Folder::new();
        folder.put("streamgauge.toml", format!("{TIMES}{more}{RULES}").as_bytes());
        let site = Site::open(&folder);
        let simulator = super::durable::started(&folder, EVENTS);
        Self { folder, site, simulator: Some(simulator) }
    }

    /// Whether there is a checkpoint to go on from.
    fn has_checkpoint(&self) -> bool {
        let files = fs::read_dir(self.folder.path("d/checkpoints"));
        let mut names = files.into_iter().flatten().flatten().map(|file| file.file_name());
        names.any(|name| name.to_string_lossy().ends_with(".manifest"))
    }

    /// Ends the events, once there is something to compare: windows become final by time.
    fn no_more_events(&mut self) {
        let topics = [Topic::ProcessedMetrics, Topic::Sessions];
        let until = Instant::now() + LIMIT;
        while self.site.records(&topics, Position::default()).0.len() < 500 {
            assert!(Instant::now() < until, "nothing becomes final");
            thread::sleep(Duration::from_millis(100));
        }
        let simulator = self.simulator.take().expect("it is ended once");
        signal(simulator.id(), "TERM");
        assert_eq!(ended(simulator, EVENTS).code, Some(0));
    }

    /// Starts so many processes with so many workers each, and waits until they are live
    /// after `writer`, which becomes their number.
    fn start(&self, processes: usize, workers: usize, writer: &mut u64) -> Cluster {
        loop {
            let mut cluster = Cluster::start(&self.folder, processes, workers);
            let mut from = Position::default();
            let until = Instant::now() + LIMIT;
            loop {
                if let Some(number) = self.site.live_after(*writer, &mut from) {
                    *writer = number;
                    return cluster;
                }
                if cluster.0.iter_mut().any(|p| p.try_wait().expect("a child").is_some()) {
                    break;
                }
                assert!(Instant::now() < until, "{:?}", cluster.said(&self.folder));
                thread::sleep(Duration::from_millis(10));
            }
            // Somebody else has a port by now: others are tried.
            let said = cluster.said(&self.folder);
            assert!(said.iter().any(|said| said.contains("cannot listen")), "{said:?}");
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(simulator) = &mut self.simulator {
            let _ = simulator.kill();
            let _ = simulator.wait();
        }
    }
}

/// The processes of a job; what is left of them is killed.
struct Cluster(Vec<Child>);

impl Cluster {
    fn start(folder: &Folder, processes: usize, workers: usize) -> Self {
        put_hosts(folder, processes);
        let start = |process| {
            let line = format!(
                "job -n {processes} -p {process} -h hosts -w {workers}{}",
                if process == 0 { " --data-dir d" } else { "" }
            );
            spawned(folder, &line, &format!("said-{process}"))
        };
        Self((0..processes).map(start).collect())
    }

    /// What each has said.
    fn said(&self, folder: &Folder) -> Vec<String> {
        (0..self.0.len()).map(|process| folder.text(&format!("said-{process}"))).collect()
    }

    /// Waits until all have ended: how.
    fn ended(&mut self, folder: &Folder) -> Vec<ExitStatus> {
        let until = Instant::now() + LIMIT;
        loop {
            let states: Option<Vec<_>> =
                self.0.iter_mut().map(|p| p.try_wait().expect("a child")).collect();
            if let Some(states) = states {
                let said = self.said(folder);
                assert!(said.iter().all(|said| !said.contains("panicked")), "{said:?}");
                return states;
            }
            assert!(Instant::now() < until, "they hang: {:?}", self.said(folder));
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts what says what it has to say into a file.
fn spawned(folder: &Folder, line: &str, name: &str) -> Child {
    let said = File::create(folder.path(name)).expect(name);
    folder.command(line).stdout(Stdio::null()).stderr(said).spawn().expect(line)
}

/// A host file with ports that were free a moment ago.
fn put_hosts(folder: &Folder, processes: usize) {
    let listen = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listeners: Vec<_> = (0..processes).map(listen).collect();
    let hosts = listeners.iter().map(|l| format!("{}\n", l.local_addr().expect("an address")));
    fs::write(folder.path("hosts"), hosts.collect::<String>()).expect("hosts");
}
