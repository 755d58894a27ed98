//! A session to and from a row of a checkpoint.
//!
//! The folds of slices are not in it: they are made again when they are needed.

use super::Entry;
use super::slices::{Session, Slice};
use super::summary::{Plain, Running};
use crate::funnel::Progress;
use crate::one_or_many::OneOrMany;
use crate::user::{BadRow, Loaded, SavedEntry, SavedRunning, SavedSession, SavedTexts};
use streamgauge_ingest::decode::Kind;

impl Session {
    /// The session as a row has it; its values are noted in the row's texts.
    pub(crate) fn save(&self, has_returned: bool, texts: &mut SavedTexts) -> SavedSession {
        let mut entry = |e: &Entry| SavedEntry {
            after_ms: e.at_ms - self.first_ms,
            partition: e.partition,
            offset: e.offset,
            kind: e.kind,
            value: (e.kind == Kind::Conversion).then_some((e.currency, e.value_minor)),
            page: texts.after_zero(e.page.as_ref()),
            device: texts.after_zero(e.device.as_ref()),
            country: texts.after_zero(e.country.as_ref()),
        };
        let slices = self.slices.iter().map(|s| s.entries.iter().map(&mut entry).collect());
        let slices = slices.collect();
        SavedSession {
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            ends_last: self.ends_last,
            has_returned,
            slices,
            settled: self.settled.as_ref().map(|running| running.save(texts)),
        }
    }

    /// A session from a row, not published and without a timer.
    pub(crate) fn load(saved: SavedSession, texts: &Loaded) -> Result<Self, BadRow> {
        let SavedSession { first_ms, last_ms, ends_last, has_returned: _, settled, slices } = saved;
        let entry = |e: SavedEntry| {
            let (currency, value_minor) = e.value.unwrap_or_default();
            Ok(Entry {
                at_ms: first_ms + e.after_ms,
                partition: e.partition,
                offset: e.offset,
                kind: e.kind,
                currency,
                value_minor,
                page: texts.after_zero(e.page)?,
                device: texts.after_zero(e.device)?,
                country: texts.after_zero(e.country)?,
            })
        };
        let mut loaded = OneOrMany::default();
        for slice in slices {
            let entries = slice.into_iter().map(entry).collect::<Result<_, BadRow>>()?;
            loaded.push(Slice::of_entries(entries));
        }
        let settled = settled.map(|s| Running::load(s, texts).map(Box::new)).transpose()?;
        Ok(Self {
            settled,
            slices: loaded,
            first_ms,
            last_ms,
            ends_last,
            is_published: false,
            is_returning: false,
            timer_ms: None,
        })
    }
}

impl Running {
    fn save(&self, texts: &mut SavedTexts) -> SavedRunning {
        let plain = &self.plain;
        SavedRunning {
            events: plain.events,
            page_views: plain.page_views,
            conversions: plain.conversions,
            revenue_minor: plain.revenue_minor.iter().map(|(c, minor)| (*c, *minor)).collect(),
            journey: plain.journey.iter().map(|page| texts.place(page)).collect(),
            journey_length: plain.journey_length,
            last_page: texts.after_zero(plain.last_page.as_ref()),
            device: texts.after_zero(plain.device.as_ref()),
            country: texts.after_zero(plain.country.as_ref()),
            funnels: self.funnels.to_vec(),
        }
    }

    fn load(saved: SavedRunning, texts: &Loaded) -> Result<Self, BadRow> {
        let plain = Plain {
            events: saved.events,
            page_views: saved.page_views,
            conversions: saved.conversions,
            revenue_minor: saved.revenue_minor.into_iter().collect(),
            journey: saved.journey.iter().map(|p| texts.get(*p)).collect::<Result<_, _>>()?,
            journey_length: saved.journey_length,
            last_page: texts.after_zero(saved.last_page)?,
            device: texts.after_zero(saved.device)?,
            country: texts.after_zero(saved.country)?,
        };
        let funnels = match texts.new_funnels() {
            Some(count) => std::iter::repeat_n(Progress::default(), count).collect(),
            None => saved.funnels.into(),
        };
        Ok(Self { plain, funnels })
    }
}
