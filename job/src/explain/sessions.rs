//! The sessions of results over sessions, and the records of each.

use super::asked::{Asked, Visit};
use super::counted::what;
use super::input::Watch;
use super::listing::{Listed, Records, Verdict, listed, verdict};
use crate::funnel::{Funnel, Mark, Match, Progress};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::decode::{Decoder, Kind};
use streamgauge_ingest::judge::Judged;
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::metric::Metric;
use xxhash_rust::xxh3::xxh3_64;

/// Pages of a journey that are shown, as those of JOURNEYS are cut.
const JOURNEY_PAGES: usize = 5;

/// A session as its record says, with its key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    #[serde(skip)]
    pub(super) key: String,
    pub(super) user_id: String,
    pub(super) session_id: String,
    pub(super) start: i64,
    pub(super) end: i64,
    /// The time it ended at.
    pub(super) window_end: i64,
    pub(super) page_views: u64,
    pub(super) events: u64,
    conversions: u64,
    bounced: bool,
    pub(super) ended_by: String,
    journey: Vec<String>,
    entry_page: Option<String>,
    exit_page: Option<String>,
}

impl Session {
    /// Reads a record up to its tail.
    pub(super) fn read(key: &[u8], body: &[u8]) -> Option<Self> {
        let line = [body, b"}"].concat();
        let session: Self = serde_json::from_slice(&line).ok()?;
        Some(Self { key: String::from_utf8_lossy(key).into_owned(), ..session })
    }

    /// The same without what a result does not look at: a day has many sessions.
    pub(super) fn only_for(self, metric: Option<Metric>) -> Self {
        let wanted = |of: Metric, page| if metric == Some(of) { page } else { None };
        Self {
            journey: if metric == Some(Metric::Journeys) { self.journey } else { Vec::new() },
            entry_page: wanted(Metric::DayEntryPages, self.entry_page),
            exit_page: wanted(Metric::DayExitPages, self.exit_page),
            ..self
        }
    }

    /// Its place in lists: by the time it ended at.
    fn order(&self) -> (i64, &str) {
        (self.window_end, &self.key)
    }

    fn duration(&self) -> String {
        let ms = self.end - self.start;
        format!("{}.{:03} s", ms / 1_000, ms % 1_000)
    }

    /// Whether a result counts it, and as what.
    fn counts_as(&self, metric: Metric, steps: Option<(&Funnel, usize)>) -> (bool, String) {
        let views = times(self.page_views, "page view");
        let page = |page: &Option<String>| (true, page.clone().unwrap_or_default());
        match metric {
            Metric::BounceRate
            | Metric::DayBounceRate
            | Metric::DaySessions
            | Metric::DayEntryPages
            | Metric::DayExitPages
                if self.page_views == 0 =>
            {
                (false, "no page view".to_owned())
            }
            Metric::DaySessions => (true, views),
            Metric::DayEntryPages => page(&self.entry_page),
            Metric::DayExitPages => page(&self.exit_page),
            Metric::BounceRate | Metric::DayBounceRate if self.bounced => {
                (true, "bounced".to_owned())
            }
            Metric::BounceRate | Metric::DayBounceRate => {
                (true, format!("not bounced: {views}, {}", times(self.conversions, "conversion")))
            }
            Metric::Journeys if self.journey.is_empty() => (false, "no page view".to_owned()),
            Metric::Journeys => {
                let shown = self.journey.iter().take(JOURNEY_PAGES).cloned();
                (true, shown.collect::<Vec<_>>().join(" > "))
            }
            Metric::Funnel | Metric::AbandonmentRate => {
                let Some((funnel, reached)) = steps else {
                    return (false, "there is no such funnel".to_owned());
                };
                let of = format!("reached step {reached} of {}", funnel.steps.len());
                let counts =
                    metric == Metric::Funnel || reached >= usize::from(funnel.abandonment_step);
                let is_abandoned =
                    metric == Metric::AbandonmentRate && funnel.is_abandoned(reached);
                (counts, if is_abandoned { of + ": abandoned" } else { of })
            }
            Metric::Behaviour => (true, format!("{views}, {}", self.duration())),
            _ => (true, self.duration()),
        }
    }
}

/// A session, what it is to a result, and its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPart {
    /// Its key.
    pub key: String,
    /// Its first event, ms since the Unix epoch.
    pub start: i64,
    /// Its last event, ms.
    pub end: i64,
    /// The time it ended at, ms.
    pub ended_at: i64,
    /// What ended it: `event` or `gap`.
    pub ended_by: String,
    /// Its events.
    pub events: u64,
    /// Whether the result counts it.
    pub counted: bool,
    /// As what it counts, or why it does not.
    pub reason: String,
    /// Its records, as far as they are listed.
    pub records: Vec<Listed>,
}

/// A session whose records are looked for.
struct Followed {
    session: Session,
    records: Records,
    /// What its events are to the funnel that is asked about.
    matches: Vec<(Mark, Match)>,
}

/// The sessions of one result.
struct Group {
    asked: Asked,
    funnel: Option<Funnel>,
    by_visit: HashMap<Visit, Vec<Followed>>,
    counts: BTreeMap<Verdict, u64>,
}

/// Notes the records of sessions.
pub(super) struct SessionListing {
    groups: Vec<Group>,
    gap_ms: i64,
    limit: usize,
    epoch: u64,
    decoder: Decoder,
}

