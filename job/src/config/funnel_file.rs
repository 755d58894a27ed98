//! Reading the funnels of the file.
//!
//! Invariant: a funnel is either whole and valid, or at least one problem says
//! why it is not.
//!
//! It deliberately knows only the rules between keys; what each key takes is in
//! the table.

use toml::de::DeValue;

use super::entry::{Entry, Named, entries};
use super::file::Source;
use super::funnel::{Funnel, Step};
use super::problem::{Origin, Problem};
use super::schema::Section;
use super::settings::Refused;
use super::value::{Refusal, Value};
use crate::funnel::MOST_STEPS;

/// How few steps a funnel has.
const FEWEST_STEPS: usize = 2;

const FUNNELS: Named<Funnel> = Named {
    section: "funnel",
    word: "funnel",
    most: 64,
    name: |funnel| &funnel.name,
    origin: |funnel| &funnel.origin,
    same: |funnel| funnel.name.clone(),
    hint: "",
};

/// Reads all funnels of the file; what is wrong with them goes to `problems`.
pub(super) fn read_all(
    source: &Source<'_>,
    section: &'static Section,
    value: &DeValue<'_>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Vec<Funnel> {
    let mut funnels: Vec<Funnel> = Vec::new();
    for entry in entries(source, section, value, origin, problems) {
        if let Some(funnel) = Reading(entry).funnel(problems) {
            FUNNELS.add(&mut funnels, funnel, problems);
        }
    }
    funnels
}

/// One funnel while it is read.
struct Reading<'a>(Entry<'a>);

impl Reading<'_> {
    fn funnel(self, problems: &mut Vec<Problem>) -> Option<Funnel> {
        let before = problems.len();
        self.0.refuse_unknown(problems);
        let name = self.0.read("name", problems);
        let steps = self.steps(problems);
        let strict = self.0.read("strict", problems);
        let abandonment_step = self.abandonment_step(steps.as_deref(), problems);
        if problems.len() > before {
            return None;
        }
        let (Some(Value::Text(name)), Some(Value::Flag(strict))) = (name, strict) else {
            return None;
        };
        Some(Funnel {
            name,
            steps: steps?,
            strict,
            abandonment_step: abandonment_step?,
            origin: self.0.origin,
        })
    }

    fn steps(&self, problems: &mut Vec<Problem>) -> Option<Vec<Step>> {
        let Some(Value::Texts(texts)) = self.0.read("steps", problems) else {
            return None;
        };
        let mut refuse = |value: String, refusal: Refusal| {
            let refused = Refused { value, refusal };
            problems.push(refused.problem("funnel.steps", false, self.0.place("steps")));
        };
        if !(FEWEST_STEPS..=MOST_STEPS).contains(&texts.len()) {
            let reason = format!("a funnel has {FEWEST_STEPS} to {MOST_STEPS} steps");
            refuse(format!("{} steps", texts.len()), Refusal::new(reason));
            return None;
        }
        let mut steps = Vec::with_capacity(texts.len());
        for text in &texts {
            match Step::parse(text) {
                Ok(step) => steps.push(step),
                Err(refusal) => refuse(text.clone(), refusal),
            }
        }
        (steps.len() == texts.len()).then_some(steps)
    }

    fn abandonment_step(&self, steps: Option<&[Step]>, problems: &mut Vec<Problem>) -> Option<u8> {
        let Some(Value::Integer(number)) = self.0.read("abandonment_step", problems) else {
            return None;
        };
        let step = u8::try_from(number).ok()?;
        // Without valid steps there is no last one to compare with.
        let last = steps?.len();
        if usize::from(step) < last {
            return Some(step);
        }
        let given = self.0.has("abandonment_step");
        let reason = match given {
            true => format!("it must come before the last of {last} steps"),
            false => format!("the default must come before the last of {last} steps: set it"),
        };
        let refused = Refused {
            value: step.to_string(),
            refusal: Refusal { reason, nearest: Some((last - 1).to_string()) },
        };
        let place = self.0.place("abandonment_step");
        problems.push(refused.problem("funnel.abandonment_step", false, place));
        None
    }
}
