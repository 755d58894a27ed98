//! Where checkpoints are kept: files that are there as a whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps files.
pub trait Storage: Send + Sync {
    /// Keeps a new file. It is durable when this returns; if it fails, no file of the
    /// name is there.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// A part of a file.
    ///
    /// # Errors
    /// If there is no such file, or it is too short.
    fn read_part(&self, name: &str, at: u64, length: u64) -> io::Result<Vec<u8>>;

    /// A file.
    ///
    /// # Errors
    /// If there is no such file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// The names of all files.
    ///
    /// # Errors
    /// If they cannot be listed.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Removes a file.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// Files in a directory.
#[derive(Clone, Debug)]
pub struct DirectoryStorage {
    path: PathBuf,
}

impl DirectoryStorage {
    /// The directory, which is made if need be; what an earlier process left
    /// unfinished is removed.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "unfinished") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The directory as it is, to be read.
    #[must_use]
    pub fn existing(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn keep(&self, unfinished: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path.join(name))?;
        File::open(&self.path)?.sync_all()
    }
}

impl Storage for DirectoryStorage {
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(format!("{name}.unfinished"));
        let kept = self.keep(&unfinished, name, bytes);
        if kept.is_err() {
            // After a failed fsync nobody knows what is on the disk: a new attempt
            // begins with a new file. If it can't be removed, the next start does it.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(self.path.join(name));
        }
        let place =
            |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", self.path.display()));
        kept.map_err(place)
    }

    fn read_part(&self, name: &str, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        let end =
            at.checked_add(length).filter(|end| file.metadata().is_ok_and(|m| *end <= m.len()));
        if end.is_none() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name()));
        let text = |name: std::ffi::OsString| name.to_string_lossy().into_owned();
        names.map(|name: io::Result<_>| name.map(text)).collect()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }
}

/// Files in memory, for tests. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl MemoryStorage {
    /// The files, to be looked at or damaged.
    ///
    /// # Panics
    /// Never: a lock that is poisoned is taken all the same.
    pub fn files(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn read_part(&self, name: &str, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let all = self.read(name)?;
        let number = |n| usize::try_from(n).unwrap_or(usize::MAX);
        let part = all.get(number(at)..number(at.saturating_add(length)));
        part.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.files().get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files().keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files().remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
