//! Arrangements that forget: silent expiry.
//!
//! A key says when no update can touch it any more; keys sort by that time, so
//! what has expired is a prefix of every batch. A merge of two batches starts
//! behind the prefix, and nothing is published about it: no operator reads those
//! keys again, because lateness forbids an update of them.
//!
//! The *horizon* up to which keys are forgotten is kept per key type and worker
//! thread. Only the last reader of an arrangement may move it, when it is done
//! with an epoch: the operator that feeds the arrangement can be epochs ahead.
//! So there is one arrangement of a key type in a dataflow, and one dataflow of
//! this kind in a thread.

use differential_dataflow::batcher::merge::chunker::ContainerChunker;
use differential_dataflow::batcher::merge::vec::VecMerger;
use differential_dataflow::batcher::merge::{MergeBatcher, Sealer};
use differential_dataflow::difference::Semigroup;
use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::spine_fueled::{Merger, Spine, SpineBatch};
use differential_dataflow::trace::{Cursor, Navigable};
use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::thread::LocalKey;
use streamgauge_ingest::BEFORE_TIME_MS;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::progress::frontier::AntichainRef;

use crate::time::Epoch;

/// A key that ends.
pub trait Expiring {
    /// When no update can touch it any more, in ms of the global watermark. Keys
    /// must sort by it first.
    fn expires_ms(&self) -> i64;

    /// Where the horizon of this type is kept.
    fn horizon() -> &'static LocalKey<Cell<i64>>;

    /// Whether it lies behind the horizon.
    fn is_expired(&self, horizon_ms: i64) -> bool {
        self.expires_ms() <= horizon_ms
    }
}

/// Lets this thread's arrangement of `K` forget what expires at `watermark_ms`
/// or before.
pub fn forget_until<K: Expiring>(watermark_ms: i64) {
    K::horizon().with(|h| h.set(h.get().max(watermark_ms)));
}

/// What can be a key of a forgetting arrangement.
pub trait Key: Expiring + Ord + Clone + 'static {}
impl<K: Expiring + Ord + Clone + 'static> Key for K {}

/// What can be its difference.
pub trait Diff: Semigroup + Ord + Clone + 'static {}
impl<R: Semigroup + Ord + Clone + 'static> Diff for R {}

/// An update of a key without a value.
pub type Update<K, R> = ((K, ()), Epoch, R);

/// Updates sorted by key and epoch, consolidated.
pub struct Rows<K, R> {
    /// The updates.
    pub rows: Vec<(K, Epoch, R)>,
}

/// A trace of such batches.
pub type ForgettingSpine<K, R> = Spine<Rc<Rows<K, R>>>;

type Batcher<K, R> =
    MergeBatcher<ContainerChunker<Vec<Update<K, R>>>, VecMerger<(K, ()), Epoch, R>, Seal<K, R>>;

/// Arranges updates by key, spread over the workers by `route`, forgetting what
/// has expired.
pub fn arrange<'s, K, R>(
    updates: Stream<'s, Epoch, Vec<Update<K, R>>>,
    name: &str,
    route: impl Fn(&K) -> u64 + 'static,
) -> Arranged<'s, TraceAgent<ForgettingSpine<K, R>>>
where
    K: Key + differential_dataflow::ExchangeData,
    R: Diff + differential_dataflow::ExchangeData,
{
    K::horizon().with(|h| h.set(BEFORE_TIME_MS));
    let pact = Exchange::new(move |((key, ()), _, _): &Update<K, R>| route(key));
    arrange_core::<_, _, _, ForgettingSpine<K, R>>(updates, pact, name, |logger, operator| {
        Batcher::<K, R>::new(logger, operator)
    })
}

/// Makes a batch of sorted chunks.
pub struct Seal<K, R>(PhantomData<(K, R)>);

impl<K: Key, R: Diff> Sealer<Vec<Update<K, R>>> for Seal<K, R> {
    type Output = Rows<K, R>;

    fn seal(chain: &mut Vec<Vec<Update<K, R>>>) -> Option<Rows<K, R>> {
        let mut rows = Vec::with_capacity(chain.iter().map(Vec::len).sum());
        for chunk in chain.drain(..) {
            rows.extend(chunk.into_iter().map(|((k, ()), t, r)| (k, t, r)));
        }
        (!rows.is_empty()).then_some(Rows { rows })
    }
}

impl<K: Key, R: Diff> SpineBatch for Rows<K, R> {
    type Time = Epoch;
    type Merger = RowMerger<K, R>;

    fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Merges two batches behind the expired prefix of each.
pub struct RowMerger<K, R> {
    left: usize,
    right: usize,
    /// Epochs before this one are no longer told apart.
    since: Epoch,
    merged: Vec<(K, Epoch, R)>,
}

impl<K: Key, R: Diff> RowMerger<K, R> {
    fn push(&mut self, (key, epoch, diff): &(K, Epoch, R)) {
        let epoch = (*epoch).max(self.since);
        if let Some(last) = self.merged.last_mut()
            && last.1 == epoch
            && last.0 == *key
        {
            last.2.plus_equals(diff);
            if last.2.is_zero() {
                self.merged.pop();
            }
            return;
        }
        self.merged.push((key.clone(), epoch, diff.clone()));
    }
}

impl<K: Key, R: Diff> Merger<Rows<K, R>> for RowMerger<K, R> {
    fn new(a: &Rows<K, R>, b: &Rows<K, R>, frontier: AntichainRef<Epoch>) -> Self {
        let horizon_ms = K::horizon().with(Cell::get);
        let start = |r: &Rows<K, R>| r.rows.partition_point(|row| row.0.is_expired(horizon_ms));
        let (left, right) = (start(a), start(b));
        let merged = Vec::with_capacity(a.rows.len() - left + b.rows.len() - right);
        Self { left, right, since: frontier.first().copied().unwrap_or(0), merged }
    }

    fn work(&mut self, a: &Rows<K, R>, b: &Rows<K, R>, fuel: &mut isize) {
        while *fuel > 0 && (self.left < a.rows.len() || self.right < b.rows.len()) {
            let take_left = match (a.rows.get(self.left), b.rows.get(self.right)) {
                (Some(x), Some(y)) => (&x.0, x.1.max(self.since)) <= (&y.0, y.1.max(self.since)),
                (x, _) => x.is_some(),
            };
            if take_left {
                self.push(&a.rows[self.left]);
                self.left += 1;
            } else {
                self.push(&b.rows[self.right]);
                self.right += 1;
            }
            *fuel -= 1;
        }
    }

    fn done(mut self) -> Option<Rows<K, R>> {
        if self.merged.len() * 2 < self.merged.capacity() {
            self.merged.shrink_to_fit();
        }
        (!self.merged.is_empty()).then_some(Rows { rows: self.merged })
    }
}

impl<K: Key, R: Diff> Navigable for Rows<K, R> {
    type Cursor = RowCursor<K, R>;

    fn cursor(&self) -> Self::Cursor {
        RowCursor { at: 0, stepped: false, row: PhantomData }
    }
}

/// Walks the keys of a batch.
pub struct RowCursor<K, R> {
    at: usize,
    /// The one value of the key was passed.
    stepped: bool,
    row: PhantomData<(K, R)>,
}

impl<K: Key, R: Diff> Cursor for RowCursor<K, R> {
    type Storage = Rows<K, R>;
    type Key<'a> = &'a K;
    type ValOwn = ();
    type Val<'a> = &'a ();
    type Time = Epoch;
    type TimeGat<'a> = &'a Epoch;
    type Diff = R;
    type DiffGat<'a> = &'a R;
    type KeyContainer = Vec<K>;
    type ValContainer = Vec<()>;
    type TimeContainer = Vec<Epoch>;
    type DiffContainer = Vec<R>;

    fn key_valid(&self, s: &Self::Storage) -> bool {
        self.at < s.rows.len()
    }
    fn val_valid(&self, s: &Self::Storage) -> bool {
        !self.stepped && self.key_valid(s)
    }
    fn key<'a>(&self, s: &'a Self::Storage) -> &'a K {
        &s.rows[self.at].0
    }
    fn val<'a>(&self, _: &'a Self::Storage) -> &'a () {
        &()
    }
    fn get_key<'a>(&self, s: &'a Self::Storage) -> Option<&'a K> {
        s.rows.get(self.at).map(|row| &row.0)
    }
    fn get_val<'a>(&self, s: &'a Self::Storage) -> Option<&'a ()> {
        self.val_valid(s).then_some(&())
    }
    fn map_times<L: FnMut(&Epoch, &R)>(&mut self, s: &Self::Storage, mut logic: L) {
        let key = &s.rows[self.at].0;
        for (_, epoch, diff) in s.rows[self.at..].iter().take_while(|row| row.0 == *key) {
            logic(epoch, diff);
        }
    }
    fn step_key(&mut self, s: &Self::Storage) {
        let key = &s.rows[self.at].0;
        self.at += s.rows[self.at..].iter().take_while(|row| row.0 == *key).count();
        self.stepped = false;
    }
    fn seek_key(&mut self, s: &Self::Storage, key: &K) {
        // Keys are asked for in ascending order and often lie close: gallop.
        let rows = &s.rows[self.at..];
        let mut step = 1;
        while step < rows.len() && rows[step].0 < *key {
            step *= 2;
        }
        let from = step / 2;
        let to = rows.len().min(step + 1);
        self.at += from + rows[from..to].partition_point(|row| row.0 < *key);
        self.stepped = false;
    }
    fn step_val(&mut self, _: &Self::Storage) {
        self.stepped = true;
    }
    fn seek_val(&mut self, _: &Self::Storage, _: &()) {}
    fn rewind_keys(&mut self, _: &Self::Storage) {
        self.at = 0;
        self.stepped = false;
    }
    fn rewind_vals(&mut self, _: &Self::Storage) {
        self.stepped = false;
    }
}
