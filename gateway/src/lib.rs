//! gateway
#![allow(dead_code)]
mod catalogue;
mod state;
mod times;
