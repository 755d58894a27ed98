//! Tests of the crate from outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod kafka;
mod results;
mod webhook;
