//! What keeps a store from being written, and passes: it is waited for.

/// Of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It does not answer, or not as it should.
    Away,
    /// It does not take the token.
    Unauthorized,
    /// There is no such organisation or bucket.
    Missing,
}

/// What has come in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// What it is, and what to do.
    pub(super) reason: String,
    /// What its header `Retry-After` says.
    pub(super) retry_after: Option<String>,
}

impl Trouble {
    pub(super) fn away(reason: impl Into<String>) -> Self {
        Self { kind: Kind::Away, reason: reason.into(), retry_after: None }
    }

    pub(super) fn unauthorized(code: u16, said: &str) -> Self {
        let reason = format!(
            "it does not accept the token ({code}: {said}): it must be able to read and write the \
             bucket; see `influxdb.token`"
        );
        Self { kind: Kind::Unauthorized, reason, retry_after: None }
    }

    pub(super) fn missing(reason: &str) -> Self {
        let reason = format!("{reason}: see `influxdb.org` and `influxdb.bucket`");
        Self { kind: Kind::Missing, reason, retry_after: None }
    }

    pub(super) fn asking(self, retry_after: Option<String>) -> Self {
        Self { retry_after, ..self }
    }
}
