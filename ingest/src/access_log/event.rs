//! The event of a page view, as JSON.

use super::agent::Agent;
use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

/// A page view.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) id: u128,
    pub(super) timestamp_ms: i64,
    pub(super) visitor: &'a str,
    pub(super) url: &'a str,
    pub(super) referrer: Option<&'a str>,
    pub(super) user_agent: Option<&'a str>,
    pub(super) agent: Agent,
}

/// The id of a line's event: a line that is imported again has the same one, so
/// de-duplication can tell; two equal lines of a log are two events.
pub(super) fn id(line: u64, bytes: &[u8]) -> u128 {
    let mut hash = Xxh3::with_seed(line);
    hash.update(bytes);
    hash.digest128()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    event_id: String,
    timestamp: i64,
    event_type: &'a str,
    user_id: &'a str,
    session_id: &'a str,
    page_view_data: PageView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_data: Option<Session<'a>>,
}

#[derive(Serialize)]
struct PageView<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<&'a str>,
}

impl Event<'_> {
    /// Appends its JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Agent { device, browser, os } = self.agent;
        let session = |user_agent| Session { user_agent, device_type: device, browser, os };
        let json = Json {
            event_id: format!("{:032x}", self.id),
            timestamp: self.timestamp_ms,
            event_type: "PAGE_VIEW",
            user_id: self.visitor,
            session_id: self.visitor,
            page_view_data: PageView { url: self.url, referrer: self.referrer },
            session_data: self.user_agent.map(session),
        };
        serde_json::to_writer(out, &json).expect("texts and numbers go into memory");
    }
}
