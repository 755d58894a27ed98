//! The job over several processes: who they are, how they find each other, and what ends
//! them.
//!
//! The first process has the log, the results and the checkpoints; the others have
//! workers of the same dataflow and nothing else. There is no rejoining: when one of them
//! goes, or is silent for too long, all end, and begin again at the last checkpoint. What
//! was not committed was never told to anybody, so nothing is half done.
//!
//! Invariant: processes that are not of one build, or have other settings, do not work
//! together.

mod hello;
mod hosts;
mod join;
mod lost;
mod pulse;

pub use hosts::{HostsError, hosts};
pub use lost::of_panic;

use hello::Identity;
use pulse::Pulses;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use thiserror::Error;

/// The place of a process among the others.
#[derive(Debug)]
pub struct Place {
    /// Which it is, from 0 on.
    pub process: usize,
    /// Where each of them listens, as `host:port`.
    pub hosts: Vec<String>,
    /// Worker threads of each.
    pub threads: usize,
    /// All settings that decide about results, as JSON.
    pub settings: String,
    /// How long another process may be silent.
    pub silence: Duration,
    /// Where it listens.
    pub listener: TcpListener,
    /// Asks all of them to end.
    pub stop: Arc<AtomicBool>,
}

/// Why processes cannot work together.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// Nothing can be accepted where this process should listen.
    #[error(
        "process {process} cannot listen on {address}: {source}. Host {line} of the host file is for this process, and `-p` says which it is",
        line = .process + 1
    )]
    Listen {
        /// This process.
        process: usize,
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process is not one of this cluster.
    #[error("process {process} ({address}) {how}: all processes of a job must be alike")]
    Differs {
        /// The other process.
        process: usize,
        /// Where it is.
        address: String,
        /// In what.
        how: String,
    },
    /// A connection that was there is of no use.
    #[error("the connections between the processes cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

/// Listens where a process should, before anything else: a port that is in use is known at
/// once.
///
/// # Errors
/// If that cannot be.
pub fn listen(process: usize, address: &str) -> Result<TcpListener, ClusterError> {
    let listener = TcpListener::bind(address);
    listener.map_err(|source| ClusterError::Listen { process, address: address.into(), source })
}

/// What is left to do for a process that has joined the others.
pub struct Joined(Pulses);

impl Joined {
    /// The dataflow has ended here as it should: that this process goes is no fault.
    pub fn done(self) {
        self.0.done();
    }
}

impl Place {
    /// What the others are told of this process.
    fn identity(&self) -> Result<Identity, ClusterError> {
        Ok(Identity {
            process: self.process,
            processes: self.hosts.len(),
            threads: self.threads,
            build: hello::build()?,
            settings: self.settings.clone(),
        })
    }
}
