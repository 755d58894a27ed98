//! How far the feed of an InfluxDB is: kept in the data directory, and not in the
//! InfluxDB, as it is a place in the results of this directory.
//!
//! It belongs to a bucket: another one begins with what there is.

use super::InfluxSettings;
use crate::results::Position;
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension};
use std::path::{Path, PathBuf};
use streamgauge_ingest::sqlite::{self, Schema, Sync};

/// The name of the file in a folder of data.
pub(super) const FILE_NAME: &str = "influxdb.db";

const SCHEMA: Schema = Schema {
    // "sgi1"
    application_id: 0x7367_6931,
    version: 1,
    create: "CREATE TABLE targets (
        target TEXT PRIMARY KEY,
        position TEXT NOT NULL
    ) WITHOUT ROWID",
};

/// How far a feed is, on disk.
pub(super) struct State {
    path: PathBuf,
    connection: Connection,
    target: String,
    /// Behind the last record that is in the bucket; none if nothing was ever fed.
    position: Option<Position>,
}

impl State {
    /// Opens the file of a directory, or begins one.
    pub(super) fn open(directory: &Path, settings: &InfluxSettings) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        let what = "cannot open how far InfluxDB is";
        let failed = |reason| StoreError { what: what.into(), reason };
        let connection =
            sqlite::open(&path, SCHEMA, Sync::Full).map_err(|e| failed(e.to_string()))?;
        let InfluxSettings { url, org, bucket, .. } = settings;
        let target = serde_json::json!([url.as_str(), org, bucket]).to_string();
        let position = connection
            .query_row("SELECT position FROM targets WHERE target = ?1", (&target,), |row| {
                row.get::<_, String>(0)
            })
            .optional()
            .map_err(|e| failed(sqlite::reason(&e)))?;
        let position = position.map(|text| serde_json::from_str(&text)).transpose();
        let position = position.map_err(|e| failed(format!("{}: {e}", path.display())))?;
        Ok(Self { path, connection, target, position })
    }

    pub(super) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Keeps a position: all before it is in the bucket.
    pub(super) fn keep(&mut self, position: &Position) -> Result<(), StoreError> {
        let failed = |reason| StoreError {
            what: format!("cannot keep how far InfluxDB is in {}", self.path.display()),
            reason,
        };
        let text = serde_json::to_string(position).map_err(|e| failed(e.to_string()))?;
        let replace = "INSERT OR REPLACE INTO targets (target, position) VALUES (?1, ?2)";
        self.connection
            .execute(replace, (&self.target, text))
            .map_err(|e| failed(sqlite::reason(&e)))?;
        self.position = Some(position.clone());
        Ok(())
    }
}
