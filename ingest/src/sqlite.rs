//! Opening the files of embedded logs and stores: SQLite databases with a version.
//!
//! All of them are in WAL mode, so readers and the writer don't wait for each other,
//! in this process or another. A file that a newer version of the program has
//! written is refused.

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::error::Error;
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
    /// Tells files of this kind from others.
    pub application_id: i32,
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
        "{path} was written by a newer version (format {found}, this one knows up to {known}): use that version, or move the file away to begin anew"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: i32,
        /// The newest that is known.
        known: i32,
    },
    /// It is a database of something else.
    #[error("{path} is not what it should be but some other SQLite file")]
    Foreign {
        /// The file.
        path: String,
    },
    /// It is no such file, or cannot be read or made.
    #[error("cannot open {path}: {reason}")]
    Sqlite {
        /// The file.
        path: String,
        /// What came of it, and what to do.
        reason: String,
    },
}

/// What an error says, and what to do about it if its cause is one of SQLite's that a
/// user can mend.
#[must_use]
pub fn reason(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e: &&(dyn Error + 'static)| (*e).source());
    let code = causes.filter_map(|e| e.downcast_ref::<rusqlite::Error>()?.sqlite_error_code());
    match code.last() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => format!(
            "{error}: it is damaged; restore it from a copy, or move it (with its -wal and -shm) \
             away to begin with an empty one"
        ),
        Some(ErrorCode::DiskFull) => {
            format!("{error}: make room, and start again; what was kept is safe")
        }
        _ => error.to_string(),
    }
}

/// A path, for what is said of it.
struct Named<'a>(&'a Path);

impl Named<'_> {
    fn failed(&self, error: rusqlite::Error) -> OpenError {
        OpenError::Sqlite { path: self.0.display().to_string(), reason: reason(&error) }
    }

    /// As [`Self::check`], in a transaction of its own.
    fn found(&self, connection: &mut Connection, schema: Schema) -> Result<i32, OpenError> {
        let transaction = connection.transaction().map_err(|e| self.failed(e))?;
        self.check(&transaction, schema)
    }

    /// The format of a file; 0 if there is nothing in it. Nothing is changed. Within one
    /// transaction, so that a file which another process is making is seen without its
    /// tables or with all of its marks.
    fn check(&self, transaction: &Transaction<'_>, schema: Schema) -> Result<i32, OpenError> {
        let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let id = pragma("application_id").map_err(|e| self.failed(e))?;
        let found = pragma("user_version").map_err(|e| self.failed(e))?;
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 =
            transaction.query_row(tables, (), |row| row.get(0)).map_err(|e| self.failed(e))?;
        let path = || self.0.display().to_string();
        match (id == schema.application_id, found > schema.version) {
            (true, true) => Err(OpenError::Newer { path: path(), found, known: schema.version }),
            (true, false) => Ok(found),
            (false, _) if id == 0 && tables == 0 => Ok(0),
            (false, _) => Err(OpenError::Foreign { path: path() }),
        }
    }
}

/// Opens a file, and makes it where there is none. What is refused is left as it is.
///
/// # Errors
/// If it cannot be opened, is of something else, or of a newer version.
pub fn open(path: &Path, schema: Schema, sync: Sync) -> Result<Connection, OpenError> {
    let named = Named(path);
    let mut connection = Connection::open(path).map_err(|e| named.failed(e))?;
    connection.busy_timeout(BUSY).map_err(|e| named.failed(e))?;
    let found = named.found(&mut connection, schema)?;
    prepare(&connection, sync).map_err(|e| named.failed(e))?;
    if found == 0 {
        // Two processes may begin at once: the second finds what the first has made.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| named.failed(e))?;
        if named.check(&transaction, schema)? == 0 {
            create(&transaction, schema).map_err(|e| named.failed(e))?;
        }
        transaction.commit().map_err(|e| named.failed(e))?;
    }
    Ok(connection)
}

/// Opens a file that is there, for reading alone.
///
/// # Errors
/// If it cannot be opened, is of something else, or of a newer version.
pub fn open_to_read(path: &Path, schema: Schema) -> Result<Connection, OpenError> {
    let named = Named(path);
    // Not the flag for reading only: the first reader of a WAL may have to recover it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| named.failed(e))?;
    connection.busy_timeout(BUSY).map_err(|e| named.failed(e))?;
    if named.found(&mut connection, schema)? == 0 {
        return Err(OpenError::Foreign { path: path.display().to_string() });
    }
    prepare(&connection, Sync::Normal).map_err(|e| named.failed(e))?;
    connection.pragma_update(None, "query_only", true).map_err(|e| named.failed(e))?;
    Ok(connection)
}

fn create(connection: &Connection, schema: Schema) -> rusqlite::Result<()> {
    connection.execute_batch(schema.create)?;
    connection.pragma_update(None, "application_id", schema.application_id)?;
    connection.pragma_update(None, "user_version", schema.version)
}

fn prepare(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
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
