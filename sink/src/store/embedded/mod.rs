//! The past in one file, without a server.
//!
//! A row per point would cost many times what its bytes are worth, so points stand in
//! chunks: one row holds an hour of one field of one series. A chunk that is
//! still growing is not rewritten with every point: results first go to the table
//! `recent` as they are, one row each, and are *folded* into chunks when there are
//! enough of them. Chunks are kept in a table per day, so that retention drops tables.
//!
//! Invariants: a batch of records and the position behind it are kept in one
//! transaction, so the position tells exactly what is in the store, after a crash
//! too. What stands in `recent` replaces whatever chunks have of that result at that
//! time; folding changes no answer. All points of a result are in its *owner*'s rows:
//! nothing else has to be looked at to replace or delete it.
//!
//! A commit does not wait for the disk. If the machine loses the last ones, their
//! position is lost with them, and they are fed again.
//!
//! It deliberately keeps no log of what it was fed, and never shrinks its file: freed
//! pages are used again.

mod batch;
mod bytes;
mod chunk;
mod fold;
mod history;
mod moment;
mod names;
mod retention;
mod schema;

#[cfg(test)]
mod tests;

pub use history::EmbeddedHistory;
pub use retention::Retention;

use super::StoreError;
use crate::results::{Position, Record};
use batch::Batch;
use fold::Limits;
use names::Names;
use rusqlite::{Connection, TransactionBehavior};
use schema::State;
use std::path::{Path, PathBuf};
use streamgauge_ingest::sqlite::{self, OpenError};
use thiserror::Error;

/// The name of the file in a folder of data.
pub const FILE_NAME: &str = "store.db";

/// What went wrong within the store.
#[derive(Debug, Error)]
enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("another process feeds it: only one may")]
    Overtaken,
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

/// What became of a batch of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Results that were written or replaced.
    pub results: u64,
    /// Their points.
    pub points: u64,
    /// Results that have ended.
    pub ended: u64,
    /// Results that are older than the retention: not kept.
    pub expired: u64,
    /// Records that could not be understood: not kept.
    pub unreadable: u64,
    /// The first of them: its key, and why.
    pub first_unreadable: Option<String>,
}

/// Counts over the life of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Results that were older than the retention when they came.
    pub expired: u64,
    /// Records that could not be understood.
    pub unreadable: u64,
    /// Times that the log had cut what was to be read next.
    pub gaps: u64,
}

/// The writer of an embedded store. There is one; any number may read.
pub struct EmbeddedStore {
    path: PathBuf,
    connection: Connection,
    retention: Retention,
    names: Names,
    state: State,
    limits: Limits,
}

impl EmbeddedStore {
    /// Opens the store in this file, or begins one.
    ///
    /// # Errors
    /// If the file cannot be opened, is something else, or was written by a newer
    /// version.
    pub fn open(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        let opened = schema::open_to_write(path)
            .and_then(|connection| Ok((State::load(&connection)?, connection)));
        let (state, connection) = opened.map_err(|e| failed("open the history", path, e))?;
        Ok(Self {
            path: path.to_owned(),
            connection,
            retention,
            names: Names::default(),
            state,
            limits: Limits::default(),
        })
    }

    /// Up to where its feed is in it: all records before this position and none
    /// behind it. None if nothing was ever fed.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.state.position.as_ref()
    }

    /// Counts over its life.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.state.totals
    }

    /// Another handle to ask it, while this one writes.
    ///
    /// # Errors
    /// If the file cannot be opened once more.
    pub fn history(&self) -> Result<EmbeddedHistory, StoreError> {
        EmbeddedHistory::open(&self.path)
    }

    /// Keeps what these records of final and corrected results say, in their order,
    /// and the position behind them; all of it or nothing.
    ///
    /// # Errors
    /// If it cannot be kept. The store is as before, and can be used again.
    pub fn apply(
        &mut self,
        records: &[Record],
        position: &Position,
    ) -> Result<Applied, StoreError> {
        self.keep(records, position, 0)
    }

    /// As [`apply`](Self::apply), where the log has cut what came behind these
    /// records: what is kept of it begins at `kept_from`.
    ///
    /// # Errors
    /// As there.
    pub fn apply_before_gap(
        &mut self,
        records: &[Record],
        kept_from: &Position,
    ) -> Result<Applied, StoreError> {
        self.keep(records, kept_from, 1)
    }

    fn keep(
        &mut self,
        records: &[Record],
        position: &Position,
        gaps: u64,
    ) -> Result<Applied, StoreError> {
        self.try_keep(records, position, gaps).map_err(|fault| {
            // What was remembered of the names may not be in the file.
            self.names.forget();
            failed("keep results in the history", &self.path, fault)
        })
    }

    fn try_keep(
        &mut self,
        records: &[Record],
        position: &Position,
        gaps: u64,
    ) -> Result<Applied, Fault> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if schema::load_position(&tx)? != self.state.position {
            return Err(Fault::Overtaken);
        }
        let mut batch = Batch::new(&tx, &mut self.names, self.state.clone(), &self.retention);
        for record in records {
            batch.take(record)?;
        }
        let (mut state, applied) = batch.end();
        state.position = Some(position.clone());
        state.totals.expired += applied.expired;
        state.totals.unreadable += applied.unreadable;
        state.totals.gaps += gaps;
        let first_day = self.retention.first_day(state.newest_ms);
        let expires = state.oldest_day.is_some_and(|day| day < first_day);
        if expires || self.limits.are_reached(&state) {
            fold::fold(&tx, &mut state, first_day)?;
        }
        if expires {
            retention::drop_before(&tx, &mut state, first_day)?;
            self.names.forget();
        }
        state.save(&tx)?;
        tx.commit()?;
        self.state = state;
        Ok(applied)
    }
}

fn failed(what: &str, path: &Path, fault: Fault) -> StoreError {
    StoreError { what: format!("cannot {what} {}", path.display()), reason: sqlite::reason(&fault) }
}
