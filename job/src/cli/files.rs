//! Files as arguments: where output goes, and which words are not file names.
//!
//! Invariant: a word with a meaning elsewhere (`-`, `none`, `log`) never names
//! a file by accident; `./none` does.
//!
//! It deliberately opens nothing.

use crate::replay::partial;
use std::path::{Path, PathBuf};

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Into this file, anew.
    File(PathBuf),
    /// To the standard output.
    Stdout,
    /// Nowhere: it is only counted.
    Nowhere,
    /// Into a log: of the data directory, or of results.
    Log,
}

/// Stands for the log of the data directory among inputs: a file of that name is
/// `./log`.
pub(super) const LOG: &str = "log";

/// Reads `FILE|-|log|none`.
pub(super) fn parse_results_destination(text: &str) -> Result<Destination, String> {
    match text {
        "-" => Ok(Destination::Stdout),
        "none" => Ok(Destination::Nowhere),
        LOG => Ok(Destination::Log),
        _ => parse_file(text).map(Destination::File),
    }
}

/// Reads `FILE|-|log`.
pub(super) fn parse_events_destination(text: &str) -> Result<Destination, String> {
    match text {
        "-" => Ok(Destination::Stdout),
        LOG => Ok(Destination::Log),
        "none" => {
            Err("the target is a file, `-` for stdout, or `log`; a file of that name is `./none`"
                .into())
        }
        _ => parse_file(text).map(Destination::File),
    }
}

/// Reads the name of a file to be written.
pub(super) fn parse_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("expected the name of a file".into()),
        "-" | "none" | "log" => {
            Err(format!("`{text}` cannot be used here; a file of that name is `./{text}`"))
        }
        name => Ok(PathBuf::from(name)),
    }
}

/// Reads the name of a file of events.
pub(super) fn parse_input(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("events are read from files; for stdin write `/dev/stdin`".into()),
        "none" | LOG => Ok(PathBuf::from(text)),
        _ => parse_file(text),
    }
}

/// Whether two names are one regular file, existing or not. Devices such as
/// /dev/null may be shared.
fn same_file(a: &Path, b: &Path) -> bool {
    let is_special = |path: &Path| path.metadata().is_ok_and(|meta| !meta.is_file());
    if is_special(a) || is_special(b) {
        return false;
    }
    resolved(a) == resolved(b) || is_one_inode(a, b)
}

/// Whether two names lead to one file that is there: hard links have nothing else
/// in common.
#[cfg(unix)]
fn is_one_inode(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |path: &Path| path.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
    inode(a).is_some_and(|a| Some(a) == inode(b))
}

#[cfg(not(unix))]
fn is_one_inode(_: &Path, _: &Path) -> bool {
    false
}

/// Whether `path` is the output, or the name under which it is written at first.
pub(super) fn is_taken_by(path: &Path, output: &Path) -> bool {
    same_file(path, output) || same_file(path, &partial(&resolved(output)))
}

/// The file's path without links; for a file that is not there yet, its name in
/// the folder without links.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_file_names() {
        let check = |text: &str, expected: Option<Destination>| {
            assert_eq!(parse_results_destination(text).ok(), expected, "{text}");
        };
        check("-", Some(Destination::Stdout));
        check("none", Some(Destination::Nowhere));
        check("log", Some(Destination::Log));
        check("", None);
        check("./log", Some(Destination::File("./log".into())));
        check("a b.jsonl", Some(Destination::File("a b.jsonl".into())));
    }

    #[test]
    fn two_names_of_one_file_are_found_out() {
        let check = |a: &str, b: &str, expected: bool| {
            assert_eq!(same_file(Path::new(a), Path::new(b)), expected, "{a} {b}");
        };
        check("new.jsonl", "./new.jsonl", true);
        check("new.jsonl", "src/../new.jsonl", true);
        check("new.jsonl", "other.jsonl", false);
        check("Cargo.toml", "src/../Cargo.toml", true);
        check("/dev/null", "/dev/null", false);
        check("nowhere/a", "nowhere/a", true);
    }

    #[test]
    fn the_name_at_first_is_taken_too() {
        let check = |path: &str, output: &str, expected: bool| {
            assert_eq!(is_taken_by(Path::new(path), Path::new(output)), expected, "{path}");
        };
        check("r", "./r", true);
        check("./r.partial", "r", true);
        check("r", "r.partial", false);
        check("r.partial.partial", "r", false);
    }

    #[cfg(unix)]
    #[test]
    fn hard_links_are_one_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, b"").expect("a file");
        assert!(!same_file(&a, &b));
        std::fs::hard_link(&a, &b).expect("a link");
        assert!(same_file(&a, &b));
    }
}
