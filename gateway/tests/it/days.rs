//! Days of the site: from memory, and from a store.

mod past;

use crate::site::{NOW_MS, Site};
use serde_json::{Value, json};
use streamgauge_sink::results::Topic;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 2023-12-21, which is almost two hours old.
const TODAY: (i64, i64) = (NOW_MS - 6_660_000, NOW_MS - 6_660_000 + DAY_MS);
const YESTERDAY: (i64, i64) = (TODAY.0 - DAY_MS, TODAY.0);

const PAGES: &str = r#""items":[{"name":"/a","views":30,"users":9},{"name":"/b","views":2,"users":2}],"other":4,"count":36"#;
const CAMPAIGNS: &str = r#""items":[{"source":"x","medium":"(none)","campaign":"c","views":3,"users":1}],"other":0,"count":3"#;

/// Hours: number, page views, users.
fn hours(start_ms: i64, all: &[(i64, i64, i64)]) -> String {
    let item = |(hour, views, users): &(i64, i64, i64)| {
        let start = start_ms + hour * HOUR_MS;
        format!(r#"{{"hour":{hour},"start":{start},"views":{views},"users":{users}}}"#)
    };
    let items: Vec<_> = all.iter().map(item).collect();
    format!(r#""items":[{}],"count":36"#, items.join(","))
}

fn today_so_far(site: &mut Site) {
    let mut put = |metric, fields: &str| site.window(metric, TODAY, "provisional", fields);
    put("DAY_VISITORS", r#""value":12,"count":80"#);
    put("DAY_PAGE_VIEWS", r#""value":36,"count":11"#);
    put("DAY_CONVERSIONS", r#""value":0,"count":0"#);
    put("DAY_SESSIONS", r#""value":9,"count":8"#);
    put("DAY_BOUNCE_RATE", r#""value":33.333333,"count":8"#);
    put("DAY_AVERAGE_SESSION_DURATION", r#""value":83.4,"count":9"#);
    put("DAY_REVENUE currency=USD", r#""value":12345678901234.5,"count":3"#);
    put("DAY_REVENUE currency=%25", r#""value":7,"count":1"#);
    put("DAY_PAGES", PAGES);
    put("DAY_CAMPAIGNS", CAMPAIGNS);
    put("DAY_HOURS", &hours(TODAY.0, &[(1, 36, 12)]));
}

fn yesterday(site: &mut Site, state: &str, visitors: i64) {
    let value = format!(r#""value":{visitors},"count":90"#);
    site.window("DAY_VISITORS", YESTERDAY, state, &value);
    let all = hours(YESTERDAY.0, &[(0, 5, 3), (1, 40, 20), (23, 1, 1)]);
    site.window("DAY_HOURS", YESTERDAY, state, &all);
}

async fn in_zone(site: Site, zone: &str) -> Site {
    site.serve(|parts| parts.settings.days = Some(zone.to_owned())).await
}

async fn ask(site: &Site, path: &str) -> Value {
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert!(answer.head.contains("cache-control: no-store"));
    answer.json()
}

/// Asks until it is so.
async fn until(site: &Site, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..500 {
        let answer = ask(site, path).await;
        if is(&answer) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("never: {}", ask(site, path).await);
}

#[tokio::test]
async fn today_is_told_as_far_as_it_has_come() {
    let mut site = Site::new();
    yesterday(&mut site, "final", 15);
    today_so_far(&mut site);
    site.views(0, "final", 1);
    site.commit();
    let site = in_zone(site, "UTC").await;
    let text = site.get("/api/v1/days/today").await.body;
    assert!(text.contains(r#""revenue":{"%":7,"USD":12345678901234.5}"#), "{text}");
    let today = ask(&site, "/api/v1/days/today").await;
    assert_eq!((&today["date"], &today["time_zone"]), (&json!("2023-12-21"), &json!("UTC")));
    let window = json!({
        "start": "2023-12-21T00:00:00.000Z",
        "end": "2023-12-22T00:00:00.000Z",
        "state": "provisional",
    });
    assert_eq!(today["window"], window);
    assert_eq!((&today["visitors"], &today["pageViews"]), (&json!(12), &json!(36)));
    assert_eq!((&today["sessions"], &today["bounceRate"]), (&json!(9), &json!(33.333333)));
    let more = (&today["averageSessionDuration"], &today["conversions"]);
    assert_eq!(more, (&json!(83.4), &json!(0)));
    assert_eq!(today["pages"]["items"][1], json!({"name": "/b", "views": 2, "users": 2}));
    assert_eq!((&today["pages"]["other"], &today["pages"]["count"]), (&json!(4), &json!(36)));
    assert_eq!(today["campaigns"]["items"][0]["source"], "x");
    assert_eq!(today["exitPages"], json!(null));
    let few = ask(&site, "/api/v1/days/today?limit=1").await;
    assert_eq!(few["pages"]["items"].as_array().unwrap().len(), 1);

    let hours = today["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 24);
    let before = json!({"views": 5, "users": 3});
    let quiet = json!({"hour": 0, "start": "2023-12-21T00:00:00.000Z", "views": 0, "users": 0, "dayBefore": before, "weekBefore": null});
    assert_eq!(hours[0], quiet, "an hour without an event is not unknown");
    assert_eq!((&hours[1]["views"], &hours[1]["users"]), (&json!(36), &json!(12)));
    assert_eq!(hours[1]["dayBefore"], json!({"views": 40, "users": 20}));
    assert_eq!((&hours[2]["views"], &hours[2]["users"]), (&json!(null), &json!(null)));
    assert_eq!(hours[2]["dayBefore"], json!({"views": 0, "users": 0}));
    assert_eq!(today["currentHour"], hours[1]);
    assert_eq!(today["dayBefore"]["date"], "2023-12-20");
    assert_eq!(
        (&today["dayBefore"]["visitors"], &today["weekBefore"]["visitors"]),
        (&json!(15), &json!(null))
    );
    assert!(today["weekBefore"]["note"].as_str().unwrap().contains("nothing is known"));
    assert!(today["note"].as_str().unwrap().contains("this gateway has no store"));
    assert_eq!(ask(&site, "/api/v1/days/2023-12-21").await["hours"], today["hours"]);
    let yesterday = ask(&site, "/api/v1/days/yesterday").await;
    assert_eq!(
        (&yesterday["window"]["state"], &yesterday["currentHour"]),
        (&json!("final"), &json!(null))
    );
}

#[tokio::test]
async fn days_are_listed_from_the_newest_on() {
    let mut site = Site::new();
    yesterday(&mut site, "final", 15);
    today_so_far(&mut site);
    site.commit();
    let site = in_zone(site, "UTC").await;
    let all = ask(&site, "/api/v1/days").await;
    let days = all["days"].as_array().unwrap();
    let dates: Vec<_> = days.iter().map(|day| day["date"].as_str().unwrap()).collect();
    assert_eq!((dates.len(), dates[0], dates[7]), (8, "2023-12-21", "2023-12-14"));
    assert_eq!((&days[0]["visitors"], &days[1]["visitors"]), (&json!(12), &json!(15)));
    assert_eq!((&days[0]["hours"], &days[0]["note"]), (&json!(null), &json!(null)));
    assert_eq!((&days[2]["visitors"], &days[2]["window"]["state"]), (&json!(null), &json!(null)));
    assert_eq!(
        (&days[2]["revenue"], &days[2]["note"]),
        (&json!({}), &json!("nothing is known of this day"))
    );
    let two = ask(&site, "/api/v1/days?limit=2").await;
    assert_eq!(two["days"].as_array().unwrap().len(), 2);
    assert_eq!(ask(&site, "/api/v1/days?limit=31").await["days"][30]["date"], "2023-11-21");
}

#[tokio::test]
async fn a_day_becomes_final_and_can_be_corrected_and_taken_back() {
    let mut site = Site::new();
    yesterday(&mut site, "provisional", 14);
    site.window("DAY_SESSIONS", YESTERDAY, "provisional", r#""value":1,"count":1"#);
    site.commit();
    let mut site = in_zone(site, "UTC").await;
    let path = "/api/v1/days/yesterday";
    assert_eq!(ask(&site, path).await["window"]["state"], "provisional");
    yesterday(&mut site, "final", 15);
    site.window("DAY_SESSIONS", YESTERDAY, "final", r#""value":2,"count":1"#);
    site.commit();
    let day = until(&site, path, |day| day["window"]["state"] == "final").await;
    assert_eq!((&day["visitors"], &day["sessions"]), (&json!(15), &json!(2)));
    site.window("DAY_VISITORS", YESTERDAY, "corrected", r#""value":16,"count":91"#);
    site.commit();
    let day = until(&site, path, |day| day["window"]["state"] == "corrected").await;
    assert_eq!((&day["visitors"], &day["sessions"]), (&json!(16), &json!(2)));
    let (start, end) = YESTERDAY;
    site.put(Topic::ProcessedMetrics, &format!("DAY_SESSIONS|{start}|{end}|"), None);
    site.commit();
    let day = until(&site, path, |day| day["sessions"].is_null()).await;
    assert_eq!(day["visitors"], 16);
}

#[tokio::test]
async fn what_another_job_left_unfinished_is_forgotten() {
    let mut site = Site::new();
    site.status(1, "live", "");
    yesterday(&mut site, "final", 15);
    today_so_far(&mut site);
    site.commit();
    let mut site = in_zone(site, "UTC").await;
    assert_eq!(ask(&site, "/api/v1/days/today").await["visitors"], 12);
    site.status(2, "restoring", "");
    site.commit();
    let today = until(&site, "/api/v1/days/today", |day| day["visitors"].is_null()).await;
    assert_eq!(
        (&today["window"]["state"], &today["hours"][0]["views"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(today["dayBefore"]["visitors"], 15);
}

#[tokio::test]
async fn days_are_as_long_as_clocks_say_and_compared_by_them() {
    // In Berlin the clocks went forward on 2024-03-31, a day of 23 hours.
    let (start, now) = (1_711_839_600_000, 1_711_929_600_000);
    let (short, next) = ((start, start + 23 * HOUR_MS), start + 23 * HOUR_MS);
    let mut site = Site::new();
    site.clock.advance(now - NOW_MS);
    site.window(
        "DAY_HOURS",
        short,
        "final",
        &hours(start, &[(1, 11, 1), (2, 33, 3), (22, 230, 23)]),
    );
    let today = (next, next + DAY_MS);
    site.window("DAY_HOURS", today, "provisional", &hours(next, &[(0, 1, 1), (3, 3, 3)]));
    site.commit();
    let site = in_zone(site, "Europe/Berlin").await;
    let day = ask(&site, "/api/v1/days/2024-04-01").await;
    let hours = day["hours"].as_array().unwrap();
    assert_eq!((hours.len(), &hours[0]["start"]), (24, &json!("2024-03-31T22:00:00.000Z")));
    let views = |n: usize| &hours[n]["dayBefore"]["views"];
    assert_eq!((views(1), views(3), views(23)), (&json!(11), &json!(33), &json!(230)));
    assert_eq!(hours[2]["dayBefore"], json!(null), "there was no such hour");
    let short = ask(&site, "/api/v1/days/2024-03-31").await;
    assert_eq!(short["hours"].as_array().unwrap().len(), 23);
    assert_eq!(short["window"]["end"], "2024-03-31T22:00:00.000Z");
    assert_eq!(short["hours"][2]["views"], 33);
    let long = ask(&site, "/api/v1/days/2024-10-27").await;
    assert_eq!(long["hours"].as_array().unwrap().len(), 25);
    assert_eq!(long["window"]["start"], "2024-10-26T22:00:00.000Z");
}

#[tokio::test]
async fn where_there_are_no_days_the_key_for_them_is_named() {
    let site = Site::start().await;
    for (path, nothing) in [("/api/v1/days", "days"), ("/api/v1/days/today", "date")] {
        let answer = ask(&site, path).await;
        assert_eq!(answer[nothing], json!(null));
        assert!(answer["note"].as_str().unwrap().contains("[site] days = \"on\""), "{answer}");
    }
}

#[tokio::test]
async fn a_time_zone_that_is_none_is_refused() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let served = streamgauge_gateway::serve(listener, past::parts("Europe/Atlantis"), async {});
    let error = served.await.unwrap_err().to_string();
    assert!(error.contains("\"Europe/Atlantis\""), "{error}");
}

#[tokio::test]
async fn a_date_that_is_none_is_refused_by_name() {
    let site = in_zone(Site::new(), "Pacific/Apia").await;
    for (path, what) in [
        ("2023-02-29", "\"2023-02-29\" is no date in Pacific/Apia"),
        ("20231221", "today or yesterday"),
        ("tomorrow", "\"tomorrow\""),
        ("2011-12-30", "\"2011-12-30\" is no date"),
        ("9999-12-31", "is no date"),
        ("today?limit=0", "from 1 to 50"),
        ("today?limt=1", "there are limit"),
        ("?limit=32", "from 1 to 31"),
        ("?date=today", "unknown parameter \"date\": there are limit"),
    ] {
        let path = format!("/api/v1/days/{path}").replace("/?", "?");
        let answer = site.get(&path).await;
        assert_eq!(answer.status, 400, "{path}");
        let problem = answer.problem();
        assert!(problem.contains(what), "{path}: {problem}");
    }
    let later = ask(&site, "/api/v1/days/2024-12-31").await;
    assert_eq!((&later["visitors"], &later["window"]["state"]), (&json!(null), &json!(null)));
}
