//! Connections: taken, turned into WebSockets or handed to the routes, and ended.
//!
//! One port serves all. The number of connections is bounded, and so is the time that
//! a client may take for the head of a request, so nobody can hold the others out by
//! doing nothing.

use crate::hub::Hub;
use crate::{GatewayError, rest, socket, upgrade};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower_service::Service;
use tracing::warn;
use warp::reply::Response;

/// Connections above the WebSockets: for requests, and to tell that all are in use.
const SPARE: usize = 512;
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

struct Shared {
    hub: Arc<Hub>,
    sockets: Arc<Semaphore>,
    sessions: AtomicU64,
}

/// Serves until `shutdown`, then ends all connections.
pub(crate) async fn run(
    listener: TcpListener,
    hub: Arc<Hub>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    let settings = &hub.settings;
    let socket = SockRef::from(&listener);
    socket.set_send_buffer_size(settings.send_buffer_bytes).map_err(GatewayError::Listener)?;
    let connections = Arc::new(Semaphore::new(settings.max_connections + SPARE));
    let sockets = Arc::new(Semaphore::new(settings.max_connections));
    let shared = Arc::new(Shared { hub: hub.clone(), sockets, sessions: AtomicU64::new(0) });
    let routes = warp::service(rest::routes(hub.clone()));
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, permit) = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            Some(_) = tasks.join_next() => continue,
            () = &mut shutdown => break,
        };
        tasks.spawn(connection(shared.clone(), routes.clone(), stream, permit));
    }
    drop(listener);
    hub.stop.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(hub.settings.shutdown_grace, all).await.is_err() {
        warn!("connections did not end in time and are cut");
    }
    Ok(())
}

/// The next connection, when there may be one more.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let permit = match connections.clone().acquire_owned().await {
            Ok(permit) => permit,
            // It is never closed.
            Err(_) => std::future::pending().await,
        };
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                // Mostly there are no more files to be opened: that passes.
                warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<R>(
    shared: Arc<Shared>,
    routes: R,
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
) where
    R: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone,
{
    // Without it small messages wait for each other; an error shows soon enough.
    let _ = stream.set_nodelay(true);
    let mut stop = shared.hub.stop.subscribe();
    let sockets = Arc::new(std::sync::Mutex::new(JoinSet::new()));
    let own = sockets.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, sockets, mut routes) = (shared.clone(), own.clone(), routes.clone());
        async move {
            if upgrade::is_asked_for(&request) {
                return Ok::<_, Infallible>(open(&shared, request, &sockets));
            }
            shared.hub.counters.http.add(1);
            routes.call(request).await
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(16 * 1024);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    // What ends a connection early is the client's affair.
    let ended = tokio::select! {
        _ = &mut connection => true,
        _ = stop.wait_for(|stop| *stop) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
    let mut open = std::mem::take(&mut *sockets.lock().unwrap_or_else(|e| e.into_inner()));
    while open.join_next().await.is_some() {}
}

/// Answers a handshake; the WebSocket is served by a task of its own.
fn open(
    shared: &Arc<Shared>,
    mut request: Request<Incoming>,
    tasks: &std::sync::Mutex<JoinSet<()>>,
) -> Response {
    let hub = &shared.hub;
    let handshake = upgrade::judge(&request, hub);
    let permit = shared.sockets.clone().try_acquire_owned().map_err(|_| upgrade::full(hub));
    let (handshake, permit) = match (handshake, permit) {
        (Err(problem), _) | (_, Err(problem)) => {
            hub.counters.refused.add(1);
            return problem.response();
        }
        (Ok(handshake), Ok(permit)) => (handshake, permit),
    };
    let session = shared.sessions.fetch_add(1, Ordering::Relaxed) + 1;
    let upgraded = hyper::upgrade::on(&mut request);
    let (hub, protocol) = (hub.clone(), handshake.protocol);
    tasks.lock().unwrap_or_else(|e| e.into_inner()).spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            socket::serve(hub, upgraded, protocol, session).await;
        }
        drop(permit);
    });
    handshake.response()
}
