//! The one keyed operator written by hand: per user, the events of what is still
//! open, and from them the differences of everything that is counted.
//!
//! It is fed with the events of an epoch and its tick, and emits updates whose
//! sum over all epochs is the collection that the definitions describe. Dropping
//! state emits nothing.

mod closing;
mod daily;
mod day;
mod day_deltas;
mod deltas;
mod load;
mod pane;
mod past;
mod people;
mod presence;
mod profile;
mod save;
mod saved;
mod sequences;
mod state;
mod timers;
mod values;
mod visit;
mod watching;

pub(crate) use load::Loaded;
pub use load::{BadRow, Carried};
pub(crate) use save::Texts as SavedTexts;
pub(crate) use saved::{SavedEntry, SavedRunning, SavedSession};
pub use state::{Held, State, Updates};
pub use values::{Value, Values};

use crate::alert::SequenceAlert;
use crate::checkpoint::{Part, Parts};
use crate::epochs::{Inbox, TickInbox};
use crate::expiry::Update;
use crate::rows::{Bounce, ListDiff, ListKey, Tally, TallyKey};
use crate::session::Ended;
use crate::time::{Epoch, Tick};
use std::sync::Arc;
use streamgauge_ingest::batch::EventBatch;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// The streams of updates that leave the state per user.
pub struct UserUpdates<'s> {
    /// Counts of windows.
    pub tallies: Stream<'s, Epoch, Vec<Update<TallyKey, Tally>>>,
    /// Rows of lists.
    pub lists: Stream<'s, Epoch, Vec<Update<ListKey, ListDiff>>>,
    /// Sessions that have ended.
    pub sessions: Stream<'s, Epoch, Vec<(Arc<Ended>, Epoch, isize)>>,
    /// Users with one page view in a closed alert window.
    pub bounces: Stream<'s, Epoch, Vec<(Bounce, Epoch, isize)>>,
    /// Users who went through the steps of rules.
    pub sequences: Stream<'s, Epoch, Vec<(SequenceAlert, Epoch, isize)>>,
}

/// Keeps the state of this worker's users; `batches` are exchanged by target.
///
/// With `parts`, users go into checkpoints. `held` is told after each epoch how much
/// is held.
pub fn state_per_user<'s>(
    batches: Stream<'s, Epoch, Vec<EventBatch>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    mut state: State,
    parts: Option<Parts>,
    mut held: impl FnMut(Held) + 'static,
) -> UserUpdates<'s> {
    if parts.is_some() {
        state.note_changes();
    }
    let mut builder = OperatorBuilder::new("state per user".to_owned(), batches.scope());
    let mut input = builder.new_input(batches, Exchange::new(|b: &EventBatch| b.target));
    let mut tick_input = builder.new_input(ticks, Pipeline);
    let (out, tallies) = builder.new_output();
    let mut tally_out = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(out);
    let (out, lists) = builder.new_output();
    let mut list_out = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(out);
    let (out, sessions) = builder.new_output();
    let mut session_out = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(out);
    let (out, bounces) = builder.new_output();
    let mut bounce_out = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(out);
    let (out, sequences) = builder.new_output();
    let mut sequence_out = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(out);
    builder.build(move |initial| {
        drop(initial);
        let (mut inbox, mut ticks) = (Inbox::default(), TickInbox::<5>::default());
        move |frontiers| {
            inbox.receive(&mut input, |_| None);
            ticks.receive(&mut tick_input);
            while let Some((epoch, tick, caps)) = ticks.next_complete(frontiers) {
                let updates = state.epoch(epoch, tick, inbox.take(epoch));
                let mut out = tally_out.activate();
                out.session(&caps[0]).give_iterator(updates.tallies.drain(..));
                let mut out = list_out.activate();
                out.session(&caps[1]).give_iterator(updates.lists.drain(..));
                let mut out = session_out.activate();
                out.session(&caps[2]).give_iterator(updates.sessions.drain(..));
                let mut out = bounce_out.activate();
                out.session(&caps[3]).give_iterator(updates.bounces.drain(..));
                let mut out = sequence_out.activate();
                out.session(&caps[4]).give_iterator(updates.sequences.drain(..));
                if let (Some(parts), Some(extent)) = (&parts, tick.checkpoint) {
                    parts.give(epoch, Part::Users(state.save(extent)));
                }
                held(state.held());
            }
        }
    });
    UserUpdates { tallies, lists, sessions, bounces, sequences }
}
