//! A session's events, in whatever order they come, and how many are held.

use std::rc::Rc;
use std::sync::Arc;
use streamgauge::session::{Entry, Rules, Session};
use streamgauge::user::{Value, Values};
use streamgauge_ingest::batch::{BatchBuilder, Dimension};
use streamgauge_ingest::decode::{Decoder, Kind};
use streamgauge_sink::session::SessionRecord;

const GAP_MS: i64 = 1_800_000;
/// Nothing is settled.
const NEVER_MS: i64 = i64::MIN;

/// These pages, as a worker holds them.
fn pages(urls: impl Iterator<Item = String>) -> Vec<Rc<Value>> {
    let (mut decoder, mut batch) = (Decoder::new(1 << 20), BatchBuilder::default());
    for url in urls {
        let value = format!(
            r#"{{"timestamp":1,"eventType":"PAGE_VIEW","userId":"u","pageViewData":{{"url":"{url}"}}}}"#
        );
        batch.push(&decoder.decode(value.as_bytes()).unwrap());
    }
    let (rows, texts) = batch.finish();
    let mut values = Values::default();
    let index = |row: &streamgauge_ingest::batch::Row| row.values[Dimension::Page as usize];
    rows.iter().map(|row| values.resolve(&texts, &texts.values[index(row) as usize])).collect()
}

fn view(at_ms: i64, page: &Rc<Value>) -> Entry {
    Entry {
        at_ms,
        partition: 0,
        offset: at_ms.cast_unsigned(),
        kind: Kind::PageView,
        currency: *b"USD",
        value_minor: 0,
        page: Some(Rc::clone(page)),
        device: None,
        country: None,
    }
}

fn rules() -> Rules {
    Rules { funnels: Rc::from([]) }
}

fn record(session: &mut Session) -> SessionRecord {
    let name: Arc<str> = "u".into();
    Arc::unwrap_or_clone(session.ended(&rules(), GAP_MS, name.clone(), name.clone(), &name).record)
}

/// The record of views inserted in this order.
fn inserted(views: impl IntoIterator<Item = Entry>) -> SessionRecord {
    let mut views = views.into_iter();
    let mut session = Session::new(views.next().unwrap());
    views.for_each(|view| session.insert(&rules(), NEVER_MS, view));
    // A record is made of the same events again and again.
    assert_eq!(record(&mut session), record(&mut session));
    record(&mut session)
}

#[test]
fn a_record_does_not_tell_the_order_of_arrival() {
    let n = 700;
    let pages = pages((0..n).map(|i| format!("/{i}")));
    let all: Vec<_> = (0..).zip(&pages).map(|(at_ms, page)| view(at_ms, page)).collect();
    let expected = inserted(all.iter().cloned());
    assert_eq!((expected.page_views, expected.journey_length), (700, 700));
    let first: Vec<String> = (0..50).map(|i| format!("/{i}")).collect();
    assert!(expected.journey.iter().map(|page| &**page).eq(first.iter().map(String::as_str)));
    let (entry, exit) = expected.entry_exit.clone().unwrap();
    assert_eq!((&*entry, &*exit), ("/0", "/699"));
    assert_eq!(inserted(all.iter().rev().cloned()), expected, "backwards");
    // 293 has no divisor in common with 700: every event comes once.
    let mixed = (0..all.len()).map(|i| all[i * 293 % 700].clone());
    assert_eq!(inserted(mixed), expected, "mixed");
    let (even, odd) = ((0..n).step_by(2), (1..n).step_by(2));
    assert_eq!(inserted(even.chain(odd).map(|i| all[i].clone())), expected, "every other first");
}

#[test]
fn a_page_that_repeats_is_one_step_of_the_journey() {
    for (run, n) in [(1, 49), (1, 50), (1, 51), (3, 40), (64, 5), (50, 60), (7, 130)] {
        let pages = pages((0..n).map(|i| format!("/{i}")));
        let views = (0..).zip(pages.iter().flat_map(|page| vec![page; run]));
        let record = inserted(views.map(|(at_ms, page)| view(at_ms, page)));
        let journey = (record.journey.len(), record.journey_length, record.page_views);
        assert_eq!(journey, (n.min(50), n as u64, (n * run) as u64), "{n} pages, {run} times");
        let last = &record.entry_exit.unwrap().1;
        assert_eq!(**last, *format!("/{}", n - 1));
    }
}

#[test]
fn a_long_session_holds_what_can_still_change() {
    let pages = pages((0..3).map(|i| format!("/{i}")));
    let first = view(0, &pages[0]);
    let (mut session, mut all) = (Session::new(first.clone()), vec![first]);
    let mut most = 0;
    for i in 1..5_000 {
        // Now and then a record as late as a record can be.
        let (at_ms, page) = if i % 100 == 0 { (i * 1_000 - 59_999, 2) } else { (i * 1_000, i % 2) };
        let view = view(at_ms, &pages[page as usize]);
        session.insert(&rules(), i * 1_000 - 60_000, view.clone());
        all.push(view);
        most = most.max(session.held_events());
    }
    assert!((60..300).contains(&most), "{most}");
    all.sort_by_key(|view| view.at_ms);
    assert_eq!(record(&mut session), inserted(all));
}
