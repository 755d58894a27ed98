//! What is current over the sessions of an hour.

use crate::site::Site;
use serde_json::{Value, json};

const STEPS: &str = r#""items":[{"step":1,"name":"/a","sessions":4},{"step":2,"name":"/b","sessions":1,"dropOff":75,"medianMs":1200}],"count":9"#;
const BEHAVIOUR: &str = r#""pageViews":[{"from":0,"to":0,"sessions":9}],"duration":[{"from":0,"to":0,"sessions":9}],"newUsers":7,"returningUsers":2,"count":9"#;

fn journeys(places: usize) -> String {
    let item = |n| format!(r#"{{"path":["/{n}","/b"],"sessions":{}}}"#, 100 - n);
    let transition = |n| format!(r#"{{"from":"/{n}","to":"/b","count":{}}}"#, 100 - n);
    let items: Vec<_> = (0..places).map(item).collect();
    let transitions: Vec<_> = (0..places).map(transition).collect();
    format!(r#""items":[{}],"transitions":[{}],"count":50"#, items.join(","), transitions.join(","))
}

/// A site with the hour's results of the window that is open, and some of the one before.
async fn busy() -> Site {
    let mut site = Site::new();
    site.result("JOURNEYS", 240, "provisional", &journeys(20));
    site.result("BEHAVIOUR", -60, "final", BEHAVIOUR);
    site.result("BEHAVIOUR", 240, "provisional", BEHAVIOUR);
    site.result("FUNNEL funnel=checkout", 240, "provisional", STEPS);
    site.result("FUNNEL funnel=50%25 a%2Cb/ä", -60, "corrected", STEPS);
    site.result("ABANDONMENT_RATE funnel=checkout", -60, "final", r#""value":12.5,"count":8"#);
    let rate = r#""value":33.333333,"count":3"#;
    site.result("ABANDONMENT_RATE funnel=checkout", 240, "provisional", rate);
    site.commit();
    site.serve(|parts| parts.settings.funnels = vec!["checkout".into(), "quiet".into()]).await
}

async fn ask(site: &Site, path: &str) -> Value {
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert!(answer.head.contains("cache-control: no-store"));
    let now = answer.json();
    assert_eq!(now["stream"], "w0");
    assert!(now["server_time"].is_string() && now["watermark"].is_string(), "{now}");
    now
}

#[tokio::test]
async fn the_newest_window_is_told_with_its_state() {
    let site = busy().await;
    let window = json!({
        "start": "2023-12-21T00:55:00.000Z",
        "end": "2023-12-21T01:55:00.000Z",
        "state": "provisional",
    });
    let now = ask(&site, "/api/v1/behaviour").await;
    assert_eq!(now["window"], window);
    assert_eq!(now["data"]["pageViews"], json!([{"from": 0, "to": 0, "sessions": 9}]));
    assert_eq!((&now["data"]["newUsers"], &now["data"]["returningUsers"]), (&json!(7), &json!(2)));
    let now = ask(&site, "/api/v1/journeys").await;
    assert_eq!(now["window"], window);
    assert_eq!(now["data"]["items"].as_array().unwrap().len(), 20);
    assert_eq!(now["data"]["count"], 50);
    let now = ask(&site, "/api/v1/journeys?limit=2").await;
    let items =
        json!([{"path": ["/0", "/b"], "sessions": 100}, {"path": ["/1", "/b"], "sessions": 99}]);
    assert_eq!(now["data"]["items"], items);
    assert_eq!(now["data"]["transitions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_funnel_comes_with_the_abandonment_of_its_window() {
    let site = busy().await;
    let now = ask(&site, "/api/v1/funnels/checkout").await;
    assert_eq!(now["name"], "checkout");
    assert_eq!(now["window"]["state"], "provisional");
    assert_eq!(now["data"]["items"][1]["medianMs"], 1_200);
    assert_eq!(now["data"]["abandonmentRate"], json!({"value": 33.333333, "count": 3}));
    // Names are percent-encoded in a path, and nobody could abandon this one.
    let now = ask(&site, "/api/v1/funnels/50%25%20a%2Cb%2F%C3%A4").await;
    assert_eq!(now["name"], "50% a,b/ä");
    assert_eq!((&now["window"]["state"], &now["data"]["count"]), (&json!("corrected"), &json!(9)));
    assert_eq!(now["data"]["abandonmentRate"], json!(null));
    let all = ask(&site, "/api/v1/funnels").await;
    let names: Vec<_> = all["funnels"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    assert_eq!(names, ["50% a,b/ä", "checkout", "quiet"]);
    assert_eq!(all["funnels"][1]["data"]["abandonmentRate"]["count"], 3);
    assert_eq!(
        (&all["funnels"][2]["window"], &all["funnels"][2]["data"]),
        (&json!(null), &json!(null))
    );
    assert!(all["funnels"][2]["note"].as_str().unwrap().contains("no session has ended"));
}

#[tokio::test]
async fn a_quiet_site_says_so() {
    let mut site = Site::new();
    site.views(0, "final", 1);
    site.commit();
    let site = site.serve(|parts| parts.settings.funnels = vec!["checkout".into()]).await;
    for path in ["/api/v1/journeys", "/api/v1/behaviour", "/api/v1/funnels/checkout"] {
        let now = ask(&site, path).await;
        assert_eq!((&now["window"], &now["data"]), (&json!(null), &json!(null)), "{path}");
        assert!(now["note"].as_str().unwrap().contains("ended in the last hour"), "{path}");
    }
}

#[tokio::test]
async fn a_window_is_current_until_the_next_has_ended() {
    let mut site = Site::new();
    site.result("BEHAVIOUR", -60, "final", BEHAVIOUR);
    site.views(235, "final", 1);
    site.commit();
    let mut site = site.serve(|_| ()).await;
    assert_eq!(ask(&site, "/api/v1/behaviour").await["window"]["state"], "final");
    // The next window has ended, and nothing was in it.
    site.views(240, "final", 1);
    site.commit();
    for _ in 0..500 {
        if ask(&site, "/api/v1/behaviour").await["data"].is_null() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("what was is still shown");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_that_says_what_is() {
    let site = busy().await;
    for (path, status, what) in [
        ("/api/v1/funnels/chekout", 404, "checkout, quiet"),
        ("/api/v1/funnels/%FF", 404, "checkout"),
        ("/api/v1/funnels/checkout?limit=2", 400, "there are none here"),
        ("/api/v1/funnels?x=1", 400, "unknown parameter \"x\""),
        ("/api/v1/behaviour?limit=2", 400, "unknown parameter \"limit\""),
        ("/api/v1/journeys?limt=2", 400, "there are limit"),
        ("/api/v1/journeys?limit=0", 400, "from 1 to 50"),
        ("/api/v1/journeys?limit=51", 400, "from 1 to 50"),
        ("/api/v1/journeys?limit=", 400, "from 1 to 50"),
        ("/api/v1/funnels/a/b", 404, "/api/v1/funnels/{name}"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        let problem = answer.problem();
        assert!(problem.contains(what), "{path}: {problem}");
    }
    let nothing = Site::start().await;
    let problem = nothing.get("/api/v1/funnels/checkout").await.problem();
    assert!(problem.contains("there are none: configure one as [[funnel]]"), "{problem}");
}
