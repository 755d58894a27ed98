//! SESSION: the record of one session.

use std::collections::BTreeMap;

use super::event::Event;
use super::funnels::{self, Funnel};
use super::record::{Record, array, quoted};
use super::sessions::Session;

/// How many pages of its journey a record shows.
const JOURNEY_PAGES: usize = 50;

impl<'a> Session<'a> {
    /// The SESSION record.
    pub(super) fn record(&self, funnels: &[Funnel]) -> Record {
        let journey = self.journey();
        let mut record = Record::new(
            "SESSION",
            "session",
            (self.start_ms(), self.ended_ms),
            &[("session", self.id), ("user", self.user)],
        )
        .with("userId", quoted(self.user))
        .with("sessionId", quoted(self.id))
        .with("start", self.start_ms())
        .with("end", self.end_ms())
        .with("durationMs", self.duration_ms())
        .with("pageViews", self.page_views())
        .with("events", self.events.len());
        if let (Some(entry), Some(exit)) = (journey.first(), journey.last()) {
            record = record.with("entryPage", quoted(entry)).with("exitPage", quoted(exit));
        }
        let ended_by = if self.ended_by_event() { "event" } else { "gap" };
        record
            .with("journey", array(journey.iter().take(JOURNEY_PAGES).map(|page| quoted(page))))
            .with("journeyLength", journey.len())
            .with("conversions", self.conversions().count())
            .with("revenueMinor", self.revenue_minor())
            .with("bounced", self.bounced())
            .with("abandoned", self.abandoned(funnels))
            .with("endedBy", quoted(ended_by))
            .with("device", self.first_known(|event| event.device.as_deref()))
            .with("country", self.first_known(|event| event.country.as_deref()))
    }

    fn revenue_minor(&self) -> String {
        let mut sums = BTreeMap::<&str, i128>::new();
        for event in self.conversions() {
            *sums.entry(&event.currency).or_default() += i128::from(event.value_minor);
        }
        let sums: Vec<String> =
            sums.into_iter().map(|(currency, sum)| format!("{}:{sum}", quoted(currency))).collect();
        format!("{{{}}}", sums.join(","))
    }

    fn abandoned(&self, funnels: &[Funnel]) -> String {
        let by_name: BTreeMap<&str, bool> = funnels
            .iter()
            .map(|funnel| {
                let reached = funnels::reached_ms(funnel, &self.events).len();
                (
                    funnel.name.as_str(),
                    reached >= funnel.abandonment_step && reached < funnel.steps.len(),
                )
            })
            .collect();
        let flags: Vec<String> =
            by_name.into_iter().map(|(name, flag)| format!("{}:{flag}", quoted(name))).collect();
        format!("{{{}}}", flags.join(","))
    }

    fn first_known(&self, value: impl Fn(&'a Event) -> Option<&'a str>) -> String {
        quoted(self.events.iter().find_map(|event| value(event)).unwrap_or("(unknown)"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{conversion, event, fields, finals_of, page_view, settings};
    use super::super::{Settings, finals, judge};
    use super::*;

    #[test]
    fn a_session_says_what_happened_in_it() {
        let finals = finals_of(&[
            event("u", 1, "SESSION_START", r#","sessionData":{"deviceType":""}"#),
            page_view("u", 2_000, "/a"),
            page_view("u", 3_000, "/a?x"),
            page_view("u", 4_000, "/cart"),
            page_view("u", 4_000, "/a"),
            conversion("u", 5_000, "2.5", "usd"),
            conversion("u", 5_000, "1", "BHD"),
            event(
                "u",
                6_000,
                "CONVERSION",
                r#","sessionData":{"deviceType":"MOBILE","country":"DE"}"#,
            ),
        ]);
        assert_eq!(
            fields(&finals, "SESSION|1||session=u,user=u"),
            concat!(
                r#""userId":"u","sessionId":"u","start":1,"end":6000,"durationMs":5999,"pageViews":4,"events":8,"#,
                r#""entryPage":"/a","exitPage":"/a","journey":["/a","/cart","/a"],"journeyLength":3,"conversions":3,"#,
                r#""revenueMinor":{"BHD":1000,"USD":250},"bounced":false,"abandoned":{"checkout":false},"endedBy":"gap","#,
                r#""device":"MOBILE","country":"DE""#
            )
        );
    }

    #[test]
    fn sessions_without_a_page_view_have_no_pages() {
        let finals = finals_of(&[event("u", 1, "SESSION_END", "")]);
        let fields = fields(&finals, "SESSION|1||session=u,user=u");
        assert!(fields.contains(r#""events":1,"journey":[],"journeyLength":0,"#), "{fields}");
    }

    #[test]
    fn sessions_abandon_funnels() {
        let funnel = |name: &str, strict, abandonment_step| Funnel {
            name: name.to_owned(),
            steps: ["/a", "/b", "/c"].map(str::to_owned).to_vec(),
            strict,
            abandonment_step,
        };
        let funnels =
            vec![funnel("z", false, 1), funnel("any", false, 2), funnel("strict", true, 2)];
        let s = Settings { funnels, ..settings() };
        let check = |pages: &[&str], expected: &str| {
            let values: Vec<_> =
                pages.iter().zip(0..).map(|(page, at)| page_view("u", at, page)).collect();
            let found = fields(&finals(&judge(&values, &s), &s), "SESSION|0||session=u,user=u");
            assert!(
                found.contains(&format!(r#""abandoned":{{{expected}}}"#)),
                "{pages:?}: {found}"
            );
        };
        check(&["/a"], r#""any":false,"strict":false,"z":true"#);
        check(&["/a", "/b"], r#""any":true,"strict":true,"z":true"#);
        check(&["/a", "/x", "/b"], r#""any":true,"strict":false,"z":true"#);
        check(&["/a", "/b", "/x", "/c"], r#""any":false,"strict":true,"z":false"#);
        check(&["/a", "/b", "/c"], r#""any":false,"strict":false,"z":false"#);
    }
}
