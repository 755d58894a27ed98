//! Requests that write, and what their answers mean. Of all that writes, nothing else
//! knows HTTP.

use super::InfluxSettings;
use super::trouble::Trouble;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{self, Write};
use ureq::Agent;
use ureq::http::Response;
use ureq::typestate::WithBody;

/// As much of an answer is read: one that refuses lines names them.
const MOST_READ_BYTES: u64 = 4 << 20;
/// As much of what it says is told.
const MOST_TOLD_CHARS: usize = 300;

/// An answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Status { code: u16, retry_after: Option<String>, text: String },
    Failed(String),
}

/// What an answer to lines, or to a deletion, means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// Nothing of it was done, as something in it is wrong.
    Refused(String),
    /// All of it was done but for what is wrong.
    Partly(String),
}

/// Requests that write.
pub(super) struct Http {
    agent: Agent,
    base: String,
    authorization: String,
    org: String,
    bucket: String,
}

impl Http {
    pub(super) fn new(settings: &InfluxSettings) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirected POST would become a GET, or take the token to who knows whom.
            .max_redirects(0)
            .timeout_global(Some(settings.timeout))
            .user_agent(concat!("streamgauge/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.into(),
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            authorization: format!("Token {}", settings.token.expose()),
            org: settings.org.clone(),
            bucket: settings.bucket.clone(),
        }
    }

    fn post(&self, path: &str) -> ureq::RequestBuilder<WithBody> {
        self.agent.post(format!("{}{path}", self.base)).header("Authorization", &self.authorization)
    }

    /// Writes lines with times in ms.
    pub(super) fn write(&self, lines: &[u8]) -> Answer {
        let body = match gzip(lines) {
            Ok(body) => body,
            Err(error) => return Answer::Failed(format!("cannot compress: {error}")),
        };
        let post = self.post("/api/v2/write").query("org", &self.org);
        let post = post.query("bucket", &self.bucket).query("precision", "ms");
        let post = post.header("Content-Encoding", "gzip");
        answer(post.content_type("text/plain; charset=utf-8").send(&body))
    }

    /// Deletes the points of one time that a predicate says.
    pub(super) fn delete(&self, time_ms: i64, predicate: &str) -> Answer {
        let time = match Timestamp::from_millisecond(time_ms) {
            Ok(time) => time.to_string(),
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let body = json!({"start": time, "stop": time, "predicate": predicate}).to_string();
        let post = self.post("/api/v2/delete").query("org", &self.org);
        let post = post.query("bucket", &self.bucket);
        answer(post.content_type("application/json").send(body))
    }

    /// The version that the server says it is, to whoever asks.
    pub(super) fn version(&self) -> Option<String> {
        let asked = self.agent.get(format!("{}/health", self.base)).call();
        let Answer::Status { code: 200, text, .. } = answer(asked) else { return None };
        let health: Value = serde_json::from_str(&text).ok()?;
        Some(shown(health.get("version")?.as_str()?)).filter(|version| !version.is_empty())
    }

    /// Creates the organisation.
    pub(super) fn create_org(&self) -> Answer {
        let body = json!({"name": self.org}).to_string();
        answer(self.post("/api/v2/orgs").content_type("application/json").send(body))
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn answer(result: Result<Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = match result {
        Ok(response) => response,
        Err(ureq::Error::Timeout(_)) => {
            return Answer::Failed("it did not answer in time".into());
        }
        Err(error) => return Answer::Failed(format!("it cannot be reached: {error}")),
    };
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| Some(value.to_str().ok()?.to_owned()));
    let code = response.status().as_u16();
    // The status is what counts: an answer that breaks off has said it.
    let body = response.body_mut().with_config().limit(MOST_READ_BYTES).read_to_vec();
    let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    Answer::Status { code, retry_after, text }
}

/// What InfluxDB says of an error: its own code, and the message. Other servers answer
/// something else.
pub(super) fn told(text: &str) -> Option<(String, String)> {
    let value: Value = serde_json::from_str(text).ok()?;
    let part = |name| Some(value.get(name)?.as_str()?.to_owned());
    Some((part("code")?, part("message").unwrap_or_default()))
}

/// A message as it is told: in one line, and not for ever.
pub(super) fn shown(text: &str) -> String {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    plain.chars().filter(|c| !c.is_control()).take(MOST_TOLD_CHARS).collect()
}

impl Answer {
    /// What it means.
    ///
    /// A refusal is only what InfluxDB itself says in its own words: another server that
    /// answers at this address refuses everything, and nothing may become a dead letter by
    /// that.
    pub(super) fn verdict(self) -> Result<Verdict, Trouble> {
        let (code, retry_after, text) = match self {
            Self::Status { code, retry_after, text } => (code, retry_after, text),
            Self::Failed(reason) => return Err(Trouble::away(reason)),
        };
        let own = told(&text);
        let message = own.as_ref().map_or(text.as_str(), |(_, message)| message);
        let own = own.as_ref().map(|(own, _)| own.as_str());
        match (code, own) {
            (200..=299, _) => Ok(Verdict::Done),
            (400, Some("invalid")) => Ok(Verdict::Refused(message.to_owned())),
            (413, _) => Ok(Verdict::Refused(format!("it is too large: {}", shown(message)))),
            (422, Some("unprocessable entity")) => Ok(Verdict::Partly(message.to_owned())),
            (401 | 403, _) => Err(Trouble::unauthorized(code, &shown(message))),
            (404, Some("not found")) => Err(Trouble::missing(&shown(message))),
            _ => {
                let reason = match shown(message) {
                    text if text.is_empty() => format!("it answered {code}"),
                    text => format!("it answered {code}: {text}"),
                };
                let retry_after = retry_after.filter(|_| matches!(code, 429 | 503));
                Err(Trouble::away(reason).asking(retry_after))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_mean() {
        let check = |code: u16, own: &str, expected: &str| {
            let text = match own {
                "" => "<html>".to_owned(),
                own => format!(r#"{{"code":"{own}","message":"why"}}"#),
            };
            let answer = Answer::Status { code, retry_after: Some("7".into()), text };
            let found = format!("{:?}", answer.verdict());
            assert!(found.contains(expected), "{code} {own}: {found}");
        };
        check(204, "", "Ok(Done)");
        check(400, "invalid", "Ok(Refused(\"why\"))");
        check(400, "", "Away");
        check(413, "", "Ok(Refused(\"it is too large");
        check(422, "unprocessable entity", "Ok(Partly(\"why\"))");
        check(422, "", "Away");
        check(401, "unauthorized", "Unauthorized");
        check(403, "forbidden", "Unauthorized");
        check(404, "not found", "Missing");
        check(404, "", "Away");
        check(429, "too many requests", "Some(\"7\")");
        check(503, "", "Some(\"7\")");
        check(500, "internal error", "retry_after: None");
        check(302, "", "Away");
    }
}
