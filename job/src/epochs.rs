//! Operators that work epoch by epoch: each sees all input of an epoch at once,
//! in the order of epochs, with the tick of the epoch.
//!
//! Every worker gets the tick of every epoch that is released; so the right to
//! emit at an epoch comes with its tick, and data wait for it.

use crate::time::{Epoch, Tick};
use std::collections::BTreeMap;
use timely::communication::Pull;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::Message;
use timely::dataflow::channels::pact::{ParallelizationContract, Pipeline};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::operator::empty;
use timely::dataflow::operators::generic::{InputHandleCore, OutputBuilder};
use timely::progress::frontier::MutableAntichain;

/// Data that belong to epochs which are not complete yet.
pub struct Inbox<D>(BTreeMap<Epoch, Vec<D>>);

impl<D> Default for Inbox<D> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<D: Clone + 'static> Inbox<D> {
    /// Takes what has arrived. `epoch_of` tells the epoch of a datum that knows
    /// it: operators of differential dataflow send updates of several epochs in
    /// one message. Otherwise it is the epoch of the message.
    pub fn receive<P: Pull<Message<Epoch, Vec<D>>>>(
        &mut self,
        input: &mut InputHandleCore<Epoch, Vec<D>, P>,
        epoch_of: impl Fn(&D) -> Option<Epoch>,
    ) {
        input.for_each_stamp(|cap, batches| {
            let stamp = *cap.least().expect("data have an epoch");
            for batch in batches {
                for datum in batch.drain(..) {
                    let epoch = epoch_of(&datum).unwrap_or(stamp);
                    self.0.entry(epoch).or_default().push(datum);
                }
            }
        });
    }

    /// The data of an epoch.
    pub fn take(&mut self, epoch: Epoch) -> Vec<D> {
        self.0.remove(&epoch).unwrap_or_default()
    }
}

/// Ticks of epochs that are not complete yet, with the right to emit at them.
pub struct TickInbox<const OUTPUTS: usize>(BTreeMap<Epoch, (Tick, [Capability<Epoch>; OUTPUTS])>);

impl<const OUTPUTS: usize> Default for TickInbox<OUTPUTS> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<const OUTPUTS: usize> TickInbox<OUTPUTS> {
    /// Takes the ticks that have arrived.
    pub fn receive<P: Pull<Message<Epoch, Vec<Tick>>>>(
        &mut self,
        input: &mut InputHandleCore<Epoch, Vec<Tick>, P>,
    ) {
        input.for_each_stamp(|cap, batches| {
            let epoch = *cap.least().expect("a tick has an epoch");
            for tick in batches.flat_map(|batch| batch.drain(..)) {
                let retain = |output| cap.retain_least(output).expect("a tick has an epoch");
                self.0.insert(epoch, (tick, std::array::from_fn(retain)));
            }
        });
    }

    /// The first epoch that none of the inputs can add to.
    pub fn next_complete(
        &mut self,
        frontiers: &[MutableAntichain<Epoch>],
    ) -> Option<(Epoch, Tick, [Capability<Epoch>; OUTPUTS])> {
        let epoch = *self.0.first_key_value()?.0;
        if frontiers.iter().any(|f| f.less_equal(&epoch)) {
            return None;
        }
        self.0.pop_first().map(|(epoch, (tick, capabilities))| (epoch, tick, capabilities))
    }
}

/// A stream and how it is spread over the workers.
pub type Input<'s, D, P> = (Stream<'s, Epoch, Vec<D>>, P);

/// Calls `logic` once per epoch with its data and tick, and emits what it adds.
pub fn by_epoch<'s, D, O, P, L>(
    data: Input<'s, D, P>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    name: &str,
    mut logic: L,
) -> Stream<'s, Epoch, Vec<O>>
where
    D: Clone + 'static,
    O: Clone + 'static,
    P: ParallelizationContract<Epoch, Vec<D>>,
    L: FnMut(Epoch, Tick, Vec<D>, &mut Vec<O>) + 'static,
{
    let none = (empty::<_, Vec<()>>(ticks.scope()), Pipeline);
    by_epoch_of_two(
        none,
        data,
        |()| None,
        ticks,
        name,
        move |epoch, tick, _, data, emitted| {
            logic(epoch, tick, data, emitted);
        },
    )
}

/// The same with two inputs of data, of which the first may come from operators
/// of differential dataflow: `epoch_of_first` is as in [`Inbox::receive`].
pub fn by_epoch_of_two<'s, D1, D2, O, P1, P2, L>(
    (first, first_pact): Input<'s, D1, P1>,
    (second, second_pact): Input<'s, D2, P2>,
    epoch_of_first: impl Fn(&D1) -> Option<Epoch> + 'static,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    name: &str,
    mut logic: L,
) -> Stream<'s, Epoch, Vec<O>>
where
    D1: Clone + 'static,
    D2: Clone + 'static,
    O: Clone + 'static,
    P1: ParallelizationContract<Epoch, Vec<D1>>,
    P2: ParallelizationContract<Epoch, Vec<D2>>,
    L: FnMut(Epoch, Tick, Vec<D1>, Vec<D2>, &mut Vec<O>) + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), ticks.scope());
    let mut first_input = builder.new_input(first, first_pact);
    let mut second_input = builder.new_input(second, second_pact);
    let mut tick_input = builder.new_input(ticks, Pipeline);
    let (output, stream) = builder.new_output();
    let mut output = OutputBuilder::<Epoch, CapacityContainerBuilder<Vec<O>>>::from(output);
    builder.build(move |initial| {
        drop(initial);
        let (mut first, mut second) = (Inbox::default(), Inbox::default());
        let mut ticks = TickInbox::<1>::default();
        let mut emitted = Vec::new();
        move |frontiers| {
            first.receive(&mut first_input, &epoch_of_first);
            second.receive(&mut second_input, |_| None);
            ticks.receive(&mut tick_input);
            while let Some((epoch, tick, [capability])) = ticks.next_complete(frontiers) {
                logic(epoch, tick, first.take(epoch), second.take(epoch), &mut emitted);
                output.activate().session(&capability).give_iterator(emitted.drain(..));
            }
        }
    });
    stream
}
