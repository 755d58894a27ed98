//! `streamgauge gateway`: the gateway alone, over a data directory that a job of
//! another process writes.

use super::history::HistoryFeed;
use super::interrupt::on_interrupt;
use super::serve::{listen, serve};
use super::site::{Site, USUAL, directory};
use super::webhooks::Webhooks;
use anyhow::Result;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use streamgauge::cli::GatewayArgs;
use streamgauge::config::Surroundings;

pub(crate) fn gateway(args: &GatewayArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let listener = listen(&config)?;
    let site = Site::open_to_stay(&directory(&config, USUAL), &config)?;
    let tell = |text: &str| {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    on_interrupt(move || asked.store(true, Ordering::SeqCst))?;
    let address = listener.local_addr()?;
    tell(&format!("http://{address} shows {}; Ctrl-C ends it", site.directory.display()));
    let history = HistoryFeed::open(&site, &config)?;
    let webhooks = Webhooks::open(&site, &config)?;
    let store = history.status();
    thread::scope(|scope| {
        scope.spawn(|| history.run(&site, &config, &stop, &tell));
        scope.spawn(|| webhooks.run(&site, &stop, &tell));
        let served = serve(&site, &config, &webhooks, store, listener, &stop);
        stop.store(true, Ordering::SeqCst);
        served
    })
}
