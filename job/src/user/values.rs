//! The values that this worker's users have, each held once.
//!
//! Two references to one value are the same pointer, so presence is compared
//! without looking at texts. A value is forgotten when nobody holds it.

use super::sequences::Steps;
use crate::alert::AlertRule;
use crate::funnel::{Funnel, StepMask};
use crate::rows::Name;
use hashbrown::HashTable;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;
use streamgauge_ingest::batch::{self, Dimension, Texts};

/// A value of a dimension.
#[derive(Debug)]
pub struct Value {
    /// The same on every worker.
    pub hash: u64,
    /// What it is a value of.
    pub dimension: Dimension,
    /// Its text.
    pub name: Name,
    /// Where the changes of this epoch stand, for two neighbouring panes.
    pub slots: [Cell<Slot>; 2],
    /// The same for a day.
    pub day_slot: Cell<Slot>,
    steps: OnceCell<Box<[StepMask]>>,
    rule_steps: OnceCell<Box<[Steps]>>,
}

/// A place in the changes of an epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// The flush it is valid for; 0 is none.
    pub flush: u64,
    /// The pane.
    pub pane_end_ms: i64,
    /// The place.
    pub index: usize,
}

impl Value {
    /// The steps that a view of this page matches, per funnel.
    pub fn page_steps(&self, funnels: &[Funnel]) -> &[StepMask] {
        self.steps.get_or_init(|| funnels.iter().map(|f| f.page_mask(&self.name.text)).collect())
    }

    /// The steps of each rule that a view of this page matches by its page.
    pub(super) fn rule_steps(&self, rules: &[Arc<AlertRule>]) -> &[Steps] {
        let page = &self.name.text;
        let steps = |rule: &Arc<AlertRule>| Steps::of(rule, |step| step.is_page(page));
        self.rule_steps.get_or_init(|| rules.iter().map(steps).collect())
    }
}

/// All values held by this worker.
#[derive(Default)]
pub struct Values {
    known: HashTable<Rc<Value>>,
    sweep_at: usize,
}

/// Fewer values than this are never swept.
const SWEEP_FROM: usize = 4096;

impl Values {
    /// The value that a batch speaks of.
    pub fn resolve(&mut self, texts: &Texts, value: &batch::Value) -> Rc<Value> {
        let text = texts.get(value.span);
        self.find_or_add(value.dimension, value.hash, value.split, text)
    }

    fn find_or_add(
        &mut self,
        dimension: Dimension,
        hash: u64,
        split: u32,
        text: &str,
    ) -> Rc<Value> {
        let same = |v: &Rc<Value>| {
            v.hash == hash
                && v.dimension == dimension
                && v.name.split == split
                && *v.name.text == *text
        };
        if let Some(found) = self.known.find(hash, same) {
            return Rc::clone(found);
        }
        self.sweep();
        let new = Rc::new(Value {
            hash,
            dimension,
            name: Name { text: text.into(), split },
            slots: Default::default(),
            day_slot: Cell::default(),
            steps: OnceCell::new(),
            rule_steps: OnceCell::new(),
        });
        self.known.insert_unique(new.hash, Rc::clone(&new), |v| v.hash);
        new
    }

    /// The value of this text.
    pub fn of_text(&mut self, dimension: Dimension, split: u32, text: &str) -> Rc<Value> {
        let hash = batch::value_hash(dimension, text, split);
        self.find_or_add(dimension, hash, split, text)
    }

    /// Number of values held, those that nobody holds any more included.
    #[must_use]
    pub fn held(&self) -> usize {
        self.known.len()
    }

    /// Forgets what nobody holds, whenever the table has doubled since: a
    /// constant cost per new value.
    fn sweep(&mut self) {
        if self.known.len() < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        self.forget_unused();
        self.sweep_at = self.known.len() * 2;
    }

    /// Forgets what nobody holds.
    pub fn forget_unused(&mut self) {
        self.known.retain(|v| Rc::strong_count(v) > 1);
        if self.known.len() * 4 < self.known.capacity() {
            self.known.shrink_to_fit(|v| v.hash);
        }
    }
}
