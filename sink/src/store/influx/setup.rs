//! The organisation and the bucket: used where they are, made where they are not.
//!
//! What is there is never changed.

use super::InfluxSettings;
use super::client::Client;
use super::http::{Answer, Http, shown, told};
use super::trouble::Trouble;
use influxdb2::models::retention_rule::Type;
use influxdb2::models::{Bucket, PostBucketRequest, RetentionRule};
use std::time::Duration;

/// Length of a group of shards of a new bucket: what retention drops at once.
const SHARD_GROUP: Duration = Duration::from_secs(86_400);

/// What was found, or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    /// How long the bucket keeps points; none is for ever.
    pub(super) retention: Option<Duration>,
    /// What was made, to be told.
    pub(super) made: Vec<String>,
}

/// Finds the bucket, and makes what is missing.
pub(super) fn ensure(
    settings: &InfluxSettings,
    client: &Client,
    http: &Http,
) -> Result<Setup, Trouble> {
    let (org, bucket) = (&settings.org, &settings.bucket);
    client.ready()?;
    if let Some(found) = client.bucket(org, bucket)? {
        return Ok(Setup { retention: retention(&found), made: Vec::new() });
    }
    let mut made = Vec::new();
    let id = match client.org(org)? {
        Some(id) => id,
        None => {
            let id = create_org(org, http.create_org())?;
            made.push(format!("the organisation {org} was created"));
            id
        }
    };
    let mut request = PostBucketRequest::new(id, bucket.clone());
    let every_seconds = i32::try_from(settings.retention.as_secs()).unwrap_or(i32::MAX);
    let shard_group = SHARD_GROUP.min(settings.retention).as_secs();
    request.retention_rules = vec![RetentionRule {
        r#type: Type::Expire,
        every_seconds,
        shard_group_duration_seconds: i64::try_from(shard_group).ok(),
    }];
    client.create_bucket(request).map_err(|trouble| Trouble {
        reason: format!(
            "there is no bucket {bucket} that the token may see in the organisation {org}, and it \
             cannot be created ({}): create it, or give a token that may read and write it",
            trouble.reason
        ),
        ..trouble
    })?;
    made.push(format!("the bucket {bucket} was created"));
    Ok(Setup { retention: Some(settings.retention), made })
}

/// How long a bucket keeps points; none is for ever.
fn retention(bucket: &Bucket) -> Option<Duration> {
    let seconds = bucket.retention_rules.iter().map(|rule| rule.every_seconds).find(|s| *s > 0)?;
    Some(Duration::from_secs(u64::from(seconds.unsigned_abs())))
}

/// The identity of an organisation that was to be created.
fn create_org(org: &str, answer: Answer) -> Result<String, Trouble> {
    let (code, text) = match answer {
        Answer::Status { code, text, .. } => (code, text),
        Answer::Failed(reason) => return Err(Trouble::away(reason)),
    };
    let id = serde_json::from_str::<serde_json::Value>(&text).ok();
    let id = id.and_then(|org| Some(org.get("id")?.as_str()?.to_owned()));
    match (code, id) {
        (200..=299, Some(id)) => Ok(id),
        (400..=499, _) if code != 429 => {
            let said = told(&text).map_or(text, |(_, message)| message);
            Err(Trouble::missing(&format!(
                "there is no organisation {org} that the token may see, and it cannot be created \
                 ({code}: {}): create it, or give a token of it",
                shown(&said)
            )))
        }
        _ => Err(Trouble::away(format!("it answered {code} to a new organisation"))),
    }
}
