//! A scanner of strict JSON (RFC 8259) that checks all of a value in one pass.
//!
//! An event's few fields are wanted, but a value counts as an event only if
//! *all* of it is JSON, so a lazy reader will not do; and a tree of all of it
//! would cost several times what the checking does. The scanner is driven by
//! what it finds: its caller is handed the fields it named and must read or
//! skip each one's value. The invariant: between two calls `at` stands behind
//! what has been checked. Nesting is kept in a list and not on the stack, so no
//! depth can overflow anything. Nothing is decoded that nobody asks for: no
//! number becomes a float, no ignored string is unescaped.

use super::fault::Fault;
use super::fields::Name;
use super::skip::{Failed, number_end};
use super::text::{self, Text};

/// The text being scanned, and room that outlives it.
pub(super) struct Scanner<'a, 's> {
    pub(super) text: &'a str,
    /// The byte offset of what has not been checked yet; after a fault, of it.
    pub(super) at: usize,
    /// After a fault: the innermost field that is read and has it.
    field: Option<&'static str>,
    /// Strings without their escapes, one after the other.
    unescaped: &'s mut String,
    /// The closing brackets due, innermost last; at most one per byte of text.
    pub(super) closing: &'s mut Vec<u8>,
}

impl<'a, 's> Scanner<'a, 's> {
    pub(super) fn new(text: &'a str, unescaped: &'s mut String, closing: &'s mut Vec<u8>) -> Self {
        unescaped.clear();
        Scanner { text, at: 0, field: None, unescaped, closing }
    }

    /// A fault in words, with the place where it was met.
    #[cold]
    pub(super) fn describe(&self, fault: Fault) -> String {
        let what = fault.as_str();
        match self.field {
            Some(field) => format!("{what}, at byte {} ({field})", self.at),
            None => format!("{what}, at byte {}", self.at),
        }
    }

    /// Steps over blanks to the first byte of what follows. At the end it is
    /// 0, which begins nothing in JSON and so needs no case of its own.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Scans the whole text as one object; `each` as in [`Scanner::object`].
    pub(super) fn document<N: Name>(
        &mut self,
        each: impl FnMut(&mut Self, N) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek() != b'{' {
            return Err(Fault::NotAnObject);
        }
        self.object(each)?;
        self.peek();
        if self.at < self.text.len() {
            return Err(Fault::Trailing);
        }
        Ok(())
    }

    /// Scans an object, from its brace on. `each` is given the fields that `N`
    /// names and has to get past the value of each; all others are skipped.
    #[inline]
    pub(super) fn object<N: Name>(
        &mut self,
        mut each: impl FnMut(&mut Self, N) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut seen = 0_u8;
        self.at += 1;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if let Some(name) = self.name::<N>()? {
                let twice = seen & name.bit() != 0;
                seen |= name.bit();
                let read = if twice { Err(Fault::Twice) } else { each(self, name) };
                if let Err(fault) = read {
                    self.field.get_or_insert(name.as_str());
                    return Err(fault);
                }
            } else {
                self.skip()?;
            }
            match self.peek() {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Fault::ObjectEnd),
            }
        }
    }

    /// Scans a string, from its quote on, for its text. This stays one function,
    /// for it has a caller per field and the loop in it needs the registers.
    #[inline(never)]
    pub(super) fn text(&mut self, slot: &mut Option<Text<'a>>) -> Result<(), Fault> {
        let start = self.at;
        let (content, escaped) = self.string()?;
        *slot = Some(if escaped {
            self.unescape(content).inspect_err(|_| self.at = start)?
        } else {
            Text::Plain(content)
        });
        Ok(())
    }

    /// Scans a number, from its first character on.
    #[inline]
    pub(super) fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        self.move_to(number_end(self.text.as_bytes(), start))?;
        Ok(&self.text[start..self.at])
    }

    /// Scans a field's name and its colon.
    #[inline]
    pub(super) fn name<N: Name>(&mut self) -> Result<Option<N>, Fault> {
        if self.peek() != b'"' {
            return Err(Fault::Name);
        }
        let (content, escaped) = self.string()?;
        self.colon()?;
        if !escaped {
            return Ok(N::find(content.as_bytes()));
        }
        // A name with half a surrogate pair is none that is read.
        let kept = self.unescaped.len();
        let name = self.unescape(content).ok();
        let found = name.and_then(|name| N::find(name.in_place(self.unescaped).as_bytes()));
        self.unescaped.truncate(kept);
        Ok(found)
    }

    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Fault> {
        if self.peek() != b':' {
            return Err(Fault::Colon);
        }
        self.at += 1;
        Ok(())
    }

    /// Scans a string, from its quote on; its content, and whether it has
    /// escapes. It must not become a call of its own: what it returns would go
    /// through memory, which costs as much as scanning a short string.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<(&'a str, bool), Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut end = text::next_special(bytes, start);
        let escaped = bytes.get(end) != Some(&b'"');
        if escaped {
            end = self.escaped_end(end)?;
        }
        self.at = end + 1;
        Ok((&self.text[start..end], escaped))
    }

    #[cold]
    fn escaped_end(&mut self, at: usize) -> Result<usize, Fault> {
        self.move_to(text::escaped_end(self.text.as_bytes(), at))?;
        Ok(self.at)
    }

    #[cold]
    fn unescape(&mut self, content: &str) -> Result<Text<'a>, Fault> {
        let start = self.unescaped.len();
        text::unescape(content, self.unescaped)?;
        let end = self.unescaped.len();
        Ok(Text::Unescaped { start, end })
    }

    /// Goes to where something ends, or to where its fault was met.
    #[inline]
    pub(super) fn move_to(&mut self, end: Result<usize, Failed>) -> Result<(), Fault> {
        match end {
            Ok(at) => {
                self.at = at;
                Ok(())
            }
            Err((fault, at)) => {
                self.at = at;
                Err(fault)
            }
        }
    }

    #[inline]
    pub(super) fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }
}
