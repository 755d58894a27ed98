//! What a user did in one business pane, and with which values.
//!
//! All values of a page view but the page hardly change from one event of a user to
//! the next. They are held together as a [`Context`], one object per user and
//! combination: so a pane most often knows that it has all six by one comparison of
//! pointers.

use super::values::Value;
use hashbrown::HashSet;
use smallvec::SmallVec;
use std::rc::Rc;
use streamgauge_ingest::lateness::REAL_TIME_PANE_MS;

/// Dimensions of a context: all but the page.
pub(super) const CONTEXT: usize = 6;
/// Pages beyond this number are looked up by hash.
const FEW_PAGES: usize = 24;
/// Contexts beyond this number are taken apart, their values looked up by hash.
const FEW_CONTEXTS: usize = 6;

/// The values of a page view but its page.
pub(super) struct Context(pub(super) [Rc<Value>; CONTEXT]);

impl Context {
    /// Whether it consists of these values.
    pub(super) fn is(&self, values: &[&Rc<Value>; CONTEXT]) -> bool {
        self.0.iter().zip(values).all(|(a, b)| Rc::ptr_eq(a, b))
    }
}

/// A value compared as the pointer it is: there is one per value.
pub(super) struct ByAddress(pub(super) Rc<Value>);

impl PartialEq for ByAddress {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for ByAddress {}
impl std::hash::Hash for ByAddress {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// The values of one user's page views in one pane.
enum Values {
    Few { contexts: SmallVec<[Rc<Context>; 1]>, pages: SmallVec<[Rc<Value>; 1]> },
    Many(Box<HashSet<ByAddress>>),
}

/// A business pane in which the user had an event.
pub(super) struct Pane {
    pub(super) end_ms: i64,
    /// Whether it had one of the real-time family in the first and the second half.
    pub(super) active: [bool; 2],
    pub(super) converted: bool,
    values: Values,
}

impl Pane {
    pub(super) fn new(end_ms: i64) -> Self {
        let values = Values::Few { contexts: SmallVec::new(), pages: SmallVec::new() };
        Self { end_ms, active: [false; 2], converted: false, values }
    }

    /// Ends of its real-time panes with an event.
    pub(super) fn active_ends_ms(&self) -> impl DoubleEndedIterator<Item = i64> {
        let ends_ms = [self.end_ms - REAL_TIME_PANE_MS, self.end_ms];
        let active = ends_ms.into_iter().zip(self.active);
        active.filter_map(|(end_ms, active)| active.then_some(end_ms))
    }

    /// Whether it has this page.
    pub(super) fn has_page(&self, page: &Rc<Value>) -> bool {
        match &self.values {
            Values::Few { pages, .. } => pages.iter().any(|p| Rc::ptr_eq(p, page)),
            Values::Many(all) => all.contains(&ByAddress(Rc::clone(page))),
        }
    }

    /// Whether it is known to have all of a context; if not, it may have some.
    pub(super) fn has_context(&self, context: &Rc<Context>) -> bool {
        match &self.values {
            Values::Few { contexts, .. } => contexts.iter().any(|c| Rc::ptr_eq(c, context)),
            Values::Many(_) => false,
        }
    }

    /// Whether it has the value at a place of a context.
    pub(super) fn has_value(&self, context: &Context, place: usize) -> bool {
        let value = &context.0[place];
        match &self.values {
            Values::Few { contexts, .. } => contexts.iter().any(|c| Rc::ptr_eq(&c.0[place], value)),
            Values::Many(all) => all.contains(&ByAddress(Rc::clone(value))),
        }
    }

    /// Notes a page.
    pub(super) fn add_page(&mut self, page: &Rc<Value>) {
        match &mut self.values {
            Values::Few { pages, .. } if pages.len() < FEW_PAGES => pages.push(Rc::clone(page)),
            _ => {
                self.many().insert(ByAddress(Rc::clone(page)));
            }
        }
    }

    /// Notes the values of a context.
    pub(super) fn add_context(&mut self, context: &Rc<Context>) {
        match &mut self.values {
            Values::Few { contexts, .. } if contexts.len() < FEW_CONTEXTS => {
                contexts.push(Rc::clone(context));
            }
            _ => {
                let values = context.0.iter().map(|v| ByAddress(Rc::clone(v)));
                self.many().extend(values);
            }
        }
    }

    /// Its contexts and pages, as far as they are held as such.
    pub(super) fn few(&self) -> (&[Rc<Context>], &[Rc<Value>]) {
        match &self.values {
            Values::Few { contexts, pages } => (contexts, pages),
            Values::Many(_) => (&[], &[]),
        }
    }

    /// All its values in the order of their hashes, where they are too many to be
    /// held as contexts and pages.
    pub(super) fn many_values(&self) -> Option<impl Iterator<Item = &Rc<Value>>> {
        let Values::Many(all) = &self.values else {
            return None;
        };
        let mut sorted: Vec<_> = all.iter().map(|v| &v.0).collect();
        sorted.sort_by_key(|v| (v.dimension, v.hash));
        Some(sorted.into_iter())
    }

    /// Gives it these values in place of all it has.
    pub(super) fn set_many(&mut self, values: Vec<Rc<Value>>) {
        self.values = Values::Many(Box::new(values.into_iter().map(ByAddress).collect()));
    }

    fn many(&mut self) -> &mut HashSet<ByAddress> {
        if let Values::Few { contexts, pages } = &mut self.values {
            let of_contexts = contexts.iter().flat_map(|c| c.0.iter().map(Rc::clone));
            let all = of_contexts.chain(pages.drain(..)).map(ByAddress).collect();
            self.values = Values::Many(Box::new(all));
        }
        match &mut self.values {
            Values::Many(all) => all,
            Values::Few { .. } => unreachable!("it was made many above"),
        }
    }
}
