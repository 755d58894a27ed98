//! A web server's access log as events: what a site has recorded before it had any of
//! this.
//!
//! A line in the common or combined format of Apache and nginx becomes one page view,
//! is skipped for a reason (it is an asset, a redirect, an error …), or is unreadable
//! for a reason. Every line is in exactly one of these counts, so nothing is lost
//! silently; of each reason the first line is remembered. Any bytes are taken: what is
//! not UTF-8 is replaced in texts.
//!
//! Visitors are told apart by address and user agent, as there is nothing else: the
//! event has only a hash of both. Without a [salt](Options::salt) whoever has the
//! events can find an address by trying them all. The visitor is the session as well;
//! silence cuts it.
//!
//! It deliberately does not drop bots (that is decided where events are judged, by
//! their user agent), does not resolve addresses, and does not sort: servers write a
//! line when a request ends, so lines are a little out of order.

mod agent;
mod counts;
mod event;
mod import;
mod line;
mod page;
mod time;
mod visitor;

#[cfg(test)]
mod tests;

pub use counts::{Count, Counts, Place};
pub use import::{ImportError, import};

use crate::bots::BotCheck;
use event::Event;
use line::Line;
use std::borrow::Cow;

/// How the lines of a log are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `host ident user [time] "request" status bytes "referrer" "user agent"`, and
    /// whatever follows.
    Combined,
    /// The same up to `bytes`; whatever follows is not read.
    Common,
}

/// What else a conversion depends on.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Hashed with a visitor's address: without knowing it nobody gets from the hash to
    /// the address. The same salt gives the same visitors.
    pub salt: String,
}

/// Why a line is no page view, though it can be read. The first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// There is nothing in it.
    Empty,
    /// The server refused it or failed (status 400 to 599).
    Error,
    /// The server sent the visitor elsewhere (3xx, but for 304).
    Redirect,
    /// The status is none of a page (1xx, 000, none at all).
    NoPage,
    /// Not a GET.
    Method,
    /// Part of a page, or fetched by programs only: styles, scripts, images, fonts,
    /// media, `robots.txt`.
    Asset,
}

impl Skip {
    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Error => "error",
            Self::Redirect => "redirect",
            Self::NoPage => "no page",
            Self::Method => "other method",
            Self::Asset => "asset",
        }
    }
}

/// Why a line could not be read. The first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreadable {
    /// Longer than a record may be.
    TooLong,
    /// Not of the format.
    Malformed,
    /// The time is none, or before 1970.
    BadTime,
    /// The status is not a number of three digits.
    BadStatus,
    /// It was served, but the request is none.
    BadRequest,
}

impl Unreadable {
    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too long",
            Self::Malformed => "malformed",
            Self::BadTime => "bad time",
            Self::BadStatus => "bad status",
            Self::BadRequest => "bad request",
        }
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Converted<'a> {
    /// An event.
    Event {
        /// The key of its record: the visitor.
        key: &'a str,
        /// Its time, ms since the Unix epoch.
        timestamp_ms: i64,
    },
    /// It is no page view.
    Skipped(Skip),
    /// It could not be read.
    Unreadable(Unreadable),
}

/// Converts lines, one after the other.
pub struct Converter {
    format: Format,
    options: Options,
    bots: BotCheck,
    /// The key of the last event.
    key: String,
    /// The last line.
    place: Place,
    counts: Counts,
}

impl Converter {
    /// A converter of lines of this format.
    #[must_use]
    pub fn new(format: Format, options: Options) -> Self {
        Self {
            format,
            options,
            bots: BotCheck::default(),
            key: String::new(),
            place: Place::default(),
            counts: Counts::default(),
        }
    }

    /// Begins a file: the ids of its events do not depend on the files before. Not needed
    /// for a single one.
    pub fn begin_file(&mut self) {
        let is_first = self.place == Place::default();
        self.place = Place { file: self.place.file + usize::from(!is_first), line: 0 };
    }

    /// Converts a line, which is without its line end. `out` is emptied and takes the
    /// JSON of the event, if it is one.
    pub fn convert(&mut self, line: &[u8], out: &mut Vec<u8>) -> Converted<'_> {
        out.clear();
        self.place.line += 1;
        match self.page_view(line, out) {
            Ok(timestamp_ms) => {
                self.counts.add_event();
                Converted::Event { key: &self.key, timestamp_ms }
            }
            Err(Left::Skip(reason)) => {
                self.counts.add_skipped(reason, self.place);
                Converted::Skipped(reason)
            }
            Err(Left::Unreadable(reason)) => {
                self.counts.add_unreadable(reason, self.place);
                Converted::Unreadable(reason)
            }
        }
    }

    /// Counts a line that was too long to keep.
    pub fn too_long(&mut self) {
        self.place.line += 1;
        self.counts.add_unreadable(Unreadable::TooLong, self.place);
    }

    /// What became of all lines until now.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn page_view(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<i64, Left> {
        if bytes.trim_ascii().is_empty() {
            return Err(Skip::Empty.into());
        }
        let line = Line::parse(bytes, self.format).ok_or(Unreadable::Malformed)?;
        let timestamp_ms = time::parse(line.time).ok_or(Unreadable::BadTime)?;
        let target = page::target(line.request, line.status)?;
        let (referrer, user_agent) = (line.referrer(), line.user_agent());
        self.key.clear();
        visitor::write(&self.options.salt, line.address, user_agent.as_deref(), &mut self.key);
        let agent = user_agent.as_deref().map(|agent| agent::read(agent, &mut self.bots));
        let url: Cow<'_, str> = line::text(target);
        let event = Event {
            id: event::id(self.place.line, bytes),
            timestamp_ms,
            visitor: &self.key,
            url: &url,
            referrer: referrer.as_deref(),
            user_agent: user_agent.as_deref(),
            agent: agent.unwrap_or_default(),
        };
        event.write(out);
        Ok(timestamp_ms)
    }
}

/// Why there is no event.
enum Left {
    Skip(Skip),
    Unreadable(Unreadable),
}

impl From<Skip> for Left {
    fn from(reason: Skip) -> Self {
        Self::Skip(reason)
    }
}

impl From<Unreadable> for Left {
    fn from(reason: Unreadable) -> Self {
        Self::Unreadable(reason)
    }
}
