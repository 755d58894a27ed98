//! One output of a replay: a file, or standard output.
//!
//! Invariant: a file holds what it held before until the replay has succeeded.
//! Until then the new content is in `NAME.partial` beside it, which takes its
//! place in the end. What is no regular file (a device, a pipe) is written to at
//! once, as is standard output.

use super::output::OutputError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use streamgauge_ingest::dead_letter::DeadLetter;
use streamgauge_sink::change::{Change, State};
use streamgauge_sink::dead_letters;
use streamgauge_sink::sorted::SortedLines;

/// The name beside `path` under which it is written at first.
#[must_use]
pub fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// An output whose new content waits under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    partial: PathBuf,
    path: PathBuf,
}

impl Waiting {
    /// Where the content is.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Puts it in its place.
    pub(super) fn keep(&self) -> Result<(), OutputError> {
        let failed = |source| OutputError::Rename {
            partial: self.partial.clone(),
            path: self.path.clone(),
            source,
        };
        fs::rename(&self.partial, &self.path).map_err(failed)
    }
}

/// A file, or standard output, that is being written.
pub(super) struct Target {
    path: PathBuf,
    out: BufWriter<Box<dyn Write + Send>>,
    waiting: Option<Waiting>,
    /// Lines that wait for their order.
    sorted: Option<SortedLines>,
    line: Vec<u8>,
}

impl Target {
    pub(super) fn file(path: &Path, is_sorted: bool) -> Result<Self, OutputError> {
        let fail = |source| OutputError::Write { path: path.to_owned(), source };
        let (file, waiting) = open(path).map_err(fail)?;
        // Room for the output is also room for what waits for its order.
        let folder = waiting.as_ref().map(|w| folder_of(&w.path));
        Ok(Self {
            sorted: is_sorted
                .then(|| folder.map_or_else(SortedLines::default, SortedLines::in_folder)),
            waiting,
            ..Self::new(path.to_owned(), Box::new(file))
        })
    }

    pub(super) fn stdout(is_sorted: bool) -> Self {
        let target = Self::new(PathBuf::from("standard output"), Box::new(io::stdout()));
        Self { sorted: is_sorted.then(SortedLines::default), ..target }
    }

    fn new(path: PathBuf, out: Box<dyn Write + Send>) -> Self {
        let out = BufWriter::with_capacity(1 << 18, out);
        Self { path, out, waiting: None, sorted: None, line: Vec::new() }
    }

    pub(super) fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }

    fn fail(&self) -> impl Fn(io::Error) -> OutputError + use<> {
        let path = self.path.clone();
        move |source| OutputError::Write { path: path.clone(), source }
    }

    pub(super) fn change(
        &mut self,
        change: &Change,
        epoch: u64,
        watermark_ms: i64,
    ) -> Result<(), OutputError> {
        let fail = self.fail();
        self.line.clear();
        if let Some(sorted) = &mut self.sorted {
            let line = match change.state {
                State::Provisional => return Ok(()),
                State::Retracted if !change.replaces => return Ok(()),
                State::Retracted => None,
                State::Final | State::Corrected => {
                    let mut line = Vec::with_capacity(change.body.len() + 20);
                    change.write_final_line(&mut line);
                    Some(line)
                }
            };
            return sorted.set(change.key.clone(), line).map_err(fail);
        }
        change.write_line(epoch, watermark_ms, &mut self.line);
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(fail)
    }

    pub(super) fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), OutputError> {
        let fail = self.fail();
        let Some(sorted) = &mut self.sorted else {
            return Ok(());
        };
        let mut line = Vec::with_capacity(512);
        dead_letters::write_line(letter, &mut line);
        sorted.set(dead_letters::key(letter), Some(line)).map_err(fail)
    }

    /// Writes what waits for its order. The content is whole then, and where
    /// [`waiting`](Self::waiting) says.
    pub(super) fn finish(mut self) -> Result<(), OutputError> {
        let fail = self.fail();
        if let Some(sorted) = self.sorted.take() {
            let out = &mut self.out;
            sorted
                .finish(|line| out.write_all(line).and_then(|()| out.write_all(b"\n")))
                .map_err(&fail)?;
        }
        self.out.flush().map_err(fail)
    }
}

/// Opens what is written to for an output of this name.
fn open(path: &Path) -> io::Result<(File, Option<Waiting>)> {
    let before = match path.metadata() {
        Ok(meta) if !meta.is_file() => return Ok((File::create(path)?, None)),
        // A link that leads nowhere yet: what it names is made.
        Err(_) if path.is_symlink() => return Ok((File::create(path)?, None)),
        Ok(meta) => {
            // Who may not write to it may not replace it, either.
            OpenOptions::new().write(true).open(path)?;
            Some(meta)
        }
        Err(_) => None,
    };
    // A link stays one; what it leads to is replaced.
    let path = if before.is_some() { path.canonicalize()? } else { path.to_owned() };
    let partial = partial(&path);
    let file = File::create(&partial)?;
    if let Some(meta) = before {
        file.set_permissions(meta.permissions())?;
    }
    Ok((file, Some(Waiting { partial, path })))
}

/// The folder of a file.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
