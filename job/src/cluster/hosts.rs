//! The host file: where each process listens, one line each.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// The port of the first process where no host file is given.
const FIRST_PORT: usize = 2101;

/// What is wrong with where processes are said to be.
#[derive(Debug, Error)]
pub enum HostsError {
    /// There is no such process.
    #[error("-p {process} is none of {processes} processes: they are 0 to {last}", last = .processes - 1)]
    NoSuchProcess {
        /// Which was named.
        process: usize,
        /// How many there are.
        processes: usize,
    },
    /// The file cannot be read.
    #[error("-h {}: cannot read the host file: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It has too few lines.
    #[error("-h {}: it has {lines} hosts, and -n says {processes}: give it a line `host:port` for each process, or say -n {lines}", path.display())]
    TooFew {
        /// The file.
        path: PathBuf,
        /// So many hosts it has.
        lines: usize,
        /// So many are needed.
        processes: usize,
    },
    /// A line is no host and port.
    #[error("-h {}: host {line} is `{text}`, and should be `host:port`, such as `localhost:2101`", path.display())]
    NoPort {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: usize,
        /// What it says.
        text: String,
    },
    /// Two processes listen at one place.
    #[error("processes {first} and {second} are both at {address}: each needs a port of its own")]
    Twice {
        /// The one.
        first: usize,
        /// The other.
        second: usize,
        /// Where.
        address: String,
    },
}

/// Where so many processes listen, one of which is `process`. Without a file they are on
/// this machine, on ports from 2101 on.
///
/// # Errors
/// If that cannot be.
pub fn hosts(
    file: Option<&Path>,
    process: usize,
    processes: usize,
) -> Result<Vec<String>, HostsError> {
    if process >= processes {
        return Err(HostsError::NoSuchProcess { process, processes });
    }
    let Some(path) = file else {
        return Ok((0..processes).map(|i| format!("localhost:{}", FIRST_PORT + i)).collect());
    };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| HostsError::Unreadable { path: path.into(), source })?;
    parse(path, &text, processes)
}

fn parse(path: &Path, text: &str, processes: usize) -> Result<Vec<String>, HostsError> {
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let hosts: Vec<String> = lines.take(processes).map(str::to_owned).collect();
    for (i, host) in hosts.iter().enumerate() {
        let port = host.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
            let (line, text) = (i + 1, host.clone());
            return Err(HostsError::NoPort { path: path.into(), line, text });
        }
        if let Some(first) = hosts[..i].iter().position(|other| other == host) {
            return Err(HostsError::Twice { first, second: i, address: host.clone() });
        }
    }
    if hosts.len() < processes {
        let lines = hosts.len();
        return Err(HostsError::TooFew { path: path.into(), lines, processes });
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_file_is_read_or_refused() {
        let check = |text: &str, processes: usize, expected: Result<&[&str], &str>| {
            let found = parse(Path::new("hosts"), text, processes);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(part)) => assert!(found.to_string().contains(part), "{found}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        };
        check("a:1\nb:2\n", 2, Ok(&["a:1", "b:2"]));
        check("# two of them\n a:1 \n\n[::1]:2\nc:3", 2, Ok(&["a:1", "[::1]:2"]));
        check("a:1\n", 2, Err("it has 1 hosts, and -n says 2"));
        check("", 1, Err("it has 0 hosts"));
        check(
            "a:1\nb\n",
            2,
            Err("host 2 is `b`, and should be `host:port`, such as `localhost:2101`"),
        );
        check("a:0\n", 1, Err("host 1 is `a:0`"));
        check("a:99999\n", 1, Err("host 1"));
        check("a:1\na:1\n", 2, Err("processes 0 and 1 are both at a:1"));
    }

    #[test]
    fn a_process_is_one_of_them() {
        let refused = hosts(None, 2, 2).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(refused, Err("-p 2 is none of 2 processes: they are 0 to 1".to_owned()));
        let usual = hosts(None, 1, 2).unwrap();
        assert_eq!(usual, ["localhost:2101", "localhost:2102"]);
    }
}
