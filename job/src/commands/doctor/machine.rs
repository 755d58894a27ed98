//! The program, and the machine that it is on.

use super::{Findings, Level, Patient};
use std::path::{Path, PathBuf};

/// Fewer files than this do not suffice for a gateway with many clients.
const FEW_FILES: u64 = 4_096;
/// Less room than this on the disk of the data directory is little, bytes.
const LITTLE_ROOM: u64 = 2 << 30;
/// Less than this is as good as none, bytes.
const NO_ROOM: u64 = 200 << 20;

pub(super) fn look(patient: &Patient<'_>, findings: &mut Findings) {
    let tls = if cfg!(feature = "kafka-tls") { "with" } else { "without" };
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    findings.ok(
        "program",
        format!(
            "streamgauge {}, librdkafka {librdkafka}, {tls} TLS for Kafka, {} cores",
            env!("CARGO_PKG_VERSION"),
            crate::commands::cores()
        ),
    );
    files(findings);
    disk(&patient.directory, findings);
}

#[cfg(unix)]
fn files(findings: &mut Findings) {
    use nix::sys::resource::{Resource, getrlimit};
    // The soft limit was raised to the hard one when the process began.
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft < FEW_FILES => findings.add(
            Level::Warning,
            "file limit",
            format!("{soft} open files at most; each client of the gateway takes one"),
            "raise the hard limit: LimitNOFILE=65536 in a systemd unit, or `ulimit -Hn 65536`",
        ),
        Ok((soft, _)) => findings.ok("file limit", format!("{soft} open files")),
        Err(error) => {
            let advice = "see that each process may have 4096 open files or more: `ulimit -Hn`";
            findings.add(Level::Note, "file limit", error.to_string(), advice);
        }
    }
}

#[cfg(not(unix))]
fn files(_: &mut Findings) {}

/// The directory, or the nearest folder above it that is there.
fn nearest(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|path| path.is_dir());
    there.filter(|path| *path != Path::new("")).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(unix)]
fn disk(directory: &Path, findings: &mut Findings) {
    let shown = directory.display();
    let near = nearest(directory);
    let Ok(stat) = nix::sys::statvfs::statvfs(&near) else {
        findings.add(
            Level::Warning,
            "disk",
            format!("the room on the disk of {shown} cannot be asked for"),
            "see that it is there and this user may read it",
        );
        return;
    };
    let room = stat.blocks_available() * stat.fragment_size();
    let text = format!("{} MB are free for {shown}", room >> 20);
    let advice = "make room, or move it: checkpoints and an embedded log need some; `log.max_bytes` and `store.retention` bound them";
    match room {
        room if room < NO_ROOM => findings.add(Level::Problem, "disk", text, advice),
        room if room < LITTLE_ROOM => findings.add(Level::Warning, "disk", text, advice),
        _ => findings.ok("disk", text),
    }
    let is_writable = nix::unistd::access(&near, nix::unistd::AccessFlags::W_OK).is_ok();
    if !is_writable {
        findings.add(
            Level::Problem,
            "data directory",
            format!("{} cannot be written to", near.display()),
            "give this user the right to, or name another with --data-dir",
        );
    }
}

#[cfg(not(unix))]
fn disk(directory: &Path, findings: &mut Findings) {
    findings.add(
        Level::Note,
        "disk",
        format!("not asked for at {}", nearest(directory).display()),
        "see yourself that there are some GB",
    );
}
