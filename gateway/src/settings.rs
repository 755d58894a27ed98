//! What can be set, with the defaults of the contract.

use std::time::Duration;

/// How the gateway serves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// WebSockets open at once; a further one gets 503 and `Retry-After`.
    pub max_connections: usize,
    /// Largest message of a client, bytes; a larger one ends its connection (1009).
    pub message_bytes: usize,
    /// Names of metrics and channels in one request of a client.
    pub subscriptions: usize,
    /// Requests of a client per second. Above, requests are refused, then the
    /// connection is closed (4429).
    pub requests_per_s: u32,
    /// Time between two pings; what has not answered one by the next is closed (4408).
    pub ping_every: Duration,
    /// Time that a client has to take a message before it is closed (4410).
    pub send_timeout: Duration,
    /// Time between two heartbeats of version 1.
    pub heartbeat_every: Duration,
    /// Time between two maps of the original's protocol.
    pub legacy_every: Duration,
    /// The kernel's send buffer of a connection, bytes: small, because what waits
    /// there is stale and hides that a client is slow.
    pub send_buffer_bytes: usize,
    /// Identity of the log of results in `stream`; by default the number of the job
    /// that writes, so that a restart of the job is a new stream.
    pub stream: Option<String>,
    /// If not empty, the only values of `Origin` that may open a WebSocket. Clients
    /// that are no browsers send none and are not held back.
    pub allowed_origins: Vec<String>,
    /// Funnels that there are, whether or not there is a result of them: those that the
    /// log has besides are shown as well.
    pub funnels: Vec<String>,
    /// The time zone of the site, by its name in the IANA database, in which its days
    /// begin; none where there are no results over days.
    pub days: Option<String>,
    /// Time that the explanation of a result may take.
    pub explain_timeout: Duration,
    /// Time that open connections have to end when the gateway shuts down.
    pub shutdown_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            message_bytes: 16 * 1024,
            subscriptions: 64,
            requests_per_s: 5,
            ping_every: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            heartbeat_every: Duration::from_secs(5),
            legacy_every: Duration::from_secs(5),
            send_buffer_bytes: 32 * 1024,
            stream: None,
            allowed_origins: Vec::new(),
            funnels: Vec::new(),
            days: None,
            explain_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}
