//! The job: the dataflow that keeps every result correct, and what runs it.

pub mod alert;
pub mod checkpoint;
pub mod cli;
pub mod collect;
pub mod config;
pub mod dataflow;
pub mod day;
pub mod epochs;
pub mod expiry;
pub mod explain;
pub mod funnel;
pub mod hour;
pub mod live;
pub mod one_or_many;
pub mod publish;
pub mod replay;
pub mod route;
pub mod rows;
pub mod run;
pub mod session;
pub mod settings;
pub mod share;
pub mod time;
pub mod top;
pub mod user;
pub mod window;
