//! Opening the files of embedded logs and stores: SQLite databases with a version.
//!
//! All of them are in WAL mode, so readers and the writer don't wait for each other,
//! in this process or another. A file that a newer version of the program has
//! written is refused.

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::Duration;
use thiserror::Error;

/// How long one process waits while another writes.
const BUSY: Duration = Duration::from_secs(30);
/// How often the first opening of a file is tried while another opens it.
const WAL_TRIES: u32 = 500;
const WAL_PAUSE: Duration = Duration::from_millis(10);

/// What is promised of a commit that has returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// It survives a power loss.
    #[default]
    Full,
    /// It survives the end of the process, however it ends; a power loss can take
    /// the last commits, and never a part of one.
    Normal,
}

/// What a file must look like.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Its version; it counts up from 1.
    pub version: i32,
    /// What creates it where there is none.
    pub create: &'static str,
}

/// Why a file could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It is of a newer version of the program.
    #[error(
        "{path} has format {found}, this version of streamgauge knows formats up to {known}: use the newer version, or another data directory"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: i32,
        /// The newest that is known.
        known: i32,
    },
    /// It is no such file, or cannot be read or made.
    #[error("cannot open {path}")]
    Sqlite {
        /// The file.
        path: String,
        /// What came of it.
        source: rusqlite::Error,
    },
}

/// Opens a file, and makes it where there is none.
///
/// # Errors
/// If it cannot be opened, or is of a newer version.
pub fn open(path: &Path, schema: Schema, sync: Sync) -> Result<Connection, OpenError> {
    let shown = path.display().to_string();
    let failed = |source| OpenError::Sqlite { path: shown.clone(), source };
    let mut connection = Connection::open(path).map_err(failed)?;
    prepare(&connection, sync).map_err(failed)?;
    let found = create(&mut connection, schema).map_err(failed)?;
    if found > schema.version {
        return Err(OpenError::Newer { path: shown, found, known: schema.version });
    }
    Ok(connection)
}

/// Opens a file that is there, for reading alone.
///
/// # Errors
/// If it cannot be opened.
pub fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { path: path.display().to_string(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    prepare(&connection, Sync::Normal).map_err(failed)?;
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(connection)
}

fn prepare(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    use_wal(connection)?;
    let synchronous = match sync {
        Sync::Full => "full",
        Sync::Normal => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The first to open a file makes it one with a WAL. Whoever comes at the same moment
/// is told at once that it is busy, and not after [`BUSY`].
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let set = connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()));
        match set {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == ErrorCode::DatabaseBusy && tries < WAL_TRIES => {}
            other => return other,
        }
        tries += 1;
        std::thread::sleep(WAL_PAUSE);
    }
}

/// Makes the tables where there are none; returns the format.
fn create(connection: &mut Connection, schema: Schema) -> rusqlite::Result<i32> {
    let version = |c: &Connection| c.pragma_query_value(None, "user_version", |row| row.get(0));
    let found: i32 = version(connection)?;
    if found != 0 {
        return Ok(found);
    }
    // Two processes may begin at once: the second finds what the first has made.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i32 = version(&transaction)?;
    if found != 0 {
        return Ok(found);
    }
    transaction.execute_batch(schema.create)?;
    transaction.pragma_update(None, "user_version", schema.version)?;
    transaction.commit()?;
    Ok(schema.version)
}
