//! Tests of the crate from outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod results;
mod webhook;
