//! Writing an event as the tracker of a site would send it.
//!
//! One pass over fixed texts and numbers into the caller's buffer, with no
//! allocation and no escaping (the scenario's texts need none). The fields that
//! are analysed come first; what follows them (`context`, `experiments`,
//! `performance`) is what real trackers send along, and is there so that an
//! event has its usual size of 1 to 2 KB.
//!
//! Invariant: the bytes follow from the event and the scenario alone.

mod context;
mod page;
mod text;

use crate::breakage::Breakage;
use crate::event::{Action, Event};
use crate::journey::Conversion;
use crate::random::{Random, Stream, mix};
use crate::scenario::{Product, Scenario};
use context::write_context;
use page::{write_page, write_performance};
use text::{money, number, text, uuid};

/// Writes events that happen from a certain moment on.
#[derive(Debug)]
pub(crate) struct Writer {
    start_ms: i64,
}

impl Writer {
    pub(crate) fn new(start_ms: i64) -> Self {
        Writer { start_ms }
    }

    pub(crate) fn timestamp_ms(&self, event: &Event) -> i64 {
        self.start_ms + i64::try_from(event.at_us / 1000).expect("less than 300,000 years")
    }

    /// Appends the event, and breaks it if that is asked for.
    pub(crate) fn write(
        &self,
        event: &Event,
        scenario: &Scenario,
        out: &mut Vec<u8>,
        breakage: Option<Breakage>,
    ) {
        let from = out.len();
        let mut details = Random::new(event.nonce, Stream::Details);
        let product = scenario.catalogue.product(event.product);
        self.write_head(event, &mut details, out);
        if matches!(event.action, Action::View { .. }) {
            write_page(event, product, &mut details, out);
        }
        write_session(event, out);
        if let Action::Convert(conversion) = event.action {
            write_conversion(event, conversion, product, &mut details, out);
        }
        write_context(event, out);
        if matches!(event.action, Action::View { .. }) {
            write_performance(event, &mut details, out);
        }
        text(out, ",\"tracker\":{\"name\":\"shop-web\",\"version\":\"4.18.2\",\"sequence\":");
        number(out, event.sequence);
        text(out, "}}");
        if let Some(breakage) = breakage {
            breakage.apply(out, from, &mut details);
        }
    }

    fn write_head(&self, event: &Event, details: &mut Random, out: &mut Vec<u8>) {
        text(out, "{\"eventId\":\"");
        uuid(out, details);
        text(out, "\",\"timestamp\":");
        number(out, self.timestamp_ms(event));
        text(out, ",\"eventType\":\"");
        text(out, event.event_type().name());
        if let Some(user) = event.user_id() {
            text(out, "\",\"userId\":\"");
            out.extend_from_slice(user.as_bytes());
        }
        text(out, "\",\"sessionId\":\"");
        out.extend_from_slice(event.session_id().as_bytes());
        text(out, "\"");
    }
}

fn write_session(event: &Event, out: &mut Vec<u8>) {
    let (visitor, device) = (&event.visitor, event.visitor.device());
    let (net, host) = visitor.address();
    text(out, ",\"sessionData\":{\"userAgent\":\"");
    text(out, device.user_agent);
    text(out, "\",\"ipAddress\":\"");
    text(out, net);
    number(out, host);
    text(out, "\",\"country\":\"");
    text(out, visitor.country().code);
    text(out, "\",\"city\":\"");
    text(out, visitor.city());
    text(out, "\",\"deviceType\":\"");
    text(out, device.kind);
    text(out, "\",\"browser\":\"");
    text(out, device.browser);
    text(out, "\",\"os\":\"");
    text(out, device.os);
    text(out, "\"}");
}

fn write_conversion(
    event: &Event,
    conversion: Conversion,
    product: &Product,
    details: &mut Random,
    out: &mut Vec<u8>,
) {
    text(out, ",\"conversionData\":{\"conversionType\":\"");
    match conversion {
        Conversion::Purchase => {
            let currency = &event.visitor.country().currency;
            // Most buy one, some two or three.
            let pieces = [1, 1, 1, 1, 1, 1, 2, 2, 3][details.index(9)];
            text(out, "PURCHASE\",\"value\":");
            money(out, product.price * pieces * currency.minor_per_cent / 1000, currency.digits);
            text(out, ",\"currency\":\"");
            text(out, currency.code);
            text(out, "\",\"orderId\":\"o-");
            number(out, event.session);
            text(out, "-");
            number(out, event.sequence);
            text(out, "\",\"items\":");
            number(out, pieces);
        }
        Conversion::Signup => text(out, "SIGNUP\",\"method\":\"email\""),
        Conversion::Newsletter => text(out, "NEWSLETTER\",\"list\":\"weekly-deals\""),
    }
    text(out, "}");
}

/// Bits that stay the same for a session: which words it searches with, which
/// side of an experiment it is on.
fn choice(event: &Event) -> usize {
    (mix(u64::from(event.session)) & 0xffff) as usize
}
