//! Other funnels on a directory that has data.

use super::{Folder, ended, signal};
use std::thread;
use std::time::Duration;
use streamgauge::checkpoint::{DirectoryStorage, newest_usable};
use streamgauge::hour::HourCount;
use streamgauge::rows::List;

const TIMES: &str =
    "[time]\nlateness = \"10s\"\nsession_gap = \"5s\"\n[checkpoint]\nevery = \"1s\"\n";

fn funnel(name: &str, first: &str) -> String {
    format!("[[funnel]]\nname = \"{name}\"\nsteps = [\"{first}\", \"/*\"]\nabandonment_step = 1\n")
}

/// Lets a job work for a moment; its last epoch has a checkpoint.
fn work(folder: &Folder, funnels: &str) {
    folder.put("streamgauge.toml", format!("{TIMES}{funnels}").as_bytes());
    let line = "job --data-dir d --workers 2";
    let job = folder.command(line).spawn().expect(line);
    thread::sleep(Duration::from_millis(2_500));
    signal(job.id(), "TERM");
    let ran = ended(job, line);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// How many sessions reached the first step of the first funnel, and of the second, as
/// the newest checkpoint has it.
fn reached(folder: &Folder) -> [i64; 2] {
    let storage = DirectoryStorage::existing(&folder.path("d").join("checkpoints"));
    let newest = newest_usable(&storage, 1, |_| Ok(())).unwrap().checkpoint.unwrap();
    let mut reached = [0; 2];
    for (key, diff) in newest.lists.iter().filter(|(key, _)| key.list == List::HourCounts) {
        if let HourCount::Step(step) = HourCount::of_number(key.hash)
            && step.step == 1
        {
            reached[usize::from(step.funnel)] += diff.views;
        }
    }
    reached
}

#[test]
fn what_sessions_reached_in_other_funnels_is_forgotten() {
    let folder = Folder::new();
    let events = "--events 3000 --rate max --start 2026-01-01T00:00:00Z";
    folder.done(&format!("simulate --to log --data-dir d {events}"));
    work(&folder, &format!("{}{}", funnel("a", "/*"), funnel("b", "/cart")));
    let [all, carts] = reached(&folder);
    assert!(all > carts && carts > 0, "{all} {carts}");
    // Sessions that are still held are counted in the new one, and nothing in the old.
    work(&folder, &funnel("c", "/cart"));
    let [now, of_old] = reached(&folder);
    assert_eq!(of_old, 0, "the second funnel is no longer there");
    assert!(now > 0 && now < all, "{now} of {all}");
    // And so it stays, as the checkpoints tell it.
    work(&folder, &funnel("c", "/cart"));
    let again = reached(&folder);
    assert!(again[0] >= now && again[0] < all && again[1] == 0, "{now} {again:?}");
}
