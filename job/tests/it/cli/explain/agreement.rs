//! Random keys of all types, from directories as jobs leave them: each agrees, and its
//! records add up to what it says.

use super::super::durable::is_long;
use super::super::log::Dice;
use super::*;
use serde_json::Value;
use streamgauge::explain::Outcome;

/// Types that have results soon: all but those of long windows.
const TYPES_SOON: usize = 15 + 6;
/// Types of an afternoon: of windows, of days, and of alerts.
const TYPES: usize = 19 + 15 + 1 + 9;

type Published = BTreeMap<String, (Topic, Option<String>)>;

/// The keys of each type of results and of alerts.
fn types(published: &Published) -> BTreeMap<String, Vec<&String>> {
    let mut by_type: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (key, (_, line)) in published {
        let name = match key.split_once('|') {
            Some((name, _)) => name.to_owned(),
            None => {
                let alert: Value = serde_json::from_str(line.as_ref().unwrap()).unwrap();
                alert["alertType"].as_str().unwrap().to_owned()
            }
        };
        by_type.entry(name).or_default().push(key);
    }
    by_type
}

/// Explains so many keys, all types alike, those that were corrected or have ended first;
/// of these there must be some, and so many types.
fn check(site: &Site, keys: usize, least_odd: usize, least_types: usize) {
    let published = published(site);
    let mut by_type = types(&published);
    let mut dice = Dice(11);
    let mut chosen = Vec::new();
    for keys_of_type in by_type.values_mut() {
        let is_odd = |key: &&String| is_odd(published[*key].1.as_deref());
        let (odd, even): (Vec<_>, Vec<_>) = keys_of_type.iter().copied().partition(is_odd);
        let share = keys.div_ceil(20);
        let odd = pick(&mut dice, odd, share.div_ceil(2));
        let even = pick(&mut dice, even, share - odd.len());
        chosen.extend(odd.into_iter().chain(even).cloned());
    }
    println!("{} keys of {} types, of {}", chosen.len(), by_type.len(), published.len());
    let is_odd = |key: &&String| is_odd(published[*key].1.as_deref());
    let odd = chosen.iter().filter(is_odd).count();
    println!("{odd} of them are not as they first were");
    assert!(by_type.len() >= least_types && odd >= least_odd, "{odd} of {:?}", by_type.keys());
    for keys in chosen.chunks(250) {
        for explanation in explain(site, keys, 1_000_000) {
            agrees(&explanation, published[&explanation.key].1.as_deref());
        }
    }
}

/// Whether a record is not as it first was.
fn is_odd(line: Option<&str>) -> bool {
    line.is_none_or(|line| line.contains("\"corrected\"") || line.contains("\"retracted\""))
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
    if THRESHOLDS.contains(&&*found.r#type) {
        return agrees_by_windows(found, &record);
    }
    if SEQUENCES.contains(&&*found.r#type) {
        return agrees_by_steps(found, &record);
    }
    if record["state"] == "retracted" {
        return;
    }
    let counted = found.records.get("counted").copied().unwrap_or(0);
    let said = |name: &str| record[name].as_u64().unwrap();
    let users = |name: &str| found.users == Some(said(name) as usize);
    let add_up = match (&*found.r#type, &found.sessions) {
        ("SESSION", _) => counted == said("events"),
        ("HIGH_BOUNCE_RATE", _) => counted == said("value"),
        ("ACTIVE_USERS_5M", _) => users("value"),
        ("ACTIVE_USERS" | "DAY_VISITORS", _) => counted == said("count") && users("value"),
        ("DAY_PAGE_VIEWS" | "DAY_CONVERSIONS", _) => counted == said("value") && users("count"),
        ("DAY_SESSIONS", Some(sessions)) => {
            sessions.ended == said("value") && sessions.counted == said("count")
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

/// The windows of an alert of a threshold rule say why it fires, or does not.
fn agrees_by_windows(found: &Explanation, record: &Value) {
    let (before, row) = found.windows.split_first().unwrap();
    let fires = !before.beyond && row.iter().all(|window| window.beyond);
    assert_eq!(fires, record["state"] == "firing", "{}", found.json());
    assert_eq!((before.place, row[0].place), (0, 1));
    assert_eq!(row[0].window_start, found.window_start);
    assert_eq!(row.last().unwrap().window_end, found.window_end);
    if fires {
        let last = row.last().unwrap().value.as_ref().unwrap().get();
        assert_eq!(last, record["value"].to_string(), "{}", found.json());
    }
    assert!(found.listed.is_empty() && found.read.records > 0);
    assert!(found.windows.iter().all(|window| Key::parse(&window.key).is_ok()));
}

/// So do the two steps of an alert of a sequence rule.
fn agrees_by_steps(found: &Explanation, record: &Value) {
    let counted: Vec<_> = found.listed.iter().filter(|r| r.verdict.name() == "counted").collect();
    assert_eq!(found.listed.len() as u64, found.records.values().sum::<u64>());
    assert_eq!(counted[0].timestamp, found.window_start, "{}", found.json());
    assert!(counted[0].reason.starts_with("first step"), "{}", found.json());
    let then = counted.iter().find(|r| r.reason.contains("second"));
    match (record["state"].as_str(), &*found.r#type) {
        (Some("retracted"), _) => assert_eq!(then.is_some(), found.r#type == "LEFT"),
        (_, "LEFT") => assert!(then.is_none(), "{}", found.json()),
        _ => {
            let end = then.map(|record| record.timestamp);
            assert_eq!(end, Some(found.window_end), "{}", found.json());
        }
    }
    assert_eq!(record["windowEnd"], found.window_end, "{}", found.json());
}

#[test]
fn every_result_is_what_its_records_give() {
    let (_folder, site) = worked(2_400);
    let keys = if is_long() { 1_300 } else { 60 };
    check(&site, keys, 10, TYPES);
}

#[test]
fn live_events_are_found_where_they_were_appended() {
    let folder = Folder::new();
    let settings =
        "[time]\nlateness = \"1m\"\nsession_gap = \"3s\"\n[checkpoint]\nevery = \"1s\"\n";
    folder.put("streamgauge.toml", format!("{settings}{RULES}").as_bytes());
    let site = Site::open(&folder);
    let line = "simulate --to log --data-dir d --rate 300 --late-share 0.03 --malformed-share 0.01 \
                --duplicate-share 0.01";
    let job = started(&folder, "job --data-dir d --workers 1");
    let simulator = started(&folder, line);
    thread::sleep(Duration::from_secs(if is_long() { 40 } else { 8 }));
    // Windows close where the clock says so.
    let until = Instant::now() + Duration::from_secs(60);
    while types(&published(&site)).len() < TYPES_SOON && Instant::now() < until {
        thread::sleep(Duration::from_millis(200));
    }
    signal(simulator.id(), "TERM");
    assert_eq!(ended(simulator, line).code, Some(0));
    // While the job goes on, too.
    check(&site, 20, 0, TYPES_SOON);
    thread::sleep(Duration::from_secs(7));
    signal(job.id(), "TERM");
    assert_eq!(ended(job, "job").code, Some(0));
    check(&site, if is_long() { 1_000 } else { 40 }, 0, TYPES_SOON);
}
