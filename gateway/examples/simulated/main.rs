//! A gateway over simulated values, to look at the live page without a job:
//! `cargo run --release -p streamgauge-gateway --example simulated -- [PORT] [STATE]`,
//! where STATE is `live` (default), `behind`, `restoring`, `silent`, `empty` or `none`; with
//! `off` instead there are no results over days.

mod days;

use days::{Past, day};
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use streamgauge_gateway::{Parts, Settings, serve};
use streamgauge_ingest::clock::Clock;
use streamgauge_sink::results::{
    MemoryResults, Record, ResultError, ResultLog, ResultWriter, Topic, Transaction,
};
use streamgauge_sink::store::HistoryStore;

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

const PAGES: [&str; 8] = [
    "/",
    "/products/laptops",
    "/products/phones",
    "/cart",
    "/checkout",
    "/blog/how-we-measure-what-happens-on-our-website-in-real-time",
    "/about",
    "/help",
];

struct Shop {
    writer: Box<dyn ResultWriter>,
    epoch: u64,
    records: Vec<Record>,
}

impl Shop {
    fn put(&mut self, topic: Topic, key: String, value: String) {
        let (key, value) = (key.into_bytes(), Some(value.into_bytes()));
        self.records.push(Record { topic, epoch: self.epoch, key, value });
    }

    fn commit(&mut self) -> Result<(), ResultError> {
        let records = std::mem::take(&mut self.records);
        self.epoch += 1;
        self.writer.commit(&Transaction { records, ..Transaction::default() })
    }

    fn result(&mut self, metric: &str, dims: &str, span: (i64, i64), fields: &str, state: &str) {
        let live = state == "provisional";
        let topic = if live { Topic::LiveMetrics } else { Topic::ProcessedMetrics };
        let (start, end) = span;
        let (epoch, watermark) = (self.epoch, if live { start - 3_000 } else { end });
        let key = format!("{metric}|{start}|{end}|{dims}");
        let value = format!(
            r#"{{"metricType":"{metric}","windowStart":{start},"windowEnd":{end},{fields},"state":"{state}","watermark":{watermark},"epoch":{epoch}}}"#
        );
        self.put(topic, key, value);
    }

