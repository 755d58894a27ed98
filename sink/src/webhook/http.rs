//! A request, and what its answer means. Nothing else knows HTTP.

use super::endpoint::Endpoint;
use super::signature::sign;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// As much of an answer is read, so that its connection can be used again.
const MOST_READ_BYTES: u64 = 64 * 1024;
/// As much of it is told.
const MOST_TOLD_CHARS: usize = 200;

/// One attempt.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// Names and values, besides those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// The alert, as it stands on its topic.
    pub body: Vec<u8>,
}

/// What has come of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The receiver has answered.
    Status {
        /// The status code.
        code: u16,
        /// The header `Retry-After`.
        retry_after: Option<String>,
        /// The beginning of what it says.
        text: String,
    },
    /// There is no answer, and why.
    Failed(String),
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The receiver has it.
    Delivered,
    /// It may be otherwise later. `retry_after` if the answer is one that can ask for it.
    Again { retry_after: Option<String>, reason: String },
    /// It will not be otherwise.
    Refused { reason: String },
}

impl Request {
    /// An attempt of a delivery at `now_ms`.
    pub(super) fn new(
        endpoint: &Endpoint,
        delivery: &str,
        alert: &str,
        body: Vec<u8>,
        now_ms: i64,
    ) -> Self {
        let now_s = now_ms.div_euclid(1_000);
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Streamgauge-Delivery", delivery.to_owned()),
            ("Streamgauge-Alert", header_text(alert)),
            ("Streamgauge-Timestamp", now_s.to_string()),
        ];
        if let Some(secret) = &endpoint.secret {
            headers.push(("Streamgauge-Signature", sign(secret.expose(), now_s, &body)));
        }
        Self { url: endpoint.url.as_str().to_owned(), headers, body }
    }
}

/// A text as a header may have it.
fn header_text(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

impl Answer {
    /// The status code, if there is an answer.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Failed(_) => None,
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        let (code, retry_after, text) = match self {
            Self::Status { code, retry_after, text } => (code, retry_after, text),
            Self::Failed(reason) => return Verdict::Again { retry_after: None, reason },
        };
        let reason = match text.as_str() {
            "" => format!("it answered {code}"),
            text => format!("it answered {code}: {text}"),
        };
        match code {
            200..=299 => Verdict::Delivered,
            429 | 503 => Verdict::Again { retry_after, reason },
            408 | 425 => Verdict::Again { retry_after: None, reason },
            400..=499 => Verdict::Refused { reason },
            _ => Verdict::Again { retry_after: None, reason },
        }
    }
}

/// Makes attempts. It may block.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its answer.
    fn post(&self, request: &Request) -> Answer;
}

/// HTTP and HTTPS, with the certificates that the web trusts. Proxies are taken from the
/// environment (`HTTPS_PROXY`, `NO_PROXY`).
#[derive(Debug)]
pub struct Http(Agent);

impl Http {
    /// For receivers that may take so long for an answer.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirected POST would become a GET, or go to who knows whom.
            .max_redirects(0)
            .timeout_global(Some(timeout))
            .user_agent(concat!("streamgauge/", env!("CARGO_PKG_VERSION")))
            .accept("*/*")
            .max_idle_connections_per_host(super::sender::IN_FLIGHT)
            .build();
        Self(config.into())
    }
}

impl Transport for Http {
    fn post(&self, request: &Request) -> Answer {
        let mut post = self.0.post(&request.url);
        for (name, value) in &request.headers {
            post = post.header(*name, value);
        }
        match post.send(request.body.as_slice()) {
            Ok(response) => answered(response),
            Err(ureq::Error::Timeout(_)) => Answer::Failed("it did not answer in time".into()),
            Err(error) => Answer::Failed(format!("it cannot be reached: {error}")),
        }
    }
}

fn answered(mut response: Response<ureq::Body>) -> Answer {
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| Some(value.to_str().ok()?.to_owned()));
    let code = response.status().as_u16();
    // The status is what counts: an answer that breaks off has said it.
    let body = response.body_mut().with_config().limit(MOST_READ_BYTES).read_to_vec();
    let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = plain.chars().filter(|c| !c.is_control()).take(MOST_TOLD_CHARS).collect();
    Answer::Status { code, retry_after, text: told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_mean() {
        let check = |code: u16, expected: &str| {
            let text = String::new();
            let answer = Answer::Status { code, retry_after: Some("1".into()), text };
            let found = match answer.verdict() {
                Verdict::Delivered => "delivered",
                Verdict::Again { retry_after: Some(_), .. } => "again, when it asks for it",
                Verdict::Again { retry_after: None, .. } => "again",
                Verdict::Refused { .. } => "refused",
            };
            assert_eq!(found, expected, "{code}");
        };
        for code in [200, 202, 204, 299] {
            check(code, "delivered");
        }
        for code in [429, 503] {
            check(code, "again, when it asks for it");
        }
        for code in [301, 302, 307, 408, 425, 500, 502, 504, 599] {
            check(code, "again");
        }
        for code in [400, 401, 403, 404, 405, 410, 413, 422, 499] {
            check(code, "refused");
        }
    }
}
