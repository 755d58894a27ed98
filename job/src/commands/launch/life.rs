//! One life of the processes: from when they are started until all have ended.

use super::{LOOK, tell};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use streamgauge::cli::{FAILED, POINTLESS, WRONG_USAGE};

/// How long the others have to end by themselves when one has ended.
const GRACE: Duration = Duration::from_secs(3);

/// What is started.
pub(super) struct Start {
    pub(super) processes: usize,
    /// Worker threads of each.
    pub(super) workers: usize,
    /// What each is told besides its place.
    pub(super) flags: Vec<OsString>,
}

/// How a life ended.
pub(super) enum Outcome {
    /// They have done what they were asked for.
    Done,
    /// Another start would come to the same end; the exit code.
    Refused(i32),
    /// One of them ended that should not; which, and how.
    Crashed(String),
}

/// A process, and what passes on what it says.
struct Process {
    child: Child,
    says: Option<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

/// The processes of a job.
pub(super) struct Life(Vec<Process>);

impl Life {
    pub(super) fn start(start: &Start) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let listen = |_| TcpListener::bind(("127.0.0.1", 0));
        let listeners = (0..start.processes).map(listen).collect::<Result<Vec<_>, _>>();
        let listeners = listeners.context("cannot listen on a port of this machine")?;
        let hosts: Vec<String> = listeners
            .iter()
            .map(|listener| Ok(listener.local_addr()?.to_string()))
            .collect::<Result<_>>()?;
        let mut life = Self(Vec::new());
        for (process, listener) in listeners.into_iter().enumerate() {
            let mut command = Command::new(&program);
            command.arg("job").args(&start.flags);
            command.args(["--launched".to_owned(), hosts.join(",")]);
            for (flag, n) in [("-n", start.processes), ("-p", process)] {
                command.args([flag, &n.to_string()]);
            }
            command.args(["-w", &start.workers.to_string()]);
            // Handed over open, so that nobody can take the port in between.
            command.stdin(OwnedFd::from(listener)).stdout(Stdio::null()).stderr(Stdio::piped());
            // Ctrl-C is for the one that passes it on.
            command.process_group(0);
            let child = command.spawn();
            let mut child = child.with_context(|| format!("cannot start process {process}"))?;
            let says = child.stderr.take().map(|says| pass_on(process, says)).transpose()?;
            life.0.push(Process { child, says, status: None });
        }
        Ok(life)
    }

    /// Waits until all have ended; asks them to when `stop` is set.
    pub(super) fn watch(&mut self, stop: &AtomicBool) -> Outcome {
        let (mut is_asked, mut first, mut since) = (false, None, None);
        loop {
            if !is_asked && stop.load(Ordering::SeqCst) {
                is_asked = true;
                self.ask_to_end();
            }
            for process in 0..self.0.len() {
                if let Some(status) = self.0[process].ended() {
                    // Those that are left go on as long as the first drains.
                    if process == 0 || !status.success() {
                        since.get_or_insert_with(Instant::now);
                    }
                    // One that a signal has ended is why the others have.
                    let is_by_signal = |status: ExitStatus| status.signal().is_some();
                    let is_cause = first.is_none_or(|(_, of_first)| {
                        is_by_signal(status) && !is_by_signal(of_first)
                    });
                    if !status.success() && is_cause {
                        first = Some((process, status));
                    }
                }
            }
            if self.0.iter().all(|p| p.status.is_some()) {
                break;
            }
            if since.is_some_and(|since| since.elapsed() > GRACE) {
                self.end();
                break;
            }
            thread::sleep(LOOK);
        }
        self.said();
        self.outcome(first)
    }

    fn outcome(&self, first: Option<(usize, ExitStatus)>) -> Outcome {
        let codes = || self.0.iter().filter_map(|p| p.status?.code());
        let is_refusal = |code: &i32| [POINTLESS, WRONG_USAGE].map(i32::from).contains(code);
        let is_done = self.0[0].status.is_some_and(|status| status.success());
        match (codes().find(is_refusal), first) {
            (Some(code), _) => Outcome::Refused(code),
            (None, Some((process, status))) if !is_done => {
                Outcome::Crashed(format!("process {process} {}", how(status)))
            }
            _ => Outcome::Done,
        }
    }

    /// Asks the first process to end, which ends them all.
    fn ask_to_end(&mut self) {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;
        let Some(first) = self.0.first().filter(|first| first.status.is_none()) else { return };
        // One that has just ended is seen to have ended.
        if let Ok(id) = i32::try_from(first.child.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }

    /// Ends and reaps all that are left.
    fn end(&mut self) {
        for process in &mut self.0 {
            if process.status.is_none() {
                let _ = process.child.kill();
                process.status = process.child.wait().ok();
            }
        }
    }

    /// Waits until all that they said is passed on.
    fn said(&mut self) {
        for says in self.0.iter_mut().filter_map(|p| p.says.take()) {
            let _ = says.join();
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

impl Process {
    /// How it ended, if that is new.
    fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_some() {
            return None;
        }
        // One that cannot be asked is not there any more.
        let ended = self.child.try_wait();
        self.status = ended.unwrap_or_else(|_| Some(ExitStatus::from_raw(i32::from(FAILED) << 8)));
        self.status
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("has ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "has ended".to_owned(),
    }
}

/// Passes on what a process says, line by line.
fn pass_on(process: usize, says: ChildStderr) -> Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(format!("stderr of {process}"));
    let pass = move || {
        for line in BufReader::new(says).split(b'\n').map_while(Result::ok) {
            tell(&format!("[{process}] {}", String::from_utf8_lossy(&line)));
        }
    };
    Ok(thread.spawn(pass)?)
}
