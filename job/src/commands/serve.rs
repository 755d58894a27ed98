//! The gateway over the data directory of a site.

use super::explain::ForGateway;
use super::history::history_store;
use super::site::Site;
use super::webhooks::Webhooks;
use anyhow::{Context, Result};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamgauge::config::Config;
use streamgauge_gateway::{Parts, Settings};
use streamgauge_sink::store::FeedStatus;

/// How often a server looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Takes the address of the gateway, before anything else is begun.
pub(super) fn listen(config: &Config) -> Result<TcpListener> {
    let address: SocketAddr = config.gateway.listen.parse().context("gateway.listen")?;
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}: choose another address with --listen, such as 127.0.0.1:8083")
    })?;
    listener.set_nonblocking(true).context("the listener")?;
    Ok(listener)
}

/// Serves until asked to stop.
pub(super) fn serve(
    site: &Site,
    config: &Config,
    webhooks: &Webhooks,
    store: Option<Arc<FeedStatus>>,
    listener: TcpListener,
    stop: &AtomicBool,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("gateway")
        .enable_all()
        .build()
        .context("cannot start the gateway")?;
    let history = history_store(site, config)?;
    let parts = Parts {
        results: Arc::clone(&site.results),
        history: Some(history),
        explain: Some(Arc::new(ForGateway::new(site, config))),
        clock: Arc::clone(&site.clock),
        webhooks: webhooks.counts(),
        store,
        settings: Settings {
            funnels: config.funnels.iter().map(|funnel| funnel.name.clone()).collect(),
            days: config.site.has_days.then(|| config.site.time_zone.clone()),
            ..Settings::default()
        },
    };
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let stopped = async {
            while !stop.load(Ordering::SeqCst) {
                tokio::time::sleep(LOOK).await;
            }
        };
        streamgauge_gateway::serve(listener, parts, stopped).await?;
        anyhow::Ok(())
    })
}
