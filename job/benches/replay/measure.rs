//! One measurement in this process.

use cpu_time::ProcessTime;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use streamgauge::dataflow::Settings;
use streamgauge::day::Days;
use streamgauge::funnel::{Funnel, Step};
use streamgauge::publish::Output;
use streamgauge::replay::{Input, Replay, Wanted};
use streamgauge::session::Rules;
use streamgauge::time::{Pace, Ticks};
use streamgauge::user::State;
use streamgauge::window::Windows;
use streamgauge_ingest::decode::{Decoder, Kind};
use streamgauge_ingest::files::{LineReader, Progress};
use streamgauge_ingest::judge::{ChunkDecoder, FileJudge, Line, Released};
use streamgauge_ingest::settings::InputSettings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EPOCH_RECORDS: u64 = 10_000;

/// How far events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Lines,
    Decoder,
    Decode,
    Judge,
    State,
    Whole,
    WholeOnTwo,
    /// Whole, and the results over days, which all of the loads' hours are in.
    Days,
    DaysOnTwo,
    /// Whole, where little is open at a time.
    Brief,
    BriefOnTwo,
}

impl Stage {
    pub(super) const ALL: [Self; 11] = [
        Self::Lines,
        Self::Decoder,
        Self::Decode,
        Self::Judge,
        Self::State,
        Self::Whole,
        Self::WholeOnTwo,
        Self::Days,
        Self::DaysOnTwo,
        Self::Brief,
        Self::BriefOnTwo,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Decoder => "lines+decoder",
            Self::Decode => "lines+decode+rows",
            Self::Judge => "lines+decode+rows+judge",
            Self::State => "…+state-per-user",
            Self::Whole => "whole-1-worker",
            Self::WholeOnTwo => "whole-2-workers",
            Self::Days => "whole+days-1-worker",
            Self::DaysOnTwo => "whole+days-2-workers",
            Self::Brief => "brief-1-worker",
            Self::BriefOnTwo => "brief-2-workers",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// What it cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) cpu_us: f64,
    pub(super) peak_mb: f64,
    pub(super) rate: f64,
}

impl Cost {
    pub(super) fn line(&self) -> String {
        format!("{} {} {}", self.cpu_us, self.peak_mb, self.rate)
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { cpu_us: next()?, peak_mb: next()?, rate: next()? })
    }
}

pub(super) fn measure(stage: Stage, file: &Path) -> Cost {
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let records = match stage {
        Stage::Lines | Stage::Decoder | Stage::Decode | Stage::Judge | Stage::State => {
            one_thread(stage, file)
        }
        Stage::Whole => whole(file, 1, &InputSettings::default()),
        Stage::WholeOnTwo => whole(file, 2, &InputSettings::default()),
        Stage::Days => whole(file, 1, &with_days()),
        Stage::DaysOnTwo => whole(file, 2, &with_days()),
        Stage::Brief => whole(file, 1, &brief()),
        Stage::BriefOnTwo => whole(file, 2, &brief()),
    };
    let records = records as f64;
    Cost {
        cpu_us: cpu.elapsed().as_secs_f64() * 1e6 / records,
        peak_mb: peak_mb(),
        rate: records / wall.elapsed().as_secs_f64(),
    }
}

fn windows(input: &InputSettings) -> Windows {
    Windows {
        lateness_ms: input.lateness_ms,
        session_gap_ms: input.session_gap_ms,
        allowed_disorder_ms: input.allowed_disorder_ms,
        days: Days::of("UTC").filter(|_| input.days),
    }
}

fn funnels() -> Vec<Funnel> {
    let page = |p: &str| Step::Page(p.to_owned());
    let steps =
        vec![page("/products/*"), page("/cart"), page("/checkout"), Step::Type(Kind::Conversion)];
    vec![Funnel { name: "checkout".into(), steps, strict: false, abandonment_step: 2 }]
}

fn one_thread(stage: Stage, file: &Path) -> u64 {
    let input = InputSettings::default();
    let mut lines = LineReader::new(File::open(file).expect("the load"), input.max_bytes);
    let mut only = Decoder::new(input.max_bytes);
    let mut decoder = ChunkDecoder::new(&input);
    let mut judge = FileJudge::new(&input, EPOCH_RECORDS);
    let mut ticks = Ticks::new(Pace::default());
    let mut state = State::new(Rules { funnels: funnels().into() }, Rc::from([]), windows(&input));
    let mut batches = Vec::new();
    let mut records = 0;
    while let Some(chunk) = lines.next_chunk().expect("the load is read") {
        records += chunk.lines.len() as u64;
        if stage == Stage::Lines {
            continue;
        }
        if stage == Stage::Decoder {
            for line in &chunk.lines {
                if let Line::Value(range) = line {
                    let event = only.decode(&chunk.bytes[range.clone()]);
                    std::hint::black_box(event.is_ok());
                }
            }
            continue;
        }
        let decoded = decoder.decode(chunk);
        if stage == Stage::Decode {
            continue;
        }
        judge.judge(decoded, &mut |released| match released {
            Released::Rows(_, batch) => batches.push(batch),
            Released::DeadLetters(..) => {}
            Released::Close(close) => {
                let taken = std::mem::take(&mut batches);
                if stage == Stage::State {
                    let updates = state.epoch(close.epoch, ticks.next(close), taken);
                    updates.tallies.clear();
                    updates.lists.clear();
                    updates.sessions.clear();
                    updates.bounces.clear();
                }
            }
        });
    }
    records
}

fn with_days() -> InputSettings {
    InputSettings { days: true, ..InputSettings::default() }
}

/// Sessions and windows that are soon over.
fn brief() -> InputSettings {
    InputSettings { session_gap_ms: 20_000, lateness_ms: 10_000, ..InputSettings::default() }
}

fn whole(file: &Path, workers: usize, input: &InputSettings) -> u64 {
    let settings = Settings {
        windows: windows(input),
        funnels: funnels(),
        alerts: Vec::new(),
        output: Output { provisional: false, digests: false },
    };
    let pace = Pace { provisional: false, ..Pace::default() };
    let files = [file.to_owned()];
    let progress = Arc::new(Progress::default());
    let replay = Replay {
        against: None,
        from: Input::Files(&files),
        input,
        dataflow: &settings,
        pace,
        epoch_records: EPOCH_RECORDS,
        workers,
        to_log: None,
        outputs: &Wanted::default(),
        progress,
    };
    replay.run().unwrap_or_else(|failed| panic!("{}", failed.error)).source.read
}

/// The most memory that this process ever held, MB.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let kb = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    kb.unwrap_or(f64::NAN) / 1024.0
}
