//! The feed of an InfluxDB, against a server that fails in every way that InfluxDB can.

pub(crate) mod bed;
mod faults;
mod real;
mod server;
mod sessions;
mod writes;
