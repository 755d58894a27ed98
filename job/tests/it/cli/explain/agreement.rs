//! Random keys of all types, from directories as jobs leave them: each agrees, and its
//! records add up to what it says.

use super::super::durable::is_long;
use super::super::log::Dice;
use super::*;
use serde_json::Value;
use streamgauge::explain::Outcome;

/// More types than this have results soon: all but those of long windows.
const TYPES: usize = 14;

/// The keys of each type.
fn types<T>(published: &BTreeMap<String, T>) -> BTreeMap<&str, Vec<&String>> {
    let mut by_type: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for key in published.keys() {
        let name = key.split_once('|').map_or("alert", |(name, _)| name);
        by_type.entry(name).or_default().push(key);
    }
    by_type
}

/// Explains so many keys, all types alike, those that were corrected or have ended first;
/// of these there must be some.
fn check(site: &Site, keys: usize, least_odd: usize) {
    let published = published(site);
    let mut by_type = types(&published);
    let mut dice = Dice(11);
    let mut chosen = Vec::new();
    for keys_of_type in by_type.values_mut() {
        let is_odd = |key: &&String| {
            let value = published[*key].1.as_deref();
            value.is_none_or(|v| v.contains("\"corrected\"") || v.contains("\"retracted\""))
        };
        let (odd, even): (Vec<_>, Vec<_>) = keys_of_type.iter().copied().partition(is_odd);
        let share = keys.div_ceil(20);
        let odd = pick(&mut dice, odd, share.div_ceil(2));
        let even = pick(&mut dice, even, share - odd.len());
        chosen.extend(odd.into_iter().chain(even).cloned());
    }
    println!("{} keys of {} types, of {}", chosen.len(), by_type.len(), published.len());
    let corrected =
        |key: &&String| published[*key].1.as_deref().is_none_or(|v| !v.contains("\"final\""));
    let odd = chosen.iter().filter(corrected).count();
    println!("{odd} of them are not as they first were");
    assert!(by_type.len() > TYPES && odd >= least_odd, "{odd} of {:?}", by_type.keys());
    for keys in chosen.chunks(250) {
        for explanation in explain(site, keys, 1_000_000) {
            agrees(&explanation, published[&explanation.key].1.as_deref());
        }
    }
}

fn pick<'a>(dice: &mut Dice, mut from: Vec<&'a String>, most: usize) -> Vec<&'a String> {
    let mut picked = Vec::new();
    while picked.len() < most && !from.is_empty() {
        picked.push(from.swap_remove(dice.below(from.len())));
    }
    picked
}

fn agrees(found: &Explanation, line: Option<&str>) {
    assert_eq!(found.outcome, Outcome::Agrees, "{}", found.json());
    let Some(record) = line.map(|line| serde_json::from_str::<Value>(line).unwrap()) else {
        assert!(found.computed.is_none(), "{}", found.json());
        return;
    };
    if record["state"] == "retracted" {
        return;
    }
    let counted = found.records.get("counted").copied().unwrap_or(0);
    let said = |name: &str| record[name].as_u64().unwrap();
    let add_up = match (found.r#type, &found.sessions) {
        ("SESSION", _) => counted == said("events"),
        ("HIGH_BOUNCE_RATE", _) => counted == said("value"),
        ("ACTIVE_USERS_5M", _) => found.users == Some(said("value") as usize),
        ("ACTIVE_USERS", _) => {
            counted == said("count") && found.users == Some(said("value") as usize)
        }
        (_, Some(sessions)) => sessions.counted == said("count"),
        (_, None) => counted == said("count"),
    };
    assert!(add_up, "{record}: {}", found.json());
    let listed = found.listed.len() as u64;
    match &found.sessions {
        None => assert_eq!(listed, found.records.values().sum::<u64>(), "{}", found.json()),
        Some(sessions) => {
            assert_eq!(sessions.listed.len() as u64, sessions.ended);
            for session in &sessions.listed {
                let counted = session.records.iter().filter(|r| r.verdict.name() == "counted");
                assert_eq!(counted.count() as u64, session.events, "{}", found.json());
            }
        }
    }
}

#[test]
fn every_result_is_what_its_records_give() {
    let (_folder, site) = worked(2_400);
    let keys = if is_long() { 1_300 } else { 60 };
    check(&site, keys, 10);
}

#[test]
fn live_events_are_found_where_they_were_appended() {
    let folder = Folder::new();
    let settings =
        "[time]\nlateness = \"1m\"\nsession_gap = \"3s\"\n[checkpoint]\nevery = \"1s\"\n";
    folder.put("streamgauge.toml", settings.as_bytes());
    let site = Site::open(&folder);
    let line = "simulate --to log --data-dir d --rate 300 --late-share 0.03 --malformed-share 0.01 \
                --duplicate-share 0.01";
    let job = started(&folder, "job --data-dir d --workers 1");
    let simulator = started(&folder, line);
    thread::sleep(Duration::from_secs(if is_long() { 40 } else { 8 }));
    // Windows close where the clock says so.
    let until = Instant::now() + Duration::from_secs(60);
    while types(&published(&site)).len() <= TYPES && Instant::now() < until {
        thread::sleep(Duration::from_millis(200));
    }
    signal(simulator.id(), "TERM");
    assert_eq!(ended(simulator, line).code, Some(0));
    // While the job goes on, too.
    check(&site, 20, 0);
    thread::sleep(Duration::from_secs(7));
    signal(job.id(), "TERM");
    assert_eq!(ended(job, "job").code, Some(0));
    check(&site, if is_long() { 1_000 } else { 40 }, 0);
}
