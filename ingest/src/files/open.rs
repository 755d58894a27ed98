//! Opening a file of records, compressed or not.

use flate2::bufread::GzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Why a file could not be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// It could not be opened.
    #[error("cannot open {path}", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be read to its end.
    #[error(
        "cannot read {path} to its end (is it complete? `gzip -t` or `zstd -t` tests a compressed one)",
        path = .path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system or the decompressor says.
        source: io::Error,
    },
}

/// Counts the bytes that go by.
struct Counted<'a, R> {
    inner: R,
    bytes: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The members of a gzip file, read as one. Zeros after the last, as blocks of a
/// tape are filled up with, are no part of it: `gzip` takes them, too.
struct Gzip<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(stored: R) -> Self {
        Self { member: Some(GzDecoder::new(stored)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            match rest.fill_buf()?.first() {
                None => {}
                Some(0) => pass_zeros(&mut rest)?,
                Some(_) => self.member = Some(GzDecoder::new(rest)),
            }
        }
        Ok(0)
    }
}

/// Reads zeros to the end, and nothing else.
fn pass_zeros(stored: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = stored.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|byte| *byte != 0) {
            let reason = "there is something else after its end and zeros";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let len = bytes.len();
        stored.consume(len);
    }
}

/// Finds out whether all files can be opened, before anything is done because of
/// them. Pipes are left alone: who writes to one would notice.
///
/// # Errors
/// If one cannot be opened.
pub fn check(paths: &[PathBuf]) -> Result<(), FileError> {
    for path in paths {
        let failed = |source| FileError::Open { path: path.clone(), source };
        let meta = path.metadata().map_err(failed)?;
        if meta.is_file() {
            File::open(path).map_err(failed)?;
        } else if meta.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
    }
    Ok(())
}

/// Opens a file, decompressing by its ending (`.gz`, `.zst`); `stored_bytes`
/// counts what is read of it as stored.
///
/// # Errors
/// If it cannot be opened.
pub fn open<'a>(path: &Path, stored_bytes: &'a AtomicU64) -> Result<Box<dyn Read + 'a>, FileError> {
    let failed = |source| FileError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let counted = Counted { inner: file, bytes: stored_bytes };
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    Ok(match ending.as_deref() {
        Some("gz") => Box::new(Gzip::new(BufReader::with_capacity(1 << 16, counted))),
        Some("zst") => Box::new(zstd::Decoder::new(counted).map_err(failed)?),
        _ => Box::new(counted),
    })
}
