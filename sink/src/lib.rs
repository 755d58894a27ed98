//! Results on their way out: the records, their bytes and keys, the digest, and
//! files in the order of the contract.
//!
//! Invariant: the bytes of a record are a function of the record alone. The crate
//! knows nothing of timely and computes no result.

pub mod alert;
pub mod change;
pub mod day;
pub mod dead_letters;
pub mod decimal;
pub mod digest;
pub mod hour;
pub mod json;
pub mod metric;
pub mod points;
pub mod record;
pub mod results;
pub mod session;
pub mod sorted;
pub mod store;
pub mod topics;
pub mod webhook;
