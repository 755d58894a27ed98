//! Reading a record along the gaps that are known.
//!
//! Most steps go to one of the first two successors and past a usual value; these are
//! tried in line, with nothing but the place in registers. Whatever is different takes one
//! slow step. The invariant: what a step passes over, the scanner would pass over too.

use super::super::draft::Draft;
use super::super::number;
use super::super::skip::{literal_end, number_end};
use super::super::text::{self, Text};
use super::graph::{Gap, GapId, Graph, Kind, START, Slot};
use super::values::{behind_number, behind_string, behind_word};

/// What is read of a record.
struct Reader<'a, 'd> {
    text: &'a str,
    draft: &'d mut Draft<'a>,
    unescaped: &'d mut String,
}

/// A step to a gap and past its value.
struct Step<'b> {
    to: GapId,
    value: &'b [u8],
    behind: &'b [u8],
    escaped: bool,
}

impl Graph {
    /// Reads `text` into `draft` if it leads from the start to an end. Otherwise `None`,
    /// which says nothing of it, and the draft is of no use.
    pub(super) fn walk<'a>(
        &mut self,
        text: &'a str,
        draft: &mut Draft<'a>,
        unescaped: &mut String,
    ) -> Option<()> {
        walk(&mut self.gaps, &mut Reader { text, draft, unescaped })
    }
}

#[inline(never)]
fn walk(gaps: &mut [Gap], reader: &mut Reader<'_, '_>) -> Option<()> {
    let mut rest = reader.text.as_bytes();
    let mut from = START;
    let mut next = gaps.get(usize::from(START))?.next;
    loop {
        let mut to = next[0];
        let mut gap = gaps.get(usize::from(to))?;
        let mut value = gap.strip(rest);
        if value.is_none()
            && let Some(second) = gaps.get(usize::from(next[1]))
        {
            (to, gap, value) = (next[1], second, second.strip(rest));
        }
        if let Some(value) = value
            && let Some(behind) = gap.behind(value)
        {
            (from, next, rest) = (to, gap.next, behind);
            if !matches!(gap.slot, Slot::Nowhere) {
                reader.take(gap.slot, value, behind, false)?;
            }
            continue;
        }
        let step = slow_step(gaps, from, rest)?;
        let gap = gaps.get(usize::from(step.to))?;
        if matches!(gap.kind, Kind::End) {
            return Some(());
        }
        (from, next, rest) = (step.to, gap.next, step.behind);
        reader.take(gap.slot, step.value, step.behind, step.escaped)?;
    }
}

impl Gap {
    /// What stands behind its value, if that is a usual one.
    #[inline(always)]
    fn behind<'b>(&self, value: &'b [u8]) -> Option<&'b [u8]> {
        match self.kind {
            Kind::String => behind_string(value),
            Kind::Number => behind_number(value),
            Kind::Word => behind_word(value),
            Kind::Null | Kind::End => None,
        }
    }
}

/// A step to any successor and past any value. The successor that is found moves up by a
/// place; the first two are as good as each other.
#[inline(never)]
fn slow_step<'b>(gaps: &mut [Gap], from: GapId, rest: &'b [u8]) -> Option<Step<'b>> {
    let next = gaps.get(usize::from(from))?.next;
    for (place, to) in next.into_iter().enumerate() {
        let gap = gaps.get(usize::from(to))?;
        let Some(value) = rest.strip_prefix(&*gap.bytes) else { continue };
        let mut escaped = false;
        let end = match gap.kind {
            Kind::String => {
                let end = text::next_special(value, 0);
                escaped = value.get(end) != Some(&b'"');
                if escaped { text::escaped_end(value, end) } else { Ok(end) }.ok()
            }
            Kind::Number => number_end(value, 0).ok(),
            Kind::Word => [b"true".as_slice(), b"false", b"null"]
                .into_iter()
                .find_map(|word| literal_end(value, 0, word).ok()),
            Kind::Null => literal_end(value, 0, b"null").ok(),
            Kind::End => value.is_empty().then_some(0),
        };
        // Another successor may have the same bytes and another kind of value.
        let Some(end) = end else { continue };
        if place > 1 {
            gaps[usize::from(from)].next.swap(place - 1, place);
        }
        return Some(Step { to, value, behind: &value[end..], escaped });
    }
    None
}

impl Reader<'_, '_> {
    /// Takes a value that ends where `behind` begins; `None` if the event is not to be read
    /// with it.
    #[inline(never)]
    fn take(&mut self, slot: Slot, value: &[u8], behind: &[u8], escaped: bool) -> Option<()> {
        let length = self.text.len();
        let content = self.text.get(length - value.len()..length - behind.len())?;
        match slot {
            Slot::Nowhere => {}
            Slot::Text(slot) => {
                *self.draft.text_mut(slot) =
                    Some(if escaped { self.unescape(content)? } else { Text::Plain(content) });
            }
            Slot::Number(slot) => *self.draft.number_mut(slot) = Some(content),
            Slot::Timestamp => self.draft.timestamp_ms = Some(number::integer(content)?),
        }
        Some(())
    }

    #[cold]
    fn unescape<'a>(&mut self, content: &str) -> Option<Text<'a>> {
        let start = self.unescaped.len();
        text::unescape(content, self.unescaped).ok()?;
        Some(Text::Unescaped { start, end: self.unescaped.len() })
    }
}
