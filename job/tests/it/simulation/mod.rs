//! Seeded simulation: the unmodified source, dataflow, writer and checkpoints over logs
//! in memory and a clock that is turned by hand. One of them takes one step at a time,
//! in an order that a seed decides, and the whole dies at boundaries of effects: just
//! before something became durable, or just after, without knowing that it did.
//!
//! A *life* is a job from its start to its death. What is kept over lives is checked at
//! the end: against the invariants, against an uninterrupted job over the same
//! bindings, and against the oracle over the log.

mod check;
mod faults;
mod hands;
mod life;
mod script;
mod world;

pub(crate) use script::alerts;

use faults::Off;
use life::{End, Life};
use script::{Random, Script};
use streamgauge::checkpoint::MemoryStorage;
use world::World;

/// Most lives of a case: then it lives on.
const MOST_LIVES: usize = 40;

/// How a case dies.
#[derive(Clone, Copy, Debug)]
enum Deaths {
    /// At every effect with this chance, in percent.
    Chance(u64),
    /// At the n-th boundary of an effect.
    At(u64),
}

/// Runs a case; returns the number of boundaries that there were.
fn run(seed: u64, deaths: Deaths, off: Off) -> Result<u64, String> {
    let mut random = Random::new(seed);
    let script = Script::new(&mut random);
    let world = World::new(seed, deaths, off);
    let (mut appended, mut older) = (0, None);
    for life in 0.. {
        if life == MOST_LIVES {
            world.live_on();
        }
        let workers = 1 + random.below(3) as usize;
        let mut life = match Life::begin(&world, &script, workers) {
            Ok(life) => life,
            Err(End::Died | End::Superseded) => continue,
            Err(End::Failed(why)) => return Err(format!("seed {seed}: cannot begin: {why}")),
        };
        match life.live(&mut random, &mut appended, &mut older) {
            End::Died => {}
            End::Superseded => {
                older.replace(life).into_iter().for_each(Life::end);
                continue;
            }
            End::Failed(why) => return Err(format!("seed {seed}: {why}")),
        }
        let is_over = !world.is_dead();
        life.end();
        if is_over {
            break;
        }
        world.damage(&mut random);
        world.clock.advance(random.below(3_000) as i64);
    }
    older.into_iter().for_each(Life::end);
    check::check(&world, &script).map_err(|why| format!("seed {seed}: {why}"))?;
    Ok(world.boundaries())
}

fn seeds() -> std::ops::Range<u64> {
    let first = std::env::var("STREAMGAUGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let first = first * 1_000_000;
    let count = if std::env::var_os("STREAMGAUGE_LONG").is_some() { 20_000 } else { 1_000 };
    first..first + count
}

#[test]
fn whenever_it_dies_nothing_is_lost_and_nothing_twice() {
    // Cases have nothing in common, so each core has its own.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let every = |first: usize| {
        let own = seeds().skip(first).step_by(cores);
        own.filter_map(|seed| run(seed, Deaths::Chance(4), Off::Nothing).err()).collect::<Vec<_>>()
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..cores).map(|first| scope.spawn(move || every(first))).collect();
        all.into_iter().flat_map(|own| own.join().expect("cases do not panic")).collect()
    });
    let first: Vec<_> = failures.iter().take(5).collect();
    assert!(failures.is_empty(), "{} failed: {first:#?}", failures.len());
}

#[test]
fn it_can_die_at_every_boundary_of_an_effect() {
    for seed in [11, 12] {
        let boundaries = run(seed, Deaths::At(u64::MAX), Off::Nothing).unwrap();
        assert!(boundaries > 50, "{boundaries}");
        for at in 0..boundaries {
            run(seed, Deaths::At(at), Off::Nothing)
                .unwrap_or_else(|why| panic!("dying at boundary {at}: {why}"));
        }
    }
}

#[test]
fn a_seed_is_reproduced() {
    let once = || run(4_242, Deaths::Chance(4), Off::Nothing).unwrap();
    assert_eq!(once(), once());
}

/// With an invariant switched off, some of the seeds fail.
fn fails_without(off: Off) -> bool {
    let failure = (1..500).find_map(|seed| run(seed, Deaths::Chance(3), off).err());
    println!("{off:?} switched off: {}", failure.as_deref().unwrap_or("nobody noticed"));
    failure.is_some()
}

#[test]
fn each_invariant_is_needed() {
    let needless: Vec<_> = Off::ALL.into_iter().filter(|off| !fails_without(*off)).collect();
    assert!(needless.is_empty(), "nobody noticed that these were switched off: {needless:?}");
}

/// The checkpoints that a case without deaths leaves.
pub(crate) fn checkpoint_of_a_case(seed: u64) -> MemoryStorage {
    let mut random = Random::new(seed);
    let script = Script::new(&mut random);
    let world = World::new(seed, Deaths::At(u64::MAX), Off::Nothing);
    let mut life = Life::begin(&world, &script, 2).unwrap_or_else(|_| panic!("it begins"));
    life.work_until_checkpoints(&mut random, 3);
    life.end();
    world.storage.inner.clone()
}
