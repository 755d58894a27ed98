//! What two processes tell each other first, so that only those work together that
//! compute the same.

use crate::live::changes;
use serde::{Deserialize, Serialize};
use std::io::{self, Error, ErrorKind, Read, Write};
use streamgauge_ingest::binary;
use xxhash_rust::xxh3::Xxh3;

/// How it begins. Whoever changes what follows changes this.
const MAGIC: [u8; 8] = *b"SGJOB\0\0\x01";
/// It is never longer: settings are some kilobytes.
const MOST_BYTES: u32 = 4 << 20;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// The dataflow.
    Data,
    /// Signs of life.
    Pulse,
}

/// What a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) process: usize,
    pub(super) processes: usize,
    pub(super) threads: usize,
    /// The version, and a hash of the program.
    pub(super) build: (String, u64),
    pub(super) settings: String,
}

/// The version of the program, and a hash of it: what goes between processes is read as
/// it was written only by the same program.
pub(super) fn build() -> io::Result<(String, u64)> {
    let mut file = std::fs::File::open(std::env::current_exe()?)?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((env!("CARGO_PKG_VERSION").to_owned(), hash.digest()));
        }
        hash.update(&buffer[..read]);
    }
}

/// Sends what this process is.
pub(super) fn send(to: &mut impl Write, identity: &Identity, purpose: Purpose) -> io::Result<()> {
    let body = binary::encode(&(identity, purpose));
    let length = u32::try_from(body.len()).map_err(Error::other)?;
    let mut message = MAGIC.to_vec();
    message.extend_from_slice(&length.to_le_bytes());
    message.extend_from_slice(&body);
    to.write_all(&message)?;
    to.flush()
}

/// Receives what another process is.
pub(super) fn receive(from: &mut impl Read) -> io::Result<(Identity, Purpose)> {
    let none = |what: &str| Error::new(ErrorKind::InvalidData, what);
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(none("it is no process of a job, or one of another version"));
    }
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MOST_BYTES {
        return Err(none("it says more than a process has to say"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    binary::decode(&body).map_err(|e| none(&e.to_string()))
}

impl Identity {
    /// In what another process is not as this one; none if it is.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.build != other.build {
            let shown = |(version, hash): &(String, u64)| format!("{version} ({hash:016x})");
            let (theirs, own) = (shown(&other.build), shown(&self.build));
            return Some(format!("runs streamgauge {theirs}, this one {own}"));
        }
        if self.processes != other.processes {
            let (theirs, own) = (other.processes, self.processes);
            return Some(format!("was told -n {theirs}, this one -n {own}"));
        }
        if self.threads != other.threads {
            let (theirs, own) = (other.threads, self.threads);
            return Some(format!("has {theirs} workers, this one {own}; say -w with each"));
        }
        if self.settings != other.settings {
            let changes = changes(&other.settings, &self.settings);
            let changes = changes.join(", ").replace(" is now ", ", here ");
            return Some(format!("has other settings ({changes})"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let settings = r#"{"time.lateness":5}"#.to_owned();
        Identity { process: 1, processes: 2, threads: 3, build: ("1".to_owned(), 7), settings }
    }

    #[test]
    fn it_is_received_as_it_was_sent() {
        let mut bytes = Vec::new();
        send(&mut bytes, &identity(), Purpose::Pulse).unwrap();
        assert_eq!(receive(&mut &bytes[..]).unwrap(), (identity(), Purpose::Pulse));
        for end in 0..bytes.len() {
            assert!(receive(&mut &bytes[..end]).is_err(), "{end}");
        }
        assert!(receive(&mut &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..]).is_err());
        let huge = [&MAGIC[..], &u32::MAX.to_le_bytes()].concat();
        assert!(receive(&mut &huge[..]).is_err());
    }

    #[test]
    fn what_differs_is_named() {
        let check = |other: Identity, expected: Option<&str>| {
            let found = identity().difference(&other);
            assert_eq!(found.as_deref(), expected);
        };
        check(identity(), None);
        check(Identity { process: 0, ..identity() }, None);
        check(
            Identity { build: ("2".to_owned(), 7), ..identity() },
            Some("runs streamgauge 2 (0000000000000007), this one 1 (0000000000000007)"),
        );
        check(Identity { processes: 3, ..identity() }, Some("was told -n 3, this one -n 2"));
        check(
            Identity { threads: 1, ..identity() },
            Some("has 1 workers, this one 3; say -w with each"),
        );
        check(
            Identity { settings: r#"{"time.lateness":9}"#.to_owned(), ..identity() },
            Some("has other settings (time.lateness: 9, here 5)"),
        );
    }
}