/// What was found of a result over sessions.
#[derive(Debug, Default)]
pub(super) struct FoundSessions {
    pub(super) counts: BTreeMap<Verdict, u64>,
    pub(super) counted: u64,
    pub(super) all: u64,
    /// As many as are listed, in the order of the times that they ended at.
    pub(super) listed: Vec<SessionPart>,
}

impl SessionListing {
    pub(super) fn new(limit: usize, gap_ms: i64, max_bytes: usize) -> Self {
        let decoder = Decoder::new(max_bytes);
        Self { groups: Vec::new(), gap_ms, limit, epoch: 0, decoder }
    }

    /// Follows the sessions of a result.
    pub(super) fn follow(
        &mut self,
        asked: Asked,
        sessions: impl Iterator<Item = Session>,
        funnels: &[Funnel],
    ) {
        let mut by_visit: HashMap<Visit, Vec<Followed>> = HashMap::new();
        let mut sessions: Vec<_> = sessions.collect();
        sessions.sort_by(|a, b| a.order().cmp(&b.order()));
        for (place, session) in sessions.into_iter().enumerate() {
            let hash = |text: &str| xxh3_64(text.as_bytes());
            let visit = (hash(&session.user_id), hash(&session.session_id));
            // Of what is not listed the records are counted alone.
            let records = Records::new(if place < self.limit { self.limit } else { 0 });
            let followed = Followed { session, records, matches: Vec::new() };
            by_visit.entry(visit).or_default().push(followed);
        }
        let named = |f: &&Funnel| Some(&*f.name) == asked.dimension.as_deref();
        let funnel = funnels.iter().find(named).cloned();
        self.groups.push(Group { asked, funnel, by_visit, counts: BTreeMap::new() });
    }

    /// What was found of each result, in the order in which they were followed.
    pub(super) fn finish(&mut self) -> Vec<FoundSessions> {
        let limit = self.limit;
        std::mem::take(&mut self.groups).into_iter().map(|group| group.finish(limit)).collect()
    }
}

impl Watch for SessionListing {
    fn epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    fn record(&mut self, judged: &Judged<'_>) {
        // What has no row belongs to no session.
        let Some(row) = judged.row else { return };
        let session_hash = xxh3_64(judged.texts.get(row.session).as_bytes());
        let visit = (row.user_hash, session_hash);
        for group in &mut self.groups {
            if self.epoch > group.asked.last && !group.asked.is_open {
                continue;
            }
            let as_of = group.asked.as_of;
            let Some(followed) = group.by_visit.get_mut(&visit) else { continue };
            let is_later = as_of.is_some_and(|as_of| self.epoch > as_of);
            let Some(verdict) = verdict(judged, Family::Session, is_later) else { continue };
            for followed in followed {
                let (start, end) = (followed.session.start, followed.session.end);
                let near = start - self.gap_ms..=end + self.gap_ms;
                let is_within = (start..=end).contains(&row.at_ms);
                let verdict = match verdict {
                    Verdict::Taken if is_within => Verdict::Counted,
                    Verdict::Taken => continue,
                    _ if near.contains(&row.at_ms) => verdict,
                    _ => continue,
                };
                *group.counts.entry(verdict).or_default() += 1;
                if let (Verdict::Counted, Some(funnel)) = (verdict, &group.funnel) {
                    followed.matches.extend(matched(funnel, judged));
                }
                let (decoder, epoch) = (&mut self.decoder, self.epoch);
                followed.records.note(verdict, || listed(decoder, judged, verdict, epoch, what));
            }
        }
    }
}

/// What an event is to a funnel; none if it is nothing to it.
fn matched(funnel: &Funnel, judged: &Judged<'_>) -> Option<(Mark, Match)> {
    let row = judged.row?;
    let mut steps = funnel.type_mask(row.kind);
    if row.kind == Kind::PageView {
        let page = judged.texts.values.get(row.values[Dimension::Page as usize] as usize)?;
        steps |= funnel.page_mask(judged.texts.get(page.span));
    }
    let breaks = matches!(row.kind, Kind::PageView | Kind::Conversion);
    let mark = (row.at_ms, judged.partition, judged.offset);
    (steps != 0 || breaks).then_some((mark, Match { steps, breaks }))
}

impl Group {
    fn finish(self, limit: usize) -> FoundSessions {
        let Some(metric) = self.asked.subject.metric() else { return FoundSessions::default() };
        let mut found = FoundSessions { counts: self.counts, ..FoundSessions::default() };
        let mut all: Vec<_> = self.by_visit.into_values().flatten().collect();
        all.sort_by(|a, b| a.session.order().cmp(&b.session.order()));
        for mut followed in all {
            let funnel = self.funnel.as_ref();
            let steps = funnel.map(|f| (f, reached(f, &mut followed.matches)));
            let (counted, reason) = followed.session.counts_as(metric, steps);
            found.all += 1;
            found.counted += u64::from(counted);
            if found.listed.len() < limit {
                let Session { key, start, end, window_end: ended_at, ended_by, events, .. } =
                    followed.session;
                let records = followed.records.listed();
                found.listed.push(SessionPart {
                    key,
                    start,
                    end,
                    ended_at,
                    ended_by,
                    events,
                    counted,
                    reason,
                    records,
                });
            }
        }
        found
    }
}

/// So many of something, in words.
pub(super) fn times(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// How many steps of a funnel these events reached.
fn reached(funnel: &Funnel, matches: &mut [(Mark, Match)]) -> usize {
    matches.sort_unstable_by_key(|(mark, _)| *mark);
    let mut progress = Progress::default();
    for (mark, event) in matches {
        progress.push(funnel.strict, *event, *mark);
    }
    progress.reached().len()
}
