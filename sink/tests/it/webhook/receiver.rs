//! A receiver of webhooks.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use warp::Filter;
use warp::http::{HeaderMap, Response};
use warp::hyper::body::Bytes;

/// How it answers.
#[derive(Clone, Copy)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<&'static str>,
    pub(crate) after: Duration,
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Self::status(204)
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, retry_after: None, after: Duration::ZERO }
    }
}

/// What it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    headers: HeaderMap,
    pub(crate) body: String,
    /// What it was answered.
    pub(crate) status: u16,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub(crate) fn alert(&self) -> String {
        self.header("streamgauge-alert")
    }

    pub(crate) fn state(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["state"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Received>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

pub(crate) struct Receiver {
    address: SocketAddr,
    log: Arc<Log>,
    runtime: Option<Runtime>,
}

/// A port at which nobody listens yet.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Receiver {
    /// Listens, and answers as `answer` says by how many requests came before.
    pub(crate) fn start(
        port: u16,
        answer: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let log = Arc::new(Log::default());
        let (own, answer) = (log.clone(), Arc::new(answer));
        let route = warp::post()
            .and(warp::path!("alerts" / ..))
            .and(warp::header::headers_cloned())
            .and(warp::body::bytes())
            .then(move |headers: HeaderMap, body: Bytes| {
                let (log, answer) = (own.clone(), answer.clone());
                async move { answered(&log, answer.as_ref(), headers, &body).await }
            });
        let (address, listener) = runtime.block_on(async {
            let address = (Ipv4Addr::LOCALHOST, port);
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            (listener.local_addr().unwrap(), listener)
        });
        runtime.spawn(warp::serve(route).incoming(listener).run());
        Self { address, log, runtime: Some(runtime) }
    }

    pub(crate) fn url(&self) -> String {
        url(self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Received> {
        self.log.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log.seen.lock().unwrap().len()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.log.most_at_once.load(Ordering::SeqCst)
    }
}

pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/alerts/x?y=z")
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

async fn answered(
    log: &Log,
    answer: &(dyn Fn(usize, &Received) -> Reply + Send + Sync),
    headers: HeaderMap,
    body: &Bytes,
) -> Response<String> {
    let now = log.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    log.most_at_once.fetch_max(now, Ordering::SeqCst);
    let body = String::from_utf8(body.to_vec()).unwrap();
    let reply = {
        let mut seen = log.seen.lock().unwrap();
        let mut received = Received { headers, body, status: 0 };
        let reply = answer(seen.len(), &received);
        received.status = reply.status;
        seen.push(received);
        reply
    };
    tokio::time::sleep(reply.after).await;
    log.at_once.fetch_sub(1, Ordering::SeqCst);
    let mut response = Response::builder().status(reply.status);
    if let Some(retry_after) = reply.retry_after {
        response = response.header("retry-after", retry_after);
    }
    response.body("said by the receiver".to_owned()).unwrap()
}
