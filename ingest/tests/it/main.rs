//! Tests of the crate from outside: one binary, one module per subject.

mod bindings;
mod conformance;
