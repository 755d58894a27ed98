//! The published record beside what the log gives, and why they differ if they do.

use super::asked::Asked;
use super::explanation::{Explanation, Outcome, PublishedRecord, ReadRecords, Sessions};
use super::listing::{Read, Verdict};
use super::noted::Noted;
use super::plan::Plan;
use super::published::{Published, window_end_ms};
use super::recompute::Computed;
use super::sessions::FoundSessions;
use super::settings::Rules;
use super::times::rfc3339;
use crate::live::changes;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use streamgauge_sink::dead_letters::TOO_LARGE;

/// All that was found of a key.
pub(super) struct Found {
    pub(super) asked: Asked,
    pub(super) computed: Computed,
    pub(super) noted: Option<Noted>,
    pub(super) sessions: Option<FoundSessions>,
    pub(super) read: Read,
}

impl Found {
    /// Puts it together; `plan` is of a log with bindings.
    pub(super) fn explain(self, plan: Option<&Plan>, rules: &Rules, given: &Rules) -> Explanation {
        let mut reasons = Vec::new();
        let outcome = self.judge(plan, rules, &mut reasons);
        let mut notes: Vec<_> = self.asked.subject.rule_in_words().into_iter().collect();
        notes.extend(plan.into_iter().flat_map(|plan| self.notes(plan, rules, given)));
        let Self { asked, computed, noted, sessions, read } = self;
        let noted_records = noted.as_ref().map(Noted::records);
        let counts: &BTreeMap<Verdict, u64> = match (&noted_records, &sessions) {
            (Some(records), _) => &records.counts,
            (None, Some(sessions)) => &sessions.counts,
            (None, None) => &BTreeMap::new(),
        };
        let records = counts.iter().map(|(verdict, n)| (verdict.name(), *n)).collect();
        let window_end = match computed.sessions.get(asked.key.text.as_bytes()) {
            Some(session) => session.window_end,
            // A sequence ends with its second step.
            None => computed.body.as_deref().and_then(window_end_ms).unwrap_or(asked.window.end),
        };
        let windows = asked.subject.row().map(|row| row.parts(&computed.values));
        Explanation {
            key: asked.key.text.clone(),
            r#type: asked.subject.name(),
            window_start: asked.window.start,
            window_end,
            outcome,
            reasons,
            notes,
            published: asked.published.map(published),
            computed: computed.body.and_then(raw),
            read: ReadRecords { records: read.records, rejected: read.rejected },
            records,
            users: noted.as_ref().and_then(Noted::users),
            listed: noted_records.map(|records| records.listed()).unwrap_or_default(),
            sessions: sessions.map(|s| Sessions {
                ended: s.all,
                counted: s.counted,
                listed: s.listed,
            }),
            windows: windows.unwrap_or_default(),
            near: Vec::new(),
        }
    }

    fn judge(&self, plan: Option<&Plan>, rules: &Rules, reasons: &mut Vec<String>) -> Outcome {
        let (asked, computed) = (&self.asked, &self.computed);
        let body = computed.body.as_deref();
        let Some(plan) = plan else {
            return if body.is_some() { Outcome::Computed } else { Outcome::NotFound };
        };
        let Some(published) = &asked.published else {
            return match body {
                None => Outcome::NotFound,
                Some(_) if asked.is_open => Outcome::Open,
                Some(_) => {
                    reasons.push(format!(
                        "it is not published, and the log gives it as of epoch {}: the job \
                         publishes corrections once a second, retention has cut the results, or \
                         it is larger than its topic takes (`streamgauge dlq show --reason \
                         {TOO_LARGE}`)",
                        asked.last
                    ));
                    reasons.extend(causes(plan));
                    Outcome::Differs
                }
            };
        };
        let same = published.body().map(str::as_bytes) == body;
        let is_settled = asked.frozen_ms(&rules.dataflow.windows).is_some() && !asked.is_open;
        let waits = computed.at_last != computed.body;
        if same && !(waits && is_settled && self.is_frozen(plan)) {
            return Outcome::Agrees;
        }
        if same {
            reasons.push(format!(
                "records bound after epoch {} changed it, and no correction is published",
                published.epoch
            ));
        }
        reasons.extend(causes(plan));
        if plan.has_other_settings && self.follows_another() {
            reasons.push(
                "the window before its row is beyond the limit, too: a rule that is added, or \
                 changed, looks at what comes from then on"
                    .to_owned(),
            );
        }
        if reasons.is_empty() {
            reasons.push(
                "nothing that is kept explains it: events or results were changed by something \
                 else than a job, or another version of the program computed it"
                    .to_owned(),
            );
        }
        if published.line.is_none() && body.is_some() {
            reasons.push(format!(
                "or it has ended as it is larger than its topic takes: `streamgauge dlq \
                 show --reason {TOO_LARGE}` names what was"
            ));
        }
        Outcome::Differs
    }

    /// Whether the window before the row of an alert is beyond the limit, too.
    fn follows_another(&self) -> bool {
        let row = self.asked.subject.row().map(|row| row.parts(&self.computed.values));
        row.and_then(|row| Some(row.first()?.beyond)).unwrap_or(false)
    }

    /// Whether all that can change it was read, so that what changed is published.
    fn is_frozen(&self, plan: &Plan) -> bool {
        self.asked.last < plan.committed
    }

    fn notes(&self, plan: &Plan, rules: &Rules, given: &Rules) -> Vec<String> {
        let asked = &self.asked;
        let mut notes = Vec::new();
        if rules.hash != given.hash {
            let changes = changes(&rules.json, &given.json).join(", ");
            notes.push(format!(
                "computed with the settings that it was bound with; those of now are others: \
                 {changes}"
            ));
        }
        if asked.is_open {
            notes.push(format!(
                "its window is open: it is final when the watermark has passed {}; what it is \
                 is as if nothing more came",
                rfc3339(asked.window.end)
            ));
        }
        if asked.last < plan.committed {
            notes.push(format!(
                "nothing can change it since epoch {}: what came later came too late, and is not \
                 listed (--late lists it)",
                asked.last
            ));
        }
        if self.computed.at_last != self.computed.body && !self.is_frozen(plan) {
            notes.push(
                "records bound since then change it: the correction is on its way".to_owned(),
            );
        }
        notes
    }
}

/// What of the log may be missing.
fn causes(plan: &Plan) -> Vec<String> {
    let mut causes = Vec::new();
    if !plan.cut.is_empty() {
        let one = |(partition, offsets): &(u32, std::ops::Range<u64>)| {
            format!("partition {partition} [{}, {})", offsets.start, offsets.end)
        };
        let cut: Vec<_> = plan.cut.iter().map(one).collect();
        causes
            .push(format!("retention has cut events that it may be made from: {}", cut.join(", ")));
    }
    if let (Some(after), false) = (&plan.after, plan.anew.is_empty()) {
        causes.push(format!(
            "bindings are kept, or can be used, only from epoch {} on: what came before was \
             judged anew, and who was idle then is not known",
            after.epoch + 1
        ));
    }
    if plan.has_other_settings {
        causes.push(
            "the settings have changed since the first of its events was bound: what is held of \
             it was made with the old ones"
                .to_owned(),
        );
    }
    causes
}

fn published(published: Published) -> PublishedRecord {
    let Published { epoch, at_ms: at, line } = published;
    let record = line.and_then(|line| RawValue::from_string(line).ok());
    PublishedRecord { epoch, at, record }
}

/// A line up to its tail as a JSON object.
fn raw(body: Vec<u8>) -> Option<Box<RawValue>> {
    let text = String::from_utf8(body).ok()? + "}";
    RawValue::from_string(text).ok()
}
