//! Snapshots, problems and the page.

use crate::client::http;
use crate::site::Site;
use serde_json::json;

#[tokio::test]
async fn a_snapshot_has_everything_that_is_current() {
    let mut site = Site::new();
    site.status(3, "live", r#","read":7"#);
    site.views(0, "final", 62);
    site.views(5, "provisional", 3);
    let usd = "REVENUE_PER_USER currency=USD";
    site.result(usd, 0, "final", r#""value":2.5,"count":2"#);
    let geo = r#""items":[{"country":"US","views":3,"users":2}],"other":0,"cities":[],"count":3"#;
    site.result("GEO_DISTRIBUTION", 0, "final", geo);
    site.alert("a", "firing");
    site.commit();
    let site = site.serve(|_| ()).await;
    let answer = site.get("/api/v1/snapshot").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("cache-control: no-store"));
    let now = answer.json();
    assert_eq!(now["stream"], "w3");
    assert_eq!(now["watermark"], "2023-12-21T01:51:00.000Z");
    let views = &now["metrics"]["pageViewsPerSecond"];
    assert_eq!((&views["count"], &views["window"]["state"]), (&json!(3), &json!("provisional")));
    assert_eq!(now["metrics"]["bounceRate"], json!(null));
    assert_eq!(now["revenuePerUserByCurrency"]["USD"]["value"], json!(2.5));
    assert_eq!(now["revenueCurrency"], "USD");
    assert_eq!(now["lists"]["geo"]["items"][0]["country"], "US");
    assert_eq!(now["lists"]["topContent"], json!(null));
    assert_eq!(now["alerts"]["firing"][0]["id"], "a");
    assert_eq!(now["job"]["read"], 7);
}

#[tokio::test]
async fn faults_are_problems_that_say_what_to_do() {
    let site = Site::start().await;
    for (path, status, what) in [
        ("/nothing", 404, "/api/v1/snapshot"),
        ("/api/v1/nothing", 404, "/api/v1/snapshot"),
        ("/api/v1/snapshot?flat=perhaps", 400, "flat"),
        ("/api/v1/snapshot?falt=1", 400, "flat"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        let problem = answer.problem();
        assert!(problem.contains(what), "{path}: {problem}");
    }
    let post = "POST /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = http(site.address, post).await;
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("allow: get, head"));
    assert!(answer.problem().contains("GET"));
}

#[tokio::test]
async fn the_page_asks_nobody_else() {
    let site = Site::start().await;
    let page = site.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-type: text/html"));
    assert!(page.head.contains("content-security-policy: default-src 'none'"));
    for link in page
        .body
        .split("http")
        .skip(1)
        .filter(|rest| rest.starts_with("://") || rest.starts_with("s://"))
    {
        assert!(link.starts_with("://www.w3.org/"), "a request to others: {}", &link[..40]);
    }
    let head = "HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = http(site.address, head).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let gzip =
        "GET / HTTP/1.1\r\nhost: x\r\naccept-encoding: br, gzip\r\nconnection: close\r\n\r\n";
    assert!(http(site.address, gzip).await.head.contains("content-encoding: gzip"));
}
