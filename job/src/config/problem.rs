//! Where a value came from, and what can be wrong with it.
//!
//! All problems of a configuration are gathered and reported together, so that
//! one run shows everything there is to mend. Each names the key, the place,
//! the value and the reason, and the nearest valid thing where there is one.
//!
//! It deliberately decides nothing; see `kind.rs` and `file.rs`.

use std::fmt;

/// Where the value of a key came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nothing set it.
    Default,
    /// The configuration file.
    File {
        /// Its path as it was given.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag {
        /// Its name with the dashes.
        flag: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("the defaults"),
            // A path may hold a line end, which must not break out of a comment.
            Origin::File { path, line } => write!(f, "{} line {line}", path.escape_debug()),
            Origin::Environment { variable } => write!(f, "environment variable {variable}"),
            Origin::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key that the table does not have.
    #[error("unknown key `{key}` in {origin}{}", mean(.nearest.as_deref()))]
    UnknownKey {
        /// The key with its section.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The nearest known key.
        nearest: Option<String>,
    },
    /// A section that the table does not have.
    #[error("unknown section `{section}` in {origin}{}", mean(.nearest.as_deref()))]
    UnknownSection {
        /// The section's name.
        section: String,
        /// Where it stands.
        origin: Origin,
        /// The nearest known section.
        nearest: Option<String>,
    },
    /// A variable of this program that means nothing.
    #[error("unknown environment variable {variable}{}", mean(.nearest.as_deref()))]
    UnknownVariable {
        /// Its name.
        variable: String,
        /// The nearest known variable.
        nearest: Option<String>,
    },
    /// A value that its key does not take.
    #[error("bad value for `{key}` from {origin}: {value}: {reason}{}", valid(.nearest.as_deref()))]
    BadValue {
        /// The key with its section.
        key: String,
        /// Where the value stands.
        origin: Origin,
        /// The value, shortened, or a marker if it is secret.
        value: String,
        /// Why it is refused.
        reason: String,
        /// The nearest valid value.
        nearest: Option<String>,
    },
    /// A key without a default is not there.
    #[error("missing key `{key}` in {origin}")]
    MissingKey {
        /// The key with its section.
        key: String,
        /// The line of the section.
        origin: Origin,
    },
    /// Something of the wrong shape: a section that is a value and the like.
    #[error("{subject} in {origin}: {reason}")]
    BadShape {
        /// What it is about.
        subject: String,
        /// Where it stands.
        origin: Origin,
        /// What is wrong and how to write it.
        reason: String,
    },
    /// The file is not TOML.
    #[error("not valid TOML in {origin}: {reason}")]
    Syntax {
        /// Where it stands.
        origin: Origin,
        /// What the parser found.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {reason}")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Problem {
    /// The place in the report: by file and line, then variables, then flags.
    fn place(&self) -> Origin {
        match self {
            Problem::UnknownKey { origin, .. }
            | Problem::UnknownSection { origin, .. }
            | Problem::BadValue { origin, .. }
            | Problem::MissingKey { origin, .. }
            | Problem::BadShape { origin, .. }
            | Problem::Syntax { origin, .. } => origin.clone(),
            Problem::UnknownVariable { variable, .. } => {
                Origin::Environment { variable: variable.clone() }
            }
            Problem::Unreadable { path, .. } => Origin::File { path: path.clone(), line: 0 },
        }
    }
}

/// Everything that is wrong with the configuration; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not valid:{}", .0.iter().map(|p| format!("\n  - {p}")).collect::<String>())]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Nothing, or all of `problems` in the order of their places.
    pub fn none_of(mut problems: Vec<Problem>) -> Result<(), Problems> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by_key(Problem::place);
        Err(Problems(problems))
    }
}

/// A value for a message: in backquotes, on one line, cut where it is long.
pub(super) fn shown(value: &str) -> String {
    const LONGEST_CHARS: usize = 60;
    let mut text: String = value.chars().take(LONGEST_CHARS).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    format!("`{}`", text.escape_debug())
}

fn mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |n| format!(": did you mean `{n}`?"))
}

fn valid(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |n| format!("; the nearest valid value is `{n}`"))
}
