//! Two workers share the keys and the work.

use cpu_time::ThreadTime;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use streamgauge::dataflow::Durable;
use streamgauge::dataflow::Settings;
use streamgauge::publish::Output;
use streamgauge::run::{Workers, run as run_dataflow};
use streamgauge::time::{Pace, Ticks};
use streamgauge::user::Held;
use streamgauge::window::Windows;
use streamgauge_ingest::judge::{ChunkDecoder, FileJudge, Released};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_simulator::{Generator, Options};

#[test]
fn two_workers_share_the_keys_and_the_work() {
    let mut values = Vec::new();
    let options = Options { events: Some(20_000), rate: 1_000.0, ..Options::default() };
    let mut generator = Generator::new(options).unwrap();
    let mut value = Vec::new();
    while generator.next_event(&mut value).is_some() {
        values.push(std::mem::take(&mut value));
    }
    let input = InputSettings::default();
    let settings = Settings {
        windows: Windows {
            lateness_ms: 600_000,
            session_gap_ms: 1_800_000,
            allowed_disorder_ms: 5_000,
            days: None,
        },
        funnels: Vec::new(),
        alerts: Vec::new(),
        output: Output { provisional: false, digests: false },
    };
    let most: Arc<Mutex<BTreeMap<usize, (Held, std::time::Duration)>>> = Arc::default();
    let told = Arc::clone(&most);
    let workers = Workers {
        workers: 2,
        durable: |_| Durable::default(),
        each: |_| {},
        held: move |worker, held| {
            let cpu = ThreadTime::now().as_duration();
            told.lock().unwrap().insert(worker, (held, cpu));
        },
    };
    run_dataflow(&settings, workers, |mut feeder| {
        let mut ticks = Ticks::new(Pace::default());
        let mut judge = FileJudge::new(&input, 1_000);
        let decoded = ChunkDecoder::new(&input).decode(super::engine::chunk(&values));
        judge.judge(decoded, &mut |released| match released {
            Released::Rows(epoch, batch) => assert!(feeder.rows(epoch, batch)),
            Released::Close(close) => assert!(feeder.close(close.epoch, ticks.next(close))),
            Released::DeadLetters(..) => {}
        });
    });
    let most = most.lock().unwrap();
    let ((a, a_cpu), (b, b_cpu)) = (most[&0], most[&1]);
    let users = a.users + b.users;
    assert!(a.users > users / 3 && b.users > users / 3, "{a:?} {b:?}");
    // The second worker publishes less, so its share of the work is smaller than its share of keys.
    assert!(a_cpu < 5 * b_cpu && b_cpu < 5 * a_cpu, "{a_cpu:?} {b_cpu:?}");
}
