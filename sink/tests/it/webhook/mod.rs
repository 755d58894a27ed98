//! Webhooks against a real server on this machine. Times of pauses are those of a clock
//! that is turned by hand, fifty times as fast as the real one.

mod bed;
mod faults;
mod receiver;
mod restart;

use bed::{Bed, endpoint, within};
use receiver::{Receiver, Reply};
use std::time::Duration;
use streamgauge_sink::results::{Record, Topic};
use streamgauge_sink::webhook::{Outcome, Queue, Secret, sign};

#[test]
fn an_alert_arrives_as_it_stands_with_what_proves_it() {
    let receiver = Receiver::start(0, |_, _| Reply::ok());
    let mut bed = Bed::new();
    let mut endpoint = endpoint(&receiver.url());
    endpoint.secret = Some(Secret::new("whsec_0123456789"));
    bed.alert("before", "firing");
    let notes = bed.run(&endpoint, |bed| {
        bed.alert("a", "firing");
        bed.alert("b", "firing");
        bed.alert("a", "retracted");
        // A key that ends is no alert.
        let (epoch, key) = (bed.epoch, b"a".to_vec());
        bed.put(vec![Record { topic: Topic::Alerts, epoch, key, value: None }]);
        within(|| receiver.count() == 3);
    });
    assert_eq!(notes, []);
    let seen = receiver.seen();
    let a: Vec<_> = seen.iter().filter(|r| r.alert() == "a").collect();
    assert_eq!(a.len(), 2, "what was there before the webhook is not sent");
    assert_eq!(a[0].body, bed.body("a", "firing", 2));
    assert_eq!(a[1].body, bed.body("a", "retracted", 4));
    for one in &seen {
        assert_eq!(one.header("content-type"), "application/json");
        assert!(one.header("user-agent").starts_with("streamgauge/"));
        let at_s: i64 = one.header("streamgauge-timestamp").parse().unwrap();
        let signed = sign("whsec_0123456789", at_s, one.body.as_bytes());
        assert_eq!(one.header("streamgauge-signature"), signed);
        assert_eq!(one.header("streamgauge-delivery").len(), 32);
    }
    let deliveries = [0, 1, 2].map(|n: usize| seen[n].header("streamgauge-delivery"));
    assert!(deliveries[0] != deliveries[1] && deliveries[1] != deliveries[2]);
    assert_eq!(bed.counts.get(Outcome::Delivered), 3);
}

#[test]
fn only_what_is_asked_for_is_sent() {
    let receiver = Receiver::start(0, |_, _| Reply::ok());
    let mut bed = Bed::new();
    let mut endpoint = endpoint(&receiver.url());
    endpoint.rules = vec!["high_bounce_rate".into(), "slow".into()];
    endpoint.severities = vec!["HIGH".into(), "MEDIUM".into()];
    let notes = bed.run(&endpoint, |bed| {
        for (id, rule, severity) in [
            ("a", "high_bounce_rate", "MEDIUM"),
            ("b", "other", "HIGH"),
            ("c", "slow", "LOW"),
            ("d", "slow", "HIGH"),
        ] {
            let body = bed.body(id, "firing", bed.epoch);
            let body = body.replace("high_bounce_rate", rule).replace("MEDIUM", severity);
            bed.record(id, &body);
        }
        bed.record("nonsense", "[1]");
        bed.alert("e", "firing");
        within(|| receiver.count() == 3);
    });
    let mut alerts: Vec<_> = receiver.seen().iter().map(receiver::Received::alert).collect();
    alerts.sort();
    assert_eq!(alerts, ["a", "d", "e"]);
    assert_eq!(notes, [streamgauge_sink::webhook::Note::Unreadable("nonsense".into())]);
    // What nobody wants is passed over for good.
    let position = Queue::open(bed.folder.path()).unwrap().position("hook").unwrap();
    assert_eq!(position, Some(bed.end()));
}

#[test]
fn what_waits_and_what_is_under_way_is_bounded() {
    let receiver =
        Receiver::start(0, |_, _| Reply { after: Duration::from_millis(3), ..Reply::ok() });
    let mut bed = Bed::new();
    let endpoint = endpoint(&receiver.url());
    let most = std::sync::atomic::AtomicU64::new(0);
    bed.run(&endpoint, |bed| {
        let all = (0..3_000).map(|n| {
            let (epoch, id) = (bed.epoch, n.to_string());
            let value = Some(bed.body(&id, "firing", epoch).into_bytes());
            Record { topic: Topic::Alerts, epoch, key: id.into_bytes(), value }
        });
        bed.put(all.collect());
        within(|| {
            most.fetch_max(bed.counts.waiting(), std::sync::atomic::Ordering::Relaxed);
            receiver.count() == 3_000
        });
    });
    let most = most.into_inner();
    assert!((500..=1_000).contains(&most), "{most} waited");
    assert!((2..=16).contains(&receiver.most_at_once()), "{}", receiver.most_at_once());
}
