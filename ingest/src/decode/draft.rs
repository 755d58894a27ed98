//! Reading an event's fields and their types.
//!
//! Reading goes on after a field of the wrong type, because a fault in the
//! grammar further on outranks it. What is missing, empty or out of range is
//! not judged here.

use super::fault::Fault;
use super::fields::{
    Group, MoneyLeaf, Name, NumberSlot, PageLeaf, SessionLeaf, Target, TextSlot, Top,
};
use super::json::Scanner;
use super::number;
use super::text::Text;

/// What was read of an event, before it is judged.
#[derive(Default)]
pub(super) struct Draft<'a> {
    pub(super) timestamp_ms: Option<i64>,
    texts: [Option<Text<'a>>; TextSlot::COUNT],
    numbers: [Option<&'a str>; NumberSlot::COUNT],
    /// Leaves of the three objects with the wrong type, so far.
    pub(super) bad_leaves: u32,
    /// The first field outside them with the wrong type.
    pub(super) wrong_type: Option<&'static str>,
}

impl<'a> Draft<'a> {
    /// A text that has been read.
    #[inline]
    pub(super) fn text(&self, slot: TextSlot) -> Option<Text<'a>> {
        self.texts[slot as usize]
    }

    /// The text of a number that has been read.
    #[inline]
    pub(super) fn number(&self, slot: NumberSlot) -> Option<&'a str> {
        self.numbers[slot as usize]
    }

    /// Where a text goes.
    #[inline]
    pub(super) fn text_mut(&mut self, slot: TextSlot) -> &mut Option<Text<'a>> {
        &mut self.texts[slot as usize]
    }

    /// Where a number's text goes.
    #[inline]
    pub(super) fn number_mut(&mut self, slot: NumberSlot) -> &mut Option<&'a str> {
        &mut self.numbers[slot as usize]
    }

    /// Reads the scanner's whole text as an event.
    ///
    /// # Errors
    /// A fault in the grammar, a read field twice, or half a surrogate pair in
    /// a read text; the scanner then stands at it.
    pub(super) fn read(&mut self, scan: &mut Scanner<'a, '_>) -> Result<(), Fault> {
        scan.document(|scan, field| self.top(scan, field))
    }

    /// The wrong type outside the three objects is the event's fault.
    #[inline]
    fn top(&mut self, scan: &mut Scanner<'a, '_>, field: Top) -> Result<(), Fault> {
        let is_right = match field.target() {
            Target::Timestamp => integer_in(scan, &mut self.timestamp_ms)?,
            Target::Text(slot) => text_in(scan, self.text_mut(slot))?,
            Target::Number(slot) => number_in(scan, self.number_mut(slot))?,
            Target::Object(Group::Page) => {
                object_in(scan, |scan, leaf: PageLeaf| self.leaf(scan, leaf))?
            }
            Target::Object(Group::Session) => {
                object_in(scan, |scan, leaf: SessionLeaf| self.leaf(scan, leaf))?
            }
            Target::Object(Group::Money) => {
                object_in(scan, |scan, leaf: MoneyLeaf| self.leaf(scan, leaf))?
            }
        };
        if !is_right {
            self.wrong_type.get_or_insert(field.as_str());
        }
        Ok(())
    }

    /// The wrong type in one of the three objects is only counted.
    #[inline]
    fn leaf(&mut self, scan: &mut Scanner<'a, '_>, leaf: impl Name) -> Result<(), Fault> {
        let is_right = match leaf.target() {
            Target::Text(slot) => text_in(scan, self.text_mut(slot))?,
            Target::Number(slot) => number_in(scan, self.number_mut(slot))?,
            Target::Timestamp | Target::Object(_) => unreachable!("no leaf is one of these"),
        };
        self.bad_leaves += u32::from(!is_right);
        Ok(())
    }
}

// Each of the following gets past one value and says whether it is null or of
// the right type. What it finds it writes to `slot`: to return it would copy it
// several times over, on the hottest path there is.

#[inline]
fn text_in<'a>(scan: &mut Scanner<'a, '_>, slot: &mut Option<Text<'a>>) -> Result<bool, Fault> {
    if scan.peek() != b'"' {
        return skip_odd(scan);
    }
    scan.text(slot)?;
    Ok(true)
}

#[inline]
fn number_in<'a>(scan: &mut Scanner<'a, '_>, slot: &mut Option<&'a str>) -> Result<bool, Fault> {
    if !matches!(scan.peek(), b'-' | b'0'..=b'9') {
        return skip_odd(scan);
    }
    *slot = Some(scan.number()?);
    Ok(true)
}

#[inline]
fn integer_in(scan: &mut Scanner<'_, '_>, slot: &mut Option<i64>) -> Result<bool, Fault> {
    let mut number = None;
    let is_right = number_in(scan, &mut number)?;
    *slot = number.and_then(number::integer);
    Ok(is_right && slot.is_some() == number.is_some())
}

#[inline]
fn object_in<'a, 's, N: Name>(
    scan: &mut Scanner<'a, 's>,
    each: impl FnMut(&mut Scanner<'a, 's>, N) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    if scan.peek() != b'{' {
        return skip_odd(scan);
    }
    scan.object(each)?;
    Ok(true)
}

/// Gets past a value that is null, which is right anywhere, or of the wrong
/// type.
#[cold]
fn skip_odd(scan: &mut Scanner<'_, '_>) -> Result<bool, Fault> {
    let is_null = scan.peek() == b'n';
    scan.skip()?;
    Ok(is_null)
}
