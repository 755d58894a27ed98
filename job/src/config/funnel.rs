//! Funnels as they are configured, checked in full.
//!
//! Invariant: a [`Funnel`] has a name, 2 to 8 steps, and an abandonment step
//! (from 1) that is not the last; no two funnels have one name.
//!
//! It deliberately matches no events against patterns.

use super::problem::Origin;
use super::schema::Key;
use super::suggest::nearest;
use super::value::{Refusal, Value};

/// A type of event that takes part in results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// PAGE_VIEW.
    PageView,
    /// SESSION_START.
    SessionStart,
    /// SESSION_END.
    SessionEnd,
    /// CONVERSION.
    Conversion,
}

impl EventType {
    /// All of them.
    pub const ALL: [EventType; 4] = [
        EventType::PageView,
        EventType::SessionStart,
        EventType::SessionEnd,
        EventType::Conversion,
    ];

    /// Its name in events.
    pub fn name(self) -> &'static str {
        match self {
            EventType::PageView => "PAGE_VIEW",
            EventType::SessionStart => "SESSION_START",
            EventType::SessionEnd => "SESSION_END",
            EventType::Conversion => "CONVERSION",
        }
    }
}

/// What an event must be to reach a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Any event of a type.
    Event(EventType),
    /// A page view whose page matches the pattern; `*` in it is any text.
    Page(String),
}

impl Step {
    /// The step as it is written, which is its name in results.
    pub fn text(&self) -> &str {
        match self {
            Step::Event(event_type) => event_type.name(),
            Step::Page(pattern) => pattern,
        }
    }

    /// Reads a step; the refusal has the nearest event type or page pattern.
    pub(super) fn parse(text: &str) -> Result<Step, Refusal> {
        if let Some(known) = EventType::ALL.iter().find(|known| known.name() == text) {
            return Ok(Step::Event(*known));
        }
        if text.starts_with(['/', '*', '(']) {
            return Ok(Step::Page(text.to_owned()));
        }
        let names = EventType::ALL.map(EventType::name);
        let meant = match nearest(text, names) {
            Some(name) => Some(name.to_owned()),
            None if text.contains('/') || text.contains('*') => Some(format!("/{text}")),
            None => None,
        };
        Err(Refusal {
            reason: format!(
                "a step is one of {} or a page pattern that begins with `/`, `*` or `(`",
                names.join(", ")
            ),
            nearest: meant,
        })
    }
}

/// Steps that sessions go through in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funnel {
    /// Its name in results.
    pub name: String,
    /// 2 to 8 steps.
    pub steps: Vec<Step>,
    /// Whether no other page view or conversion may come between.
    pub strict: bool,
    /// From 1; a session that reached it and not the last step has abandoned.
    pub abandonment_step: u8,
    /// Where it is configured.
    pub origin: Origin,
}

impl Funnel {
    /// The funnel that there is without any in the file.
    pub fn checkout() -> Funnel {
        let pages = ["/products/*", "/cart", "/checkout"];
        let mut steps: Vec<Step> = pages.map(|page| Step::Page(page.to_owned())).into();
        steps.push(Step::Event(EventType::Conversion));
        Funnel {
            name: "checkout".to_owned(),
            steps,
            strict: false,
            abandonment_step: 2,
            origin: Origin::Default,
        }
    }

    /// The value of a key of the funnel's section, as the file has it.
    pub(super) fn value(&self, key: &Key) -> Option<Value> {
        let texts = || self.steps.iter().map(|step| step.text().to_owned());
        Some(match key.name {
            "name" => Value::Text(self.name.clone()),
            "steps" => Value::Texts(texts().collect()),
            "strict" => Value::Flag(self.strict),
            "abandonment_step" => Value::Integer(self.abandonment_step.into()),
            _ => return None,
        })
    }
}
