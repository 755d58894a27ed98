//! The command line, run as users run it: the built binary in a folder of its
//! own, judged by its exit code, its files and what it says.
//!
//! Every run here is held to the same: it ends, it is not ended by a signal, and
//! nothing panics. Inputs are made by the tests.

mod cluster;
mod config;
mod config_refusals;
mod data;
mod days;
mod digest;
mod doctor;
mod documented;
mod durable;
mod explain;
mod failures;
mod funnels;
mod hostile;
mod influx;
mod inputs;
mod late_event;
mod lists;
mod log;
mod reasons;
mod replay;
mod rules;
mod run;
mod same_bytes;
#[cfg(feature = "kafka-tls")]
mod secrets;
mod shells;
mod signals;
mod simulate;
mod stdout;
mod summary;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// What takes longer hangs. Not a measure of speed: the slowest run here takes
/// some seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// A folder to run the binary in.
struct Folder(TempDir);

/// What a run left behind.
#[derive(Debug)]
struct Ran {
    /// The exit code; none if a signal ended it.
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect(name);
    }

    fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect(name)
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.get(name)).expect(name)
    }

    /// The binary with the arguments of a line, an empty environment and pipes.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    fn run(&self, line: &str) -> Ran {
        ended(self.command(line).spawn().expect(line), line)
    }

    /// Runs what has to succeed.
    fn done(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.stderr);
        ran
    }

    /// Runs what has to be refused with this code; stderr must have every part.
    fn refused(&self, line: &str, code: i32, parts: &[&str]) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(code), "{line}: {}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{line}: `{part}` is not in {}", ran.stderr);
        }
        ran
    }
}

/// What a process leaves behind once it has ended.
///
/// # Panics
/// If it does not end, or panics.
fn ended(child: Child, line: &str) -> Ran {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(LIMIT) else {
        signal(id, "KILL");
        panic!("`{line}` hangs");
    };
    let Output { status, stdout, stderr } = output.expect(line);
    let stderr = String::from_utf8(stderr).expect("stderr is text");
    assert!(!stderr.contains("panicked"), "{line}: {stderr}");
    Ran { code: status.code(), stdout, stderr }
}

/// Sends a signal to a process that has not been waited for.
fn signal(id: u32, name: &str) {
    let line = format!("kill -{name} {id}");
    Command::new("sh").args(["-c", &line]).status().expect("a shell");
}

/// The lines of a text without their ends.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    assert_eq!(lines.pop(), Some(&[][..]), "the last line has its end");
    lines
}

/// The JSON objects of a file of lines.
fn objects(text: &[u8]) -> Vec<serde_json::Value> {
    let parse = |line: &&[u8]| serde_json::from_slice(line).expect("a line is JSON");
    lines(text).iter().map(parse).collect()
}
