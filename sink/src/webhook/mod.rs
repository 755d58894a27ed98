//! Alerts to those who want to be told: each is sent to webhooks, at least once.
//!
//! A sender follows the topic of alerts for one webhook by a position of its own. What
//! it is to send goes to a queue on disk together with that position, and leaves it only
//! when the receiver has answered that it has it, or as a dead letter with the reason. So
//! whatever ends the process, what was not answered is sent again, under the same id.
//!
//! Invariants: of one alert the records arrive in their order: a later one is not sent
//! before the one before it has been answered or has become a dead letter; alerts do not
//! wait for each other. Memory and requests in flight are bounded; when the queue is full,
//! the log waits, and nobody else notices.
//!
//! It deliberately makes no alert, changes no byte of one, follows no redirect, and knows
//! nothing of other consumers of the log.

mod backoff;
mod counts;
mod endpoint;
mod http;
mod notes;
mod queue;
mod records;
mod schedule;
mod sender;
mod signature;
mod url;

pub(crate) use backoff::asked_ms;
pub use backoff::{Backoff, Jitter, random};
pub use counts::{Counts, Outcome};
pub use endpoint::{Endpoint, Secret};
pub use http::{Answer, Http, Request, Transport};
pub use notes::Note;
pub use queue::{DeadLetter, FILE_NAME, Queue, QueueError};
pub use sender::{Means, WebhookError, send};
pub use signature::sign;
pub use url::{Url, UrlRefusal};
