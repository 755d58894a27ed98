//! What each worker goes on from: a checkpoint, cut into shares.

use crate::checkpoint::Restored;
use crate::hour::is_of_funnels;
use crate::share::Share;
use crate::top::list_route;
use crate::user::Carried;
use std::sync::{Arc, Mutex, PoisonError};

/// The shares of all workers, each of which is taken once. Clones share them.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Vec<Mutex<Option<Share>>>>);

impl Shares {
    /// Takes a checkpoint, if there is one, for so many workers, and what of its settings is
    /// still meant.
    pub(crate) fn of(carried: &Carried, checkpoint: Option<&mut Restored>, workers: usize) -> Self {
        let mut shares: Vec<_> = (0..workers).map(|_| None).collect();
        if let Some(checkpoint) = checkpoint {
            let mut lists: Vec<_> = (0..workers).map(|_| Vec::new()).collect();
            for row in std::mem::take(&mut checkpoint.lists) {
                if carried.funnels || !is_of_funnels(&row.0) {
                    let worker = list_route(&row.0) % workers as u64;
                    lists[usize::try_from(worker).unwrap_or(0)].push(row);
                }
            }
            let runs = std::mem::take(&mut checkpoint.runs).into_iter();
            let runs: Vec<_> = runs
                .filter_map(|((rule, of), runs)| Some(((carried.rule(rule)?, of), runs)))
                .collect();
            let all = checkpoint.users.drain(..).zip(lists);
            for (share, (users, lists)) in shares.iter_mut().zip(all) {
                *share = Some(Share {
                    epoch: checkpoint.manifest.epoch,
                    watermark_ms: checkpoint.manifest.watermark_ms,
                    carried: carried.clone(),
                    users,
                    // The first takes what finds its way by itself.
                    tallies: std::mem::take(&mut checkpoint.tallies),
                    lists,
                    runs: runs.clone(),
                });
            }
        }
        Self(Arc::new(shares.into_iter().map(Mutex::new).collect()))
    }

    /// Takes the share of a worker.
    pub(crate) fn take(&self, worker: usize) -> Option<Share> {
        self.0[worker].lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
