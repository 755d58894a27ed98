//! A gateway over a log in memory.

use crate::client::{Client, Http, connect, get};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use streamgauge_gateway::{GatewayError, Parts, Settings, serve};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_sink::results::{
    MemoryResults, Progress, Record, ResultLog, ResultWriter, Topic, Transaction,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const NOW_MS: i64 = 1_703_123_460_000;
pub(crate) const VIEWS: &str = "PAGE_VIEWS_PER_SECOND";

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    results: MemoryResults,
    writer: Box<dyn ResultWriter>,
    pub(crate) epoch: u64,
    records: Vec<Record>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<Result<(), GatewayError>>>,
}

impl Site {
    /// With a log that is empty, not served yet.
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let results = MemoryResults::new(clock.clone());
        let writer = results.writer().unwrap();
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let (records, epoch) = (Vec::new(), 1);
        Self { address, clock, results, writer, epoch, records, stop: None, served: None }
    }

    pub(crate) async fn serve(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let mut parts = Parts {
            results: Arc::new(self.results.clone()),
            history: None,
            explain: None,
            clock: self.clock.clone(),
            webhooks: Vec::new(),
            store: None,
            settings: Settings::default(),
        };
        change(&mut parts);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        self.stop = Some(stop);
        self.served = Some(tokio::spawn(serve(listener, parts, shutdown)));
        self.until(|body| body.contains("half hour is read")).await;
        self
    }

    /// With a log that is empty.
    pub(crate) async fn start() -> Self {
        Self::new().serve(|_| ()).await
    }

    /// Waits until `/readyz` says so.
    pub(crate) async fn until(&self, is: impl Fn(&str) -> bool) -> Http {
        for _ in 0..500 {
            let answer = self.get("/readyz").await;
            if is(&answer.body) {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("never: {}", self.get("/readyz").await.body);
    }

    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) async fn ended(mut self) {
        self.served.take().unwrap().await.unwrap().unwrap();
    }

    pub(crate) fn put(&mut self, topic: Topic, key: &str, value: Option<&str>) {
        let (key, value) = (key.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()));
        self.records.push(Record { topic, epoch: self.epoch, key, value });
    }

    /// Keeps what was put, as one epoch.
    pub(crate) fn commit(&mut self) {
        let records = std::mem::take(&mut self.records);
        let progress = vec![Progress { epoch: self.epoch, records: 0, hash: 0, chain: 0 }];
        let transaction = Transaction { records, progress, ..Transaction::default() };
        self.writer.commit(&transaction).unwrap();
        self.epoch += 1;
    }

    /// A result of the window that ends `end_s` after a full minute.
    pub(crate) fn result(&mut self, metric: &str, end_s: i64, state: &str, fields: &str) {
        let name = metric.split(' ').next().unwrap_or(metric);
        let real_time = [VIEWS, "ACTIVE_USERS", "BOUNCE_RATE", "AVERAGE_SESSION_DURATION"];
        let hour = ["JOURNEYS", "FUNNEL", "BEHAVIOUR", "ABANDONMENT_RATE"];
        let length = match name {
            _ if real_time.contains(&name) => 5_000,
            _ if hour.contains(&name) => 3_600_000,
            _ => 60_000,
        };
        let end = NOW_MS + end_s * 1_000;
        self.window(metric, (end - length, end), state, fields);
    }

    /// A result of this window, ms.
    pub(crate) fn window(
        &mut self,
        metric: &str,
        (start, end): (i64, i64),
        state: &str,
        fields: &str,
    ) {
        let (name, dims) = metric.split_once(' ').unwrap_or((metric, ""));
        let watermark = if state == "provisional" { start } else { end };
        let topic = match state {
            "provisional" => Topic::LiveMetrics,
            _ => Topic::ProcessedMetrics,
        };
        let epoch = self.epoch;
        let value = format!(
            r#"{{"metricType":"{name}","windowStart":{start},"windowEnd":{end},{fields},"state":"{state}","watermark":{watermark},"epoch":{epoch}}}"#
        );
        self.put(topic, &format!("{name}|{start}|{end}|{dims}"), Some(&value));
    }

    pub(crate) fn views(&mut self, end_s: i64, state: &str, views: i64) {
        let (whole, tenth) = (views * 2 / 10, views * 2 % 10);
        let fields = format!(r#""value":{whole}.{tenth},"count":{views}"#);
        self.result(VIEWS, end_s, state, &fields);
    }

    pub(crate) fn alert(&mut self, id: &str, state: &str) {
        let value = format!(
            r#"{{"alertId":"{id}","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"High Bounce Rate Detected","description":"User u{id} viewed only one page","userId":"u{id}","windowStart":{},"windowEnd":{NOW_MS},"state":"{state}","value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1,"epoch":{}}}"#,
            NOW_MS - 300_000,
            self.epoch
        );
        self.put(Topic::Alerts, id, Some(&value));
    }

    pub(crate) fn status(&mut self, writer: u64, state: &str, more: &str) {
        let at_ms = streamgauge_ingest::clock::Clock::now_ms(self.clock.as_ref());
        let value = format!(r#"{{"state":"{state}","atMs":{at_ms},"writer":{writer}{more}}}"#);
        self.put(Topic::JobStatus, "job", Some(&value));
    }

    pub(crate) async fn get(&self, path: &str) -> Http {
        get(self.address, path).await
    }

    pub(crate) async fn legacy(&self, path: &str) -> Client {
        connect(self.address, path, None).await.unwrap()
    }

    /// A client of version 1 that has been greeted.
    pub(crate) async fn v1(&self) -> Client {
        let mut client = connect(self.address, "/ws", Some("rta.v1.json")).await.unwrap();
        assert_eq!(client.json().await["type"], "hello");
        client
    }
}
