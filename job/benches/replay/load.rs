//! Loads: what the simulator makes, and twists of it.

use crate::measure::{Cost, Stage};
use crate::median;
use std::io::{BufWriter, Write};
use streamgauge_ingest::decode::partition_of;
use streamgauge_simulator::{Generator, Options};
use tempfile::NamedTempFile;

const YEAR_MS: i64 = 365 * 86_400_000;

/// What is changed in the events of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twist {
    None,
    /// Every second event belongs to one session of one user.
    OneSession,
    /// Every tenth event belongs to one user, in the sessions it had.
    OneUser,
    /// Nine of ten users have keys of one partition.
    OnePartition,
    /// The second half comes a year later.
    Jump,
}

/// A load.
#[derive(Clone, Debug)]
pub(super) struct Load {
    name: &'static str,
    options: Options,
    twist: Twist,
}

impl Load {
    fn new(name: &'static str, events: u64) -> Self {
        let options =
            Options { events: Some(events), rate: 1_000.0, users: 50_000, ..Options::default() };
        Self { name, options, twist: Twist::None }
    }

    pub(super) fn plain(events: u64) -> Self {
        Self::new("plain", events)
    }

    /// 200 events a second: `events` of them are some hours.
    pub(super) fn quiet(events: u64) -> Self {
        Self::new("quiet", events).with(|o| (o.rate, o.users) = (200.0, 10_000))
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    fn twisted(mut self, twist: Twist) -> Self {
        self.twist = twist;
        self
    }

    /// Writes the load to a temporary file.
    pub(super) fn write(&self) -> NamedTempFile {
        let file = NamedTempFile::new().expect("a temporary file");
        let mut out = BufWriter::with_capacity(1 << 20, file.as_file());
        let events = self.options.events.unwrap_or(0);
        let mut generator = Generator::new(self.options.clone()).expect("valid options");
        let mut line = Vec::new();
        let mut i = 0;
        while generator.next_event(&mut line).is_some() {
            self.twist(&mut line, i, events);
            line.push(b'\n');
            out.write_all(&line).expect("the load is written");
            line.clear();
            i += 1;
        }
        out.flush().expect("the load is written");
        drop(out);
        file
    }

    fn twist(&self, line: &mut Vec<u8>, i: u64, events: u64) {
        match self.twist {
            Twist::OneSession if i.is_multiple_of(2) => {
                replace(line, "\"userId\":\"", b'"', |_| "heavy".to_owned());
                replace(line, "\"sessionId\":\"", b'"', |_| "long".to_owned());
            }
            Twist::OneUser if i.is_multiple_of(10) => {
                replace(line, "\"userId\":\"", b'"', |_| "heavy".to_owned());
            }
            Twist::OnePartition => replace(line, "\"userId\":\"", b'"', |user| {
                if partition_of(user, 10) == 0 { user.to_owned() } else { to_first_partition(user) }
            }),
            Twist::Jump if i >= events / 2 => replace(line, "\"timestamp\":", b',', |at| {
                (at.parse::<i64>().unwrap_or(0) + YEAR_MS).to_string()
            }),
            _ => {}
        }
    }
}

/// A key of partition 0 made of a user's.
fn to_first_partition(user: &str) -> String {
    (0..).map(|n| format!("{user}.{n}")).find(|key| partition_of(key, 12) == 0).expect("one fits")
}

/// Replaces what stands between `before` and the next `end`.
fn replace(line: &mut Vec<u8>, before: &str, end: u8, with: impl FnOnce(&str) -> String) {
    let Some(at) = line.windows(before.len()).position(|w| w == before.as_bytes()) else {
        return;
    };
    let from = at + before.len();
    let Some(len) = line[from..].iter().position(|b| *b == end) else {
        return;
    };
    let new = with(&String::from_utf8_lossy(&line[from..from + len]));
    line.splice(from..from + len, new.into_bytes());
}

/// Prints the table of costs under loads beside the plain one.
pub(super) fn flat(events: u64) {
    let load = |name| Load::new(name, events);
    let loads = [
        load("plain"),
        load("twice the events").with(|o| o.events = Some(2 * events)),
        load("a session of half the events").twisted(Twist::OneSession),
        load("the same, twice as long")
            .with(|o| o.events = Some(2 * events))
            .twisted(Twist::OneSession),
        load("a user with a tenth of the events").twisted(Twist::OneUser),
        load("a partition with nine tenths").twisted(Twist::OnePartition),
        load("500,000 pages").with(|o| (o.pages, o.skew) = (500_000, 0.3)),
        load("1,000,000 pages").with(|o| (o.pages, o.skew) = (1_000_000, 0.3)),
        load("100,000 users").with(|o| o.users = 100_000),
        load("200,000 open sessions").with(|o| (o.rate, o.users) = (17_500.0, 1_000_000)),
        load("5 % late").with(|o| o.late_share = 0.05),
        load("5 % late, 500,000 pages")
            .with(|o| (o.late_share, o.pages, o.skew) = (0.05, 500_000, 0.3)),
        load("a jump of a year").twisted(Twist::Jump),
    ];
    println!("{events} events, whole catalogue with days, one worker, to none");
    println!("{:36} {:>9} {:>7} {:>9}", "load", "µs/event", "ratio", "peak MB");
    let mut plain: Option<Cost> = None;
    for load in loads {
        let file = load.write();
        let cost = median(Stage::Days, file.path());
        let ratio = cost.cpu_us / plain.get_or_insert(cost).cpu_us;
        println!("{:36} {:9.3} {:7.2} {:9.0}", load.name, cost.cpu_us, ratio, cost.peak_mb);
    }
}
