//! A replay that goes on from a checkpoint: what came before is known exactly, though how it
//! was bound is no longer kept, or it was bound with other settings.

use super::{Begin, LogInputError};
use crate::bindings::last_with_other_settings;
use crate::checkpoint::Storage;
use crate::live::{Shares, StartError, Unusable, oldest};
use crate::user::Carried;
use std::fmt;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::judge::Close;
use streamgauge_ingest::log::EventLog;
use streamgauge_sink::results::ResultLog;

/// What a replay goes on from.
pub struct Resumed {
    /// The epoch of the checkpoint, and its watermark.
    pub(super) close: Close,
    /// What each worker begins with.
    pub(super) shares: Shares,
    /// Ids seen: partition, id, timestamp.
    pub(super) seen: Vec<(u32, u128, i64)>,
    /// The binding of its epoch.
    pub(super) after: Binding,
}

/// What keeps a verification from beginning with the first epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// How the first epochs were bound is no longer kept.
    Bindings,
    /// Epochs before this one were bound with other settings.
    Settings {
        /// The epoch.
        since: u64,
    },
}

impl Gone {
    /// What keeps a verification with settings of this hash from beginning with the first
    /// epoch, if anything does.
    ///
    /// # Errors
    /// If the logs can't be read, or the last epoch was bound with other settings.
    pub fn find(
        log: &dyn EventLog,
        results: &dyn ResultLog,
        settings_hash: u64,
    ) -> Result<Option<Self>, LogInputError> {
        let (last, other) = last_with_other_settings(results, settings_hash)?;
        if let Some(Binding { epoch, settings_hash, .. }) = other {
            if last == Some(epoch) {
                let with = results.settings(settings_hash).ok().flatten();
                return Err(LogInputError::OtherSettings { epoch, with });
            }
            return Ok(Some(Self::Settings { since: epoch + 1 }));
        }
        let begin = Begin::find(log, results, i64::MIN..i64::MAX)?;
        let is_whole = begin.next == 0 && begin.anew.is_none();
        Ok((!is_whole).then_some(Self::Bindings))
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bindings => f.write_str("how the first epochs were bound is no longer kept"),
            Self::Settings { since } => {
                write!(f, "epochs before {since} were bound with other settings than those given")
            }
        }
    }
}

impl Resumed {
    /// The oldest checkpoint that can be used where so much is gone, for so many workers and
    /// made with settings of this hash and with so many rules; else why older ones cannot.
    ///
    /// # Errors
    /// If the logs or the checkpoints can't be read.
    pub fn oldest(
        results: &dyn ResultLog,
        storage: &dyn Storage,
        log: &dyn EventLog,
        gone: Gone,
        workers: usize,
        (settings_hash, rules): (u64, usize),
    ) -> Result<Result<Self, Unusable>, StartError> {
        let since = match gone {
            Gone::Bindings => 0,
            Gone::Settings { since } => since,
        };
        let found = oldest(results, storage, log, workers, (settings_hash, since))?;
        Ok(found.map(|(mut checkpoint, after)| Self {
            close: Close {
                epoch: checkpoint.manifest.epoch,
                watermark_ms: checkpoint.manifest.watermark_ms,
            },
            seen: std::mem::take(&mut checkpoint.seen),
            shares: Shares::of(&Carried::all(rules), Some(&mut checkpoint), workers),
            after,
        }))
    }

    /// The epoch of the checkpoint.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.close.epoch
    }
}
