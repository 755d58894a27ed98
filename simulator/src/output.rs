//! Records into a file, one a line, compressed as the name says.
//!
//! `.gz` and `.zst` compress, `-` is the standard output, anything else is
//! plain. Compression is quick rather than thorough: the simulator is faster
//! than a disk, and should not wait for its own output.
//!
//! Invariant: a file is complete once [`Output::finish`] has returned without
//! an error, and only then; what is merely dropped may lack its end.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::SimulatorError;

/// Where lines go.
pub struct Output {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Plain(BufWriter<File>),
    Standard(BufWriter<io::Stdout>),
    Gzip(BufWriter<GzEncoder<File>>),
    Zstd(BufWriter<zstd::Encoder<'static, File>>),
}

/// Large enough that a system call or a turn of the compressor is for many
/// records.
const BUFFER_BYTES: usize = 1 << 18;
/// The quickest of the ordinary levels.
const ZSTD_LEVEL: i32 = 1;

impl Output {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// [`SimulatorError::Output`] if it cannot be created.
    pub fn create(path: &Path) -> Result<Self, SimulatorError> {
        let failed = |source| output_error("cannot create", path, source);
        let sink = match path.extension().and_then(|ending| ending.to_str()) {
            _ if path == Path::new("-") => Sink::Standard(buffered(io::stdout())),
            Some("gz") => {
                let file = File::create(path).map_err(failed)?;
                Sink::Gzip(buffered(GzEncoder::new(file, Compression::fast())))
            }
            Some("zst") => {
                let file = File::create(path).map_err(failed)?;
                let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL).map_err(failed)?;
                // As gzip has one: damage within the data is noticed when it is read.
                encoder.include_checksum(true).map_err(failed)?;
                Sink::Zstd(buffered(encoder))
            }
            _ => Sink::Plain(buffered(File::create(path).map_err(failed)?)),
        };
        Ok(Output { path: path.to_path_buf(), sink })
    }

    /// Writes one record and its line end.
    ///
    /// # Errors
    /// [`SimulatorError::Output`] if the disk is full, the reader gone, and so on.
    pub fn write_record(&mut self, value: &[u8]) -> Result<(), SimulatorError> {
        let writer = self.sink.writer();
        writer
            .write_all(value)
            .and_then(|()| writer.write_all(b"\n"))
            .map_err(|source| output_error("cannot write", &self.path, source))
    }

    /// Hands on what is still in the buffer: for a reader who waits for it, as
    /// when records are paced. Costs compression some of its effect.
    ///
    /// # Errors
    /// As [`Output::write_record`].
    pub fn flush(&mut self) -> Result<(), SimulatorError> {
        let result = self.sink.writer().flush();
        result.map_err(|source| output_error("cannot write", &self.path, source))
    }

    /// Writes what is left, the compressed formats' ends included.
    ///
    /// # Errors
    /// As [`Output::write_record`].
    pub fn finish(self) -> Result<(), SimulatorError> {
        let result = match self.sink {
            Sink::Plain(mut writer) => writer.flush(),
            Sink::Standard(mut writer) => writer.flush(),
            Sink::Gzip(writer) => inner(writer).and_then(GzEncoder::finish).map(drop),
            Sink::Zstd(writer) => inner(writer).and_then(zstd::Encoder::finish).map(drop),
        };
        result.map_err(|source| output_error("cannot finish", &self.path, source))
    }
}

impl Sink {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Sink::Plain(writer) => writer,
            Sink::Standard(writer) => writer,
            Sink::Gzip(writer) => writer,
            Sink::Zstd(writer) => writer,
        }
    }
}

fn buffered<W: Write>(writer: W) -> BufWriter<W> {
    BufWriter::with_capacity(BUFFER_BYTES, writer)
}

fn inner<W: Write>(writer: BufWriter<W>) -> io::Result<W> {
    writer.into_inner().map_err(io::IntoInnerError::into_error)
}

fn output_error(action: &'static str, path: &Path, source: io::Error) -> SimulatorError {
    SimulatorError::Output { action, path: path.to_path_buf(), source }
}
