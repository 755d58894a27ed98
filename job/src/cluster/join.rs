//! How the processes find each other: each asks those before it, and is asked by those
//! behind it, until all are connected.
//!
//! Whoever is not there yet is waited for; what is no process of a job is left alone, and
//! one of another kind is refused by name on both sides.

use super::hello::{self, Identity, Purpose};
use super::pulse::Pulses;
use super::{ClusterError, Joined, Place, lost};
use crate::run::Links;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How long a connection may take, and what is said first on it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often who is not there is asked again.
const AGAIN: Duration = Duration::from_millis(100);
/// How often is looked who asks.
const LOOK: Duration = Duration::from_millis(10);

/// The connections there are, by process.
struct Sockets {
    data: Vec<Option<TcpStream>>,
    pulse: Vec<Option<TcpStream>>,
}

impl Place {
    /// Waits until all processes are connected; none if it is asked to end meanwhile.
    ///
    /// # Errors
    /// If another process does not belong to this one, or connections are of no use.
    pub fn join(&self, tell: &dyn Fn(&str)) -> Result<Option<(Links, Joined)>, ClusterError> {
        let own = self.identity()?;
        self.listener.set_nonblocking(true)?;
        let none = || self.hosts.iter().map(|_| None).collect();
        let mut sockets = Sockets { data: none(), pulse: none() };
        for process in 0..self.process {
            if process == 0 {
                let Some(pulse) = self.ask(process, &own, Purpose::Pulse, tell)? else {
                    return Ok(None);
                };
                sockets.pulse[0] = Some(pulse);
            }
            let Some(data) = self.ask(process, &own, Purpose::Data, tell)? else {
                return Ok(None);
            };
            sockets.data[process] = Some(data);
        }
        if !self.be_asked(&own, &mut sockets, tell)? {
            return Ok(None);
        }
        lost::remember(&self.hosts);
        let links = Links::sockets(sockets.data, self.threads)?;
        let pulses = (0..).zip(sockets.pulse).filter_map(|(i, s)| Some((i, s?))).collect();
        let pulses = Pulses::begin(pulses, self.process == 0, self.silence, &self.stop)?;
        Ok(Some((links, Joined(pulses))))
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Connects with a process before this one, as soon as it is there.
    fn ask(
        &self,
        process: usize,
        own: &Identity,
        purpose: Purpose,
        tell: &dyn Fn(&str),
    ) -> Result<Option<TcpStream>, ClusterError> {
        let address = &self.hosts[process];
        let mut told = String::new();
        while !self.is_stopped() {
            match introduced(address, own, purpose) {
                Ok((stream, other)) => {
                    self.check(process, own, &other)?;
                    if agreed(&stream).is_ok() {
                        return Ok(Some(stream));
                    }
                }
                Err(error) => {
                    let text = format!("waiting for process {process} ({address}): {error}");
                    if text != told {
                        tell(&text);
                        told = text;
                    }
                    thread::sleep(AGAIN);
                }
            }
        }
        Ok(None)
    }

    /// Is connected by the processes behind this one; false if it is asked to end.
    fn be_asked(
        &self,
        own: &Identity,
        sockets: &mut Sockets,
        tell: &dyn Fn(&str),
    ) -> Result<bool, ClusterError> {
        let mut told = BTreeSet::new();
        loop {
            let is_missing = |process: &usize| {
                sockets.data[*process].is_none()
                    || (self.process == 0 && sockets.pulse[*process].is_none())
            };
            let missing: BTreeSet<_> =
                (self.process + 1..self.hosts.len()).filter(is_missing).collect();
            if missing.is_empty() {
                return Ok(true);
            }
            if self.is_stopped() {
                return Ok(false);
            }
            let asks = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if missing != told {
                        let names: Vec<_> = missing
                            .iter()
                            .map(|i| format!("process {i} ({})", self.hosts[*i]))
                            .collect();
                        tell(&format!("waiting for {}", names.join(", ")));
                        told = missing;
                    }
                    thread::sleep(LOOK);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error.into()),
            };
            match answered(asks, own) {
                Ok((stream, other, purpose)) => {
                    self.check(other.process, own, &other)?;
                    // Who has gone since, or has not waited, comes again.
                    if heard_to_agree(&stream).is_err() {
                        continue;
                    }
                    let of = match purpose {
                        Purpose::Data => &mut sockets.data,
                        Purpose::Pulse => &mut sockets.pulse,
                    };
                    if other.process > self.process {
                        // One that comes again is the same after a restart.
                        of[other.process] = Some(stream);
                    }
                }
                Err(error) => tell(&format!("a connection is not used: {error}")),
            }
        }
    }

    fn check(&self, process: usize, own: &Identity, other: &Identity) -> Result<(), ClusterError> {
        let how = own.difference(other).or_else(|| {
            (other.process != process || process >= self.hosts.len())
                .then(|| format!("says that it is process {}", other.process))
        });
        let address = self.hosts.get(process).cloned().unwrap_or_default();
        how.map_or(Ok(()), |how| Err(ClusterError::Differs { process, address, how }))
    }
}

/// Connects, says what this process is, and hears what the other is.
fn introduced(
    address: &str,
    own: &Identity,
    purpose: Purpose,
) -> io::Result<(TcpStream, Identity)> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(mut stream) => {
                prepare(&stream)?;
                hello::send(&mut stream, own, purpose)?;
                let (other, _) = hello::receive(&mut stream)?;
                return Ok((stream, other));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The same on the other side.
fn answered(mut stream: TcpStream, own: &Identity) -> io::Result<(TcpStream, Identity, Purpose)> {
    stream.set_nonblocking(false)?;
    prepare(&stream)?;
    let (other, purpose) = hello::receive(&mut stream)?;
    hello::send(&mut stream, own, purpose)?;
    Ok((stream, other, purpose))
}

/// Says that it stays, after which it waits as long as it takes.
fn agreed(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(&[1])?;
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)
}

fn heard_to_agree(mut stream: &TcpStream) -> io::Result<()> {
    stream.read_exact(&mut [0])?;
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}