    /// What a window has come to when `share` of it (in thousandths) has passed.
    fn window(&mut self, end: i64, share: i64, state: &str) {
        let n = end / 5_000;
        let wave = (n % 120 - 60).abs() * 4 + (n * 7_919 % 97);
        let views = (400 + wave) * share / 1_000;
        let tenth = |x: i64| format!("{}.{}", x / 10, x % 10);
        let five = (end - 5_000, end);
        let rate = format!(r#""value":{},"count":{views}"#, tenth(views * 2));
        self.result("PAGE_VIEWS_PER_SECOND", "", five, &rate, state);
        let users = format!(r#""value":{},"count":{}"#, views * 3 / 5, views * 5 / 4);
        self.result("ACTIVE_USERS", "", five, &users, state);
        let long = format!(r#""value":{}"#, 3_200 + wave * 3);
        self.result("ACTIVE_USERS_5M", "", five, &long, state);
        if share > 500 {
            let bounce = format!(r#""value":{},"count":31"#, tenth(380 + n * 31 % 90));
            self.result("BOUNCE_RATE", "", five, &bounce, state);
            let length = format!(r#""value":{},"count":31"#, tenth(1_900 + n * 53 % 400));
            self.result("AVERAGE_SESSION_DURATION", "", five, &length, state);
        }
        if end % 10_000 == 0 {
            self.business(end, n, state);
        }
    }

    fn business(&mut self, end: i64, n: i64, state: &str) {
        let minute = (end - 60_000, end);
        let rate = format!(r#""value":{}.{},"count":71"#, 3 + n % 2, 100 + n * 37 % 900);
        self.result("CONVERSION_RATE", "", minute, &rate, state);
        let revenue = format!(r#""value":2.{},"count":66"#, 10 + n * 11 % 90);
        self.result("REVENUE_PER_USER", "currency=USD", minute, &revenue, state);
        let views = |i: usize| 2_000 / (i + 1) + usize::try_from(n).unwrap_or(0) * (i + 3) % 40;
        let all: usize = (0..PAGES.len()).map(views).sum();
        let share = |i: usize| views(i) * 10_000 / all;
        let item = |(i, url): (usize, &&str)| {
            let (views, share) = (views(i), share(i));
            let users = views * 2 / 3;
            format!(
                r#"{{"url":"{url}","views":{views},"users":{users},"share":{}.{:02}}}"#,
                share / 100,
                share % 100
            )
        };
        let items: Vec<_> = PAGES.iter().enumerate().map(item).collect();
        let fields = format!(r#""items":[{}],"other":12,"count":{all}"#, items.join(","));
        self.result("POPULAR_CONTENT", "", minute, &fields, state);
    }

    fn alert(&mut self, end: i64, n: i64, state: &str) {
        let start = end - 300_000;
        let id = format!("{end}-{n}");
        let user = format!("user_{}", 1_000 + n * 37 % 9_000);
        let value = format!(
            r#"{{"alertId":"{id}","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"High Bounce Rate Detected","description":"User {user} viewed only one page","userId":"{user}","windowStart":{start},"windowEnd":{end},"state":"{state}","value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1}}"#
        );
        self.put(Topic::Alerts, id, value);
    }

    fn status(&mut self, state: &str, now_ms: i64, read: u64) {
        let (epoch, lag) = (self.epoch, if state == "behind" { 84_200 } else { 700 });
        let records = if state == "behind" { 16_840 } else { 140 };
        let checkpoint = now_ms - 12_000;
        let value = format!(
            r#"{{"state":"{state}","atMs":{now_ms},"epoch":{epoch},"lagRecords":{records},"lagMs":{lag},"workers":2,"eventsPerSecond":201.4,"read":{read},"accepted":{read},"deadLetters":{{"malformed":3,"late":11}},"duplicates":0,"checkpoint":{{"epoch":{epoch},"atMs":{checkpoint},"bytes":1048576}},"writer":1}}"#
        );
        self.put(Topic::JobStatus, "job".into(), value);
    }
}

fn simulate(mut shop: Shop, state: &str) -> Result<(), ResultError> {
    let quiet = state == "empty" || state == "none";
    let mut passed = WallClock.now_ms() / 5_000 * 5_000 - 5_000;
    if !quiet {
        for n in (0..360).rev().filter(|n| !(200..212).contains(n)) {
            shop.window(passed - n * 5_000, 1_000, if n == 90 { "corrected" } else { "final" });
        }
        let end = passed / 300_000 * 300_000;
        for n in 0..312 {
            shop.alert(end - 300_000, n, "firing");
        }
        (0..208).for_each(|n| shop.alert(end, n, "firing"));
        shop.alert(end, 206, "retracted");
        shop.status(if state == "silent" { "live" } else { state }, WallClock.now_ms(), 361_204);
        shop.commit()?;
    }
    let mut read = 361_204;
    for tick in 0_u64.. {
        let now_ms = WallClock.now_ms();
        if tick % 10 == 0 && !quiet && state != "silent" {
            day(&mut shop, now_ms);
        }
        if tick % 10 == 0 && state != "silent" && state != "none" {
            read += 200;
            let shown = if quiet { ("live", 0) } else { (state, read) };
            shop.status(shown.0, now_ms, shown.1);
        }
        if !quiet && state != "silent" {
            while passed + 5_000 <= now_ms - 5_000 {
                passed += 5_000;
                shop.window(passed, 1_000, "final");
            }
            shop.window(passed + 5_000, 1_000, "provisional");
            shop.window(passed + 10_000, ((now_ms - passed - 5_000) / 5).min(1_000), "provisional");
        }
        shop.commit()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(8082), |port| port.parse())?;
    let state = arguments.next().unwrap_or_else(|| "live".into());
    let results = MemoryResults::new(Arc::new(WallClock));
    let settings = Settings { days: (state != "off").then(|| "UTC".into()), ..Settings::default() };
    let history: Option<Arc<dyn HistoryStore>> =
        (state != "none" && state != "empty").then(|| Arc::new(Past) as _);
    let state = if state == "off" { "live".into() } else { state };
    let shop = Shop { writer: results.writer()?, epoch: 1, records: Vec::new() };
    std::thread::spawn(move || simulate(shop, &state));
    let parts = Parts {
        results: Arc::new(results),
        history,
        explain: None,
        clock: Arc::new(WallClock),
        webhooks: Vec::new(),
        store: None,
        settings,
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(serve(listener, parts, std::future::pending()).await?)
}
