//! What must hold of what was kept.

use super::super::oracle;
use super::super::properties::final_line;
use super::Deaths;
use super::faults::Off;
use super::life::Life;
use super::script::Script;
use super::world::World;
use std::collections::BTreeMap;
use streamgauge_ingest::binding::Binding;
use streamgauge_sink::results::{Record, ResultLog, Topic, Transaction};

/// Topics whose records are committed exactly once.
fn is_exact(record: &Record) -> bool {
    !matches!(record.topic, Topic::LiveMetrics | Topic::JobStatus)
}

pub(super) fn check(world: &World, script: &Script) -> Result<(), String> {
    let history = world.results.history.lock().unwrap().clone();
    let bindings = bound(&history)?;
    in_order(&history)?;
    everything_read(world, &bindings)?;
    same_without_interruption(world, script, &history, &bindings)?;
    as_the_oracle_says(world, script, &history)
}

/// I2, and I7: bindings have no gap, only grow, and account for every record.
fn bound(history: &[Transaction]) -> Result<Vec<Binding>, String> {
    let bindings: Vec<_> = history.iter().flat_map(|t| t.bindings.iter().cloned()).collect();
    for pair in bindings.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        if b.epoch <= a.epoch || b.watermark_ms < a.watermark_ms {
            return Err(format!("I2: epoch {} was bound after {}", b.epoch, a.epoch));
        }
        let gap = a.partitions.iter().zip(&b.partitions).find(|(a, b)| a.hi != b.lo);
        if let Some((a, b)) = gap {
            return Err(format!("I2: a gap in partition {}: {} to {}", a.partition, a.hi, b.lo));
        }
    }
    for b in &bindings {
        let read: u64 = b.partitions.iter().map(|p| p.count).sum();
        let span: u64 = b.partitions.iter().map(|p| p.hi - p.lo).sum();
        if !b.counts.balances() || read != b.counts.read || span != read {
            return Err(format!("I7: epoch {} has {span} offsets, {:?}", b.epoch, b.counts));
        }
    }
    Ok(bindings)
}

/// I1 and I4: effects come with or after their binding, and with their progress.
fn in_order(history: &[Transaction]) -> Result<(), String> {
    let (mut bound, mut done) = (None, None);
    for t in history {
        bound = t.bindings.last().map(|b| b.epoch).max(bound);
        for record in t.records.iter().filter(|r| r.topic != Topic::JobStatus) {
            if Some(record.epoch) > bound {
                return Err(format!("I1: an effect of epoch {} before it is bound", record.epoch));
            }
            if !t.progress.iter().any(|p| p.epoch == record.epoch) {
                return Err(format!("I4: effects of epoch {} without progress", record.epoch));
            }
        }
        for p in &t.progress {
            if done.is_some_and(|done| p.epoch <= done) {
                return Err(format!("I4: epoch {} was committed twice", p.epoch));
            }
            done = Some(p.epoch);
        }
    }
    Ok(())
}

fn everything_read(world: &World, bindings: &[Binding]) -> Result<(), String> {
    let read: u64 = bindings.iter().map(|b| b.counts.read).sum();
    let appended = world.log.all().len() as u64;
    if read != appended {
        return Err(format!("I7: {appended} records were appended, {read} were read"));
    }
    Ok(())
}

/// I3: a job over the same bindings that is never interrupted commits the same.
fn same_without_interruption(
    world: &World,
    script: &Script,
    history: &[Transaction],
    bindings: &[Binding],
) -> Result<(), String> {
    let mut calm = World::new(1, Deaths::At(u64::MAX), Off::Nothing);
    calm.log = world.log.clone();
    let mut writer = calm.results.inner.writer().unwrap();
    let only_bindings = Transaction { bindings: bindings.to_vec(), ..Transaction::default() };
    writer.commit(&only_bindings).unwrap();
    let mut life =
        Life::begin(&calm, script, 1).map_err(|_| "I3: the same cannot begin".to_owned())?;
    let end = life.redo();
    life.end();
    end?;
    let last = bindings.last().map_or(0, |b| b.epoch);
    let records = |history: &[Transaction]| -> Vec<Record> {
        let records = history.iter().flat_map(|t| t.records.iter());
        records.filter(|r| is_exact(r) && r.epoch <= last).cloned().collect()
    };
    let (got, expected) = (records(history), records(&calm.results.history.lock().unwrap()));
    let differs = got.iter().zip(&expected).position(|(a, b)| a != b);
    match differs {
        Some(i) => {
            Err(format!("I3: record {i} is {:?}, not {:?}", text(&got[i]), text(&expected[i])))
        }
        None if got.len() != expected.len() => {
            Err(format!("I3: {} records, not {}", got.len(), expected.len()))
        }
        None => Ok(()),
    }
}

fn text(record: &Record) -> (Topic, u64, String, Option<String>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (record.topic, record.epoch, text(&record.key), record.value.as_deref().map(text))
}

/// What stands in the end is what the oracle finds in the log.
fn as_the_oracle_says(
    world: &World,
    script: &Script,
    history: &[Transaction],
) -> Result<(), String> {
    let mut log = world.log.all();
    // A record goes to the partition that the oracle finds for it by its key.
    log.sort_by_key(|(partition, offset, appended_ms, _)| (*appended_ms, *partition, *offset));
    let values: Vec<_> = log.iter().map(|(_, _, _, value)| value.clone()).collect();
    let settings = script.oracle();
    let finals = oracle::finals(&oracle::judge(&values, &settings), &settings);
    let expected_results = &finals.results;
    let (mut results, mut alerts) = (BTreeMap::new(), BTreeMap::new());
    let mut letters = Vec::new();
    for record in history.iter().flat_map(|t| &t.records).filter(|r| is_exact(r)) {
        let (topic, _, key, value) = text(record);
        match (topic, value) {
            (Topic::DeadLetters, Some(value)) => letters.push(value),
            (Topic::Alerts, Some(value)) if value.contains(r#""state":"firing""#) => {
                alerts.insert(key, value);
            }
            (Topic::Alerts, _) => drop(alerts.remove(&key)),
            (_, Some(value)) => drop(results.insert(key, final_line(&value))),
            (_, None) => drop(results.remove(&key)),
        }
    }
    for (key, line) in expected_results {
        if results.get(key) != Some(line) {
            return Err(format!("the oracle has {line}, and there is {:?}", results.get(key)));
        }
    }
    if let Some((_, line)) = results.iter().find(|(key, _)| !expected_results.contains_key(*key)) {
        return Err(format!("the oracle knows nothing of {line}"));
    }
    if (alerts.len(), letters.len()) != (finals.alerts.len(), finals.dead_letters.len()) {
        let found = (alerts.len(), letters.len());
        let expected = (finals.alerts.len(), finals.dead_letters.len());
        return Err(format!("alerts and dead letters: {found:?}, not {expected:?}"));
    }
    Ok(())
}
