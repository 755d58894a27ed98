//! The summary of a replay.

use super::output::OutputCounts;
use crate::alert::AlertRule;
use crate::funnel::Funnel;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::bots::PATTERNS;
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::lateness::Family;
use streamgauge_ingest::settings::{BotMode, InputSettings};
use streamgauge_ingest::summary::{Jump, SourceCounts};
use streamgauge_sink::alert::HIGH_BOUNCE_RATE;
use streamgauge_sink::change::Topic;
use streamgauge_sink::json::{self, Object};
use streamgauge_sink::metric::Metric;

/// All that a summary tells.
pub struct Summary<'a> {
    /// What was read.
    pub source: &'a SourceCounts,
    /// What was published.
    pub output: &'a OutputCounts,
    /// How records were judged.
    pub settings: &'a InputSettings,
    /// The funnels with the texts of their steps.
    pub funnels: &'a [(Funnel, Vec<String>)],
    /// The configured rules.
    pub alerts: &'a [Arc<AlertRule>],
    /// Whether there are results over days.
    pub has_days: bool,
    /// Time that passed.
    pub wall: Duration,
    /// Processor time of the whole process.
    pub cpu: Duration,
    /// Whether it was asked to stop before all was read.
    pub interrupted: bool,
    /// Whether the rejected and late records were written somewhere.
    pub keeps_dead_letters: bool,
}

/// With fewer records, the start of the process is most of what a rate measures.
const RATED_RECORDS: u64 = 5_000;

impl Summary<'_> {
    /// One JSON object, without a line end.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let s = self.source;
        let mut out = Vec::new();
        let mut o = Object::open(&mut out);
        o.integer("read", s.read).integer("accepted", s.accepted);
        let mut reasons = Object::open(o.field("deadLetters"));
        for reason in Reason::ALL {
            reasons.integer(reason.as_str(), s.dead_letters[reason as usize]);
        }
        reasons.close();
        o.integer("partlyLate", s.partly_late);
        let mut late = Object::open(o.field("late"));
        for family in Family::ALL {
            late.integer(family.name(), s.late[family as usize]);
        }
        late.close();
        o.integer("duplicates", s.duplicates)
            .integer("unknownTypes", s.unknown_types)
            .integer("bots", s.bots)
            .integer("badLeaves", s.bad_leaves);
        let standing = |topic| self.output.standing.get(&topic).copied().unwrap_or(0);
        let mut results = Object::open(o.field("results"));
        let told = Metric::ALL.into_iter().filter(|metric| self.has_days || !metric.is_of_days());
        for metric in told {
            results.integer(metric.name(), standing(Topic::Result(metric)));
        }
        results.close();
        o.integer("alerts", standing(Topic::Alert)).array("jumps", &s.jumps, jump);
        self.settings(o.field("settings"));
        o.text("digest", &self.output.digest.to_string());
        o.field("wallSeconds").extend_from_slice(seconds(self.wall).as_bytes());
        o.field("cpuSeconds").extend_from_slice(seconds(self.cpu).as_bytes());
        if self.interrupted {
            o.boolean("interrupted", true);
        }
        o.close();
        out
    }

    fn settings(&self, out: &mut Vec<u8>) {
        let s = self.settings;
        let mut o = Object::open(out);
        o.integer("partitions", s.partitions)
            .integer("allowedDisorderMs", s.allowed_disorder_ms)
            .integer("latenessMs", s.lateness_ms)
            .integer("sessionGapMs", s.session_gap_ms)
            .text("dedup", if s.dedup { "on" } else { "off" });
        let mut bots = Object::open(o.field("bots"));
        let mode = match s.bots {
            BotMode::Include => "include",
            BotMode::Exclude => "exclude",
        };
        bots.text("mode", mode).text("patterns", PATTERNS);
        bots.close();
        o.integer("maxBytes", s.max_bytes);
        o.array("funnels", self.funnels, |out, (funnel, steps)| {
            let mut o = Object::open(out);
            o.text("name", &funnel.name)
                .array("steps", steps, |out, step| json::text(out, step))
                .boolean("strict", funnel.strict)
                .integer("abandonmentStep", funnel.abandonment_step);
            o.close();
        });
        let bounces = [None];
        let rules = bounces.into_iter().chain(self.alerts.iter().map(Some));
        let mut rules: Vec<_> = rules.collect();
        rules.sort_by_key(|rule| rule.map_or(HIGH_BOUNCE_RATE.name, |rule| &rule.name));
        o.array("alerts", rules, |out, rule| match rule {
            Some(rule) => rule.write(out),
            None => {
                let mut o = Object::open(out);
                o.text("rule", HIGH_BOUNCE_RATE.name);
                o.integer("ruleVersion", HIGH_BOUNCE_RATE.version);
                o.close();
            }
        });
        o.close();
    }

    /// A few lines for people.
    #[must_use]
    pub fn text(&self) -> String {
        let s = self.source;
        let mut text = String::new();
        let results: i64 =
            self.output.standing.iter().filter(|(t, _)| **t != Topic::Alert).map(|(_, n)| n).sum();
        let alerts = self.output.standing.get(&Topic::Alert).copied().unwrap_or(0);
        // Writing to a string cannot fail.
        if self.interrupted {
            let _ = writeln!(
                text,
                "interrupted: the results cover only the part of the input that was read until then"
            );
        }
        let _ =
            writeln!(text, "read {} records in {} s{}", s.read, seconds(self.wall), self.rate());
        let _ = writeln!(
            text,
            "accepted {} ({} of unknown types, {} late for some families), rejected {}, duplicates {}, bots {}",
            s.accepted,
            s.unknown_types,
            s.partly_late,
            s.rejected(),
            s.duplicates,
            s.bots
        );
        for reason in Reason::ALL.into_iter().filter(|r| s.dead_letters[*r as usize] > 0) {
            let _ = writeln!(text, "  {}: {}", reason.as_str(), s.dead_letters[reason as usize]);
        }
        text.push_str(&self.advice());
        let _ = writeln!(text, "published {results} results and {alerts} alerts");
        if !s.jumps.is_empty() {
            let _ = writeln!(
                text,
                "records that moved their partition's watermark by more than a day:"
            );
        }
        for Jump { partition, offset, ms } in &s.jumps {
            let days = ms / 86_400_000;
            let _ = writeln!(
                text,
                "  partition {partition}, offset {offset}: by {days} days ({ms} ms)"
            );
        }
        text
    }

    fn rate(&self) -> String {
        let read = self.source.read;
        if read < RATED_RECORDS {
            return String::new();
        }
        let rate = read as f64 / self.wall.as_secs_f64().max(1e-9);
        let per_event_us = self.cpu.as_secs_f64() * 1e6 / read as f64;
        format!(" ({rate:.0} a second, {per_event_us:.2} µs of processor time each)")
    }

    /// What to do about rejected and late records, if there are any.
    fn advice(&self) -> String {
        let s = self.source;
        let mut advice = Vec::new();
        if s.rejected() + s.partly_late > 0 && !self.keeps_dead_letters {
            advice.push("--dead-letters FILE shows them, each with its reason");
        }
        if s.late.iter().any(|count| *count > 0) {
            advice.push("a larger --lateness takes late ones");
        }
        if advice.is_empty() { String::new() } else { format!("  {}\n", advice.join("; ")) }
    }
}

fn jump(out: &mut Vec<u8>, jump: &Jump) {
    let mut o = Object::open(out);
    o.integer("partition", jump.partition).integer("offset", jump.offset).integer("ms", jump.ms);
    o.close();
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
