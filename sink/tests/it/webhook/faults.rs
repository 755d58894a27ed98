//! Receivers that are away, slow, or say no.

use super::bed::{Bed, endpoint, within};
use super::receiver::{Receiver, Reply, free_port, url};
use std::thread;
use std::time::Duration;
use streamgauge_sink::webhook::{DeadLetter, Note, Outcome, Queue};

fn dead(bed: &Bed) -> Vec<DeadLetter> {
    let mut all = Vec::new();
    let queue = Queue::open(bed.folder.path()).unwrap();
    queue.dead(Some("hook"), |letter| all.push(letter)).unwrap();
    all
}

#[test]
fn a_receiver_that_is_away_gets_everything_when_it_is_back() {
    let port = free_port();
    let mut bed = Bed::new();
    let endpoint = endpoint(&url(port));
    let mut receiver = None;
    let notes = bed.run(&endpoint, |bed| {
        for n in 0..40 {
            bed.alert(&n.to_string(), "firing");
        }
        within(|| bed.counts.get(Outcome::Retried) > 60);
        let back = receiver.insert(Receiver::start(port, |_, _| Reply::ok()));
        within(|| back.count() == 40);
        within(|| bed.counts.get(Outcome::Delivered) == 40);
    });
    let mut alerts: Vec<_> = receiver.unwrap().seen().iter().map(|r| r.alert()).collect();
    alerts.sort();
    alerts.dedup();
    assert_eq!(alerts.len(), 40);
    assert!(matches!(&notes[0], Note::Failing(why) if why.contains("cannot be reached")));
    assert_eq!(notes[1], Note::Well);
    assert_eq!(bed.counts.waiting(), 0);
    assert_eq!(dead(&bed), []);
}

#[test]
fn an_alert_that_fails_holds_back_its_own_line_alone() {
    // The firing of a is answered with 500 until b and its three times are there.
    let receiver = Receiver::start(0, |_, received| {
        static FAILED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let first = received.alert() == "a" && received.state() == "firing";
        match first && FAILED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 3 {
            true => Reply::status(500),
            false => Reply::ok(),
        }
    });
    let mut bed = Bed::new();
    bed.run(&endpoint(&receiver.url()), |bed| {
        bed.alert("a", "firing");
        bed.alert("a", "retracted");
        bed.alert("b", "firing");
        bed.alert("a", "firing");
        within(|| receiver.count() == 7);
    });
    let seen = receiver.seen();
    let a: Vec<_> = seen.iter().filter(|r| r.alert() == "a").collect();
    let states: Vec<_> = a.iter().map(|r| (r.state(), r.status)).collect();
    let expected = [("firing", 500), ("firing", 500), ("firing", 500), ("firing", 204)];
    let expected = expected.into_iter().chain([("retracted", 204), ("firing", 204)]);
    assert_eq!(states, expected.map(|(s, n)| (s.to_owned(), n)).collect::<Vec<_>>());
    let b = seen.iter().position(|r| r.alert() == "b").unwrap();
    let done = seen.iter().position(|r| r.alert() == "a" && r.status == 204).unwrap();
    assert!(b < done, "b has waited for a");
    let key = |r: &super::receiver::Received| r.header("streamgauge-delivery");
    assert!(a[..4].iter().all(|r| key(r) == key(a[0])), "a repeat has the id of the first");
    assert!(key(a[4]) != key(a[0]) && key(a[5]) != key(a[0]));
    let at: Vec<_> = a.iter().map(|r| r.header("streamgauge-timestamp")).collect();
    assert!(at[3] > at[0], "each attempt has its own time");
}

#[test]
fn a_receiver_that_takes_too_long_is_asked_again() {
    let receiver = Receiver::start(0, |n, _| Reply {
        after: Duration::from_millis(if n == 0 { 3_000 } else { 0 }),
        ..Reply::ok()
    });
    let mut bed = Bed::new();
    let mut endpoint = endpoint(&receiver.url());
    endpoint.timeout = Duration::from_millis(200);
    let notes = bed.run(&endpoint, |bed| {
        bed.alert("a", "firing");
        within(|| bed.counts.get(Outcome::Delivered) == 1);
    });
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    let keys = [&seen[0], &seen[1]].map(|r| r.header("streamgauge-delivery"));
    assert_eq!(keys[0], keys[1]);
    assert_eq!(notes, [Note::Failing("it did not answer in time".into()), Note::Well]);
}

