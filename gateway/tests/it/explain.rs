//! What a result was made from, by whoever explains.

use crate::site::Site;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use streamgauge_gateway::{Explain, Unexplained};

/// Says what it was asked; the key `slow` takes until it is asked to stop.
#[derive(Default)]
struct Fake {
    stopped: AtomicU64,
}

impl Explain for Fake {
    fn explain(&self, key: &str, limit: usize, stop: &AtomicBool) -> Result<String, Unexplained> {
        match key {
            "bad" => Err(Unexplained::NoKey("did you mean good?".into())),
            "none" => Err(Unexplained::Unknown("near it there is A|0|1|".into())),
            "broken" => Err(Unexplained::Failed("events.db is damaged".into())),
            "slow" => {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.stopped.fetch_add(1, Ordering::Relaxed);
                Err(Unexplained::Failed("stopped".into()))
            }
            key => Ok(format!(r#"{{"key":"{key}","limit":{limit}}}"#)),
        }
    }
}

async fn with(fake: &Arc<Fake>, timeout: Duration) -> Site {
    let fake = fake.clone();
    let change = |parts: &mut streamgauge_gateway::Parts| {
        parts.explain = Some(fake);
        parts.settings.explain_timeout = timeout;
    };
    Site::new().serve(change).await
}

#[tokio::test]
async fn answers_and_faults_are_passed_on() {
    let site = with(&Arc::default(), Duration::from_secs(60)).await;
    let answer = site.get("/api/v1/explain?key=A%7C0%7C1%7C&limit=7").await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"key":"A|0|1|","limit":7}"#));
    assert!(answer.head.contains("content-type: application/json"));
    for (query, status, what) in [
        ("", 400, "PAGE_VIEWS_PER_SECOND%7C"),
        ("?key=bad", 400, "did you mean"),
        ("?key=A&limit=201", 400, "up to 200"),
        ("?key=A&limit=x", 400, "limit"),
        ("?kye=A", 400, "key"),
        ("?key=none", 404, "A|0|1|"),
        ("?key=broken", 503, "damaged"),
    ] {
        let answer = site.get(&format!("/api/v1/explain{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        let problem = answer.problem();
        assert!(problem.contains(what), "{query}: {problem}");
    }
    let without = Site::start().await.get("/api/v1/explain?key=A").await;
    assert_eq!(without.status, 503);
    assert!(without.problem().contains("streamgauge explain"));
}

#[tokio::test]
async fn there_is_one_at_a_time_and_not_for_long() {
    let fake = Arc::new(Fake::default());
    let site = with(&fake, Duration::from_millis(500)).await;
    let (slow, second) = tokio::join!(site.get("/api/v1/explain?key=slow"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        site.get("/api/v1/explain?key=A").await
    });
    assert_eq!(second.status, 429);
    assert!(second.head.contains("retry-after: 5"), "{}", second.head);
    assert_eq!(slow.status, 504);
    assert!(slow.problem().contains("streamgauge explain KEY"));
    // It was asked to stop, and the next has its turn.
    for _ in 0..500 {
        if site.get("/api/v1/explain?key=A").await.status == 200 {
            assert_eq!(fake.stopped.load(Ordering::Relaxed), 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody has a turn any more");
}
