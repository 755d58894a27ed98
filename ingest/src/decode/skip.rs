//! Getting past a value that nobody asked for.
//!
//! It is checked as strictly as one that is read, but nothing is taken from
//! it. Nesting is kept in a list and not on the stack, so that a value of
//! nothing but brackets does no harm, and it takes one pass whatever its depth.

use super::fault::Fault;
use super::json::Scanner;

impl Scanner<'_, '_> {
    /// Scans any value for its grammar alone.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        match self.peek() {
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    #[inline(never)]
    fn skip_scalar(&mut self) -> Result<(), Fault> {
        match self.byte() {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => Err(Fault::Value),
        }
    }

    /// Skips an object or an array, from its bracket on.
    fn skip_nested(&mut self) -> Result<(), Fault> {
        self.closing.clear();
        loop {
            match self.peek() {
                b'{' => self.open(b'}')?,
                b'[' => self.open(b']')?,
                _ => {
                    self.skip_scalar()?;
                    self.close_or_go_on()?;
                }
            }
            if self.closing.is_empty() {
                return Ok(());
            }
        }
    }

    /// Steps into an object or an array, up to where its first value is due; an
    /// empty one is stepped over.
    fn open(&mut self, close: u8) -> Result<(), Fault> {
        self.at += 1;
        self.closing.push(close);
        if self.peek() == close {
            return self.close_or_go_on();
        }
        if close == b'}' {
            self.skip_name()?;
        }
        Ok(())
    }

    /// After a value: steps out of what ends here, and up to where the next
    /// value is due, if one is.
    fn close_or_go_on(&mut self) -> Result<(), Fault> {
        while let Some(&close) = self.closing.last() {
            match self.peek() {
                b',' => {
                    self.at += 1;
                    if close == b'}' {
                        self.skip_name()?;
                    }
                    return Ok(());
                }
                byte if byte == close => {
                    self.at += 1;
                    self.closing.pop();
                }
                _ if close == b'}' => return Err(Fault::ObjectEnd),
                _ => return Err(Fault::ArrayEnd),
            }
        }
        Ok(())
    }

    fn skip_name(&mut self) -> Result<(), Fault> {
        if self.peek() != b'"' {
            return Err(Fault::Name);
        }
        self.string()?;
        self.colon()
    }

    fn literal(&mut self, word: &str) -> Result<(), Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::Literal);
        }
        self.at += word.len();
        Ok(())
    }
}