#[test]
fn what_is_refused_is_a_dead_letter_at_once_and_can_be_sent_again() {
    let receiver = Receiver::start(0, |n, _| Reply::status(if n < 2 { 410 } else { 200 }));
    let mut bed = Bed::new();
    let endpoint = endpoint(&receiver.url());
    let notes = bed.run(&endpoint, |bed| {
        bed.alert("a", "firing");
        within(|| bed.counts.get(Outcome::Dead) == 1);
        bed.alert("a", "retracted");
        within(|| bed.counts.get(Outcome::Dead) == 2);
        let letters = dead(bed);
        let [one, two] = letters.as_slice() else { panic!("{letters:?}") };
        assert_eq!((one.alert.as_str(), one.attempts, one.status), ("a", 1, Some(410)));
        assert_eq!(one.reason, "it answered 410: said by the receiver");
        assert_eq!(String::from_utf8_lossy(&one.body), bed.body("a", "firing", 1));
        assert!(String::from_utf8_lossy(&two.body).contains("retracted"));
        // By another process, while this one is at work.
        let mut other = Queue::open(bed.folder.path()).unwrap();
        assert_eq!(other.redeliver(Some("other"), 0).unwrap(), 0);
        assert_eq!(other.redeliver(Some("hook"), 0).unwrap(), 2);
        within(|| bed.counts.get(Outcome::Delivered) == 2);
    });
    let seen = receiver.seen();
    assert_eq!(seen.len(), 4, "a refusal is not tried again by itself");
    let key = |n: usize| seen[n].header("streamgauge-delivery");
    assert_eq!((key(2), key(3)), (key(0), key(1)));
    assert_eq!(dead(&bed), []);
    assert!(matches!(notes.as_slice(), [Note::Dead(_)]), "{notes:?}");
}

#[test]
fn what_fails_too_long_or_too_often_is_given_up() {
    let receiver = Receiver::start(0, |_, _| Reply::status(500));
    let mut bed = Bed::new();
    let mut endpoint = endpoint(&receiver.url());
    endpoint.give_up_after = Duration::from_secs(60);
    bed.run(&endpoint, |bed| {
        bed.alert("a", "firing");
        within(|| bed.counts.get(Outcome::Dead) == 1);
    });
    let letter = &dead(&bed)[0];
    let took_ms = letter.dead_ms - letter.first_ms;
    assert!((60_000..70_000).contains(&took_ms), "{took_ms} ms");
    assert!(letter.attempts > 3 && letter.reason.contains("500"), "{letter:?}");
    endpoint.max_attempts = 2;
    bed.run(&endpoint, |bed| {
        bed.alert("b", "firing");
        within(|| bed.counts.get(Outcome::Dead) == 2);
    });
    let letter = &dead(&bed)[1];
    assert_eq!((letter.attempts, letter.status), (2, Some(500)));
    assert!(letter.reason.starts_with("given up after 2 attempts: it answered 500"));
}

/// The receiver answers the first request so, and asks for 30 s.
fn asks(status: u16, others_wait: bool) {
    let receiver = Receiver::start(0, move |n, _| match n {
        0 => Reply { retry_after: Some("30"), ..Reply::status(status) },
        _ => Reply::ok(),
    });
    let mut bed = Bed::new();
    bed.turns = false;
    bed.run(&endpoint(&receiver.url()), |bed| {
        bed.alert("a", "firing");
        within(|| bed.counts.get(Outcome::Retried) == 1);
        bed.alert("b", "firing");
        bed.clock.advance(29_900);
        if !others_wait {
            within(|| receiver.count() == 2);
        }
        thread::sleep(Duration::from_millis(200));
        assert_eq!(receiver.count(), if others_wait { 1 } else { 2 }, "{status}");
        bed.clock.advance(200);
        within(|| receiver.count() == 3);
    });
}

#[test]
fn a_receiver_that_asks_for_a_pause_gets_it() {
    // Too many: that is said of all.
    asks(429, true);
    asks(503, false);
}
