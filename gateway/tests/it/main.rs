//! The gateway as its clients see it: real sockets on port 0, a log in memory, and a
//! clock that is turned by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod client;
mod days;
mod explain;
mod history;
mod hostile;
mod hour;
mod legacy;
mod limits;
mod metrics;
mod ready;
mod rest;
mod resume;
mod site;
mod slow;
mod upgrade;
mod v1;
