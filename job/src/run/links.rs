//! How the workers of a dataflow reach each other, and which of them get what comes in.
//!
//! Within a process workers hand values over; between processes these are bytes. The
//! first workers, those of the first process, are *fed*: rows and ticks come in at them.
//! To the others the ticks are sent through the dataflow.

use std::any::Any;
use std::io;
use std::net::TcpStream;
use timely::CommunicationConfig;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::{AllocatorBuilder, Hooks};

/// The workers of this process, connected with each other and with those elsewhere.
pub struct Links {
    pub(super) builders: Vec<AllocatorBuilder>,
    pub(super) others: Box<dyn Any + Send>,
    /// So many workers, the first, are fed.
    pub(super) fed: usize,
    /// So many workers there are, in all processes.
    pub(super) peers: usize,
}

impl Links {
    /// Workers of one process, all of which are fed.
    ///
    /// # Panics
    /// Never: threads of one process need nothing.
    #[must_use]
    pub fn threads(workers: usize) -> Self {
        Self::of(CommunicationConfig::Process(workers), workers, workers)
    }

    /// Workers of one process that are connected as if each were in one of its own: what
    /// they exchange becomes bytes. For tests of what goes between processes.
    ///
    /// # Panics
    /// Never: threads of one process need nothing.
    #[must_use]
    pub fn bytes(workers: usize, fed: usize) -> Self {
        Self::of(CommunicationConfig::ProcessBinary(workers), workers, fed)
    }

    fn of(config: CommunicationConfig, peers: usize, fed: usize) -> Self {
        let (builders, others) = config.try_build().expect("threads of one process need nothing");
        Self { builders, others, fed, peers }
    }

    /// The workers of one of several processes, each with so many: it has a socket to
    /// each of the others, in their order, and none to itself.
    ///
    /// # Errors
    /// If the system has no room for what sends and receives.
    pub fn sockets(sockets: Vec<Option<TcpStream>>, threads: usize) -> io::Result<Self> {
        let place = sockets.iter().position(Option::is_none).unwrap_or(0);
        let peers = sockets.len() * threads;
        let hooks = Hooks::default();
        let within = ProcessBuilder::new_typed_vector(threads, hooks.refill.clone(), None);
        let (builders, guard) =
            initialize_networking_from_sockets(within, sockets, place, threads, hooks)?;
        let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
        Ok(Self { builders, others: Box::new(guard), fed: threads, peers })
    }

    /// How many workers there are, in all processes.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.peers
    }
}
