//! The file: its format, its tables, and the row that says how far it is.

use super::{Fault, Totals};
use crate::results::Position;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use streamgauge_ingest::sqlite::{self, Schema, Sync};

/// The file this code writes.
const SCHEMA: Schema = Schema {
    // "sgh1"
    application_id: 0x7367_6831,
    version: 1,
    create: TABLES,
};

/// `recent`: results not folded yet, each with all its points; an empty sample: it has
/// ended. `day_N`, one table per day: chunks. `columns.last_ms`: no chunk of the column
/// begins later.
const TABLES: &str = "
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    position TEXT NOT NULL,
    newest_ms INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    unreadable INTEGER NOT NULL,
    gaps INTEGER NOT NULL
);
CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE columns (
    id INTEGER PRIMARY KEY,
    series BLOB NOT NULL,
    field TEXT NOT NULL,
    owner INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    UNIQUE (series, field)
);
CREATE TABLE days (day INTEGER PRIMARY KEY);
CREATE TABLE recent (
    owner INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    sample BLOB NOT NULL,
    PRIMARY KEY (owner, time_ms)
) WITHOUT ROWID;
";

/// Creates the table of a day.
pub(super) fn create_day(db: &Connection, day: i64) -> Result<(), Fault> {
    db.execute("INSERT INTO days (day) VALUES (?1)", [day])?;
    db.execute_batch(&format!(
        "CREATE TABLE \"day_{day}\" (
            owner INTEGER NOT NULL,
            chunk INTEGER NOT NULL,
            \"column\" INTEGER NOT NULL,
            points BLOB NOT NULL,
            PRIMARY KEY (owner, chunk, \"column\")
        ) WITHOUT ROWID"
    ))?;
    Ok(())
}

/// Opens the file to write, with its tables.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, Fault> {
    let db = sqlite::open(path, SCHEMA, Sync::Normal)?;
    db.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(db)
}

/// Opens a file that is there, to read only.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, Fault> {
    let db = sqlite::open_to_read(path, SCHEMA)?;
    db.set_prepared_statement_cache_capacity(256);
    Ok(db)
}

/// How far the store is.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Behind the last record that is in it.
    pub(super) position: Option<Position>,
    /// The newest time of a point there ever was.
    pub(super) newest_ms: i64,
    pub(super) totals: Totals,
    /// At most so many rows wait to be folded.
    pub(super) recent_rows: u64,
    pub(super) recent_bytes: u64,
    /// The first day that has a table.
    pub(super) oldest_day: Option<i64>,
}

impl State {
    pub(super) fn load(db: &Connection) -> Result<Self, Fault> {
        let sql = "SELECT newest_ms, expired, unreadable, gaps FROM state";
        let row = db.query_row(sql, [], |row| {
            let totals =
                Totals { expired: row.get(1)?, unreadable: row.get(2)?, gaps: row.get(3)? };
            Ok((row.get(0)?, totals))
        });
        let (newest_ms, totals) = row.optional()?.unwrap_or((i64::MIN, Totals::default()));
        let sql = "SELECT count(*), coalesce(sum(length(sample)), 0) FROM recent";
        let (recent_rows, recent_bytes) =
            db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (position, oldest_day) = (load_position(db)?, oldest_day(db)?);
        Ok(Self { position, newest_ms, totals, recent_rows, recent_bytes, oldest_day })
    }

    pub(super) fn save(&self, db: &Connection) -> Result<(), Fault> {
        let position = serde_json::to_string(&self.position)
            .map_err(|_| Fault::Damaged("a position that cannot be written"))?;
        let mut replace = db.prepare_cached(
            "INSERT OR REPLACE INTO state (id, position, newest_ms, expired, unreadable, gaps)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        )?;
        let Totals { expired, unreadable, gaps } = self.totals;
        replace.execute((position, self.newest_ms, expired, unreadable, gaps))?;
        Ok(())
    }
}

/// Behind the last record that is in the file.
pub(super) fn load_position(db: &Connection) -> Result<Option<Position>, Fault> {
    let mut select = db.prepare_cached("SELECT position FROM state")?;
    let text = select.query_row([], |row| row.get::<_, String>(0)).optional()?;
    let position = text.map(|text| serde_json::from_str(&text)).transpose();
    Ok(position.map_err(|_| Fault::Damaged("its position is unreadable"))?.flatten())
}

/// The first day that has a table.
pub(super) fn oldest_day(db: &Connection) -> Result<Option<i64>, Fault> {
    Ok(db.query_row("SELECT min(day) FROM days", [], |row| row.get(0))?)
}
