//! The key of a result, taken apart.

use super::PointError;
use super::catalogue::{self, Entry, Shape};
use crate::record::percent_decode;

/// What the key of a record says: which result it is.
#[derive(Clone, Debug)]
pub struct ResultKey {
    pub(super) entry: &'static Entry,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) dimension: Option<String>,
}

impl ResultKey {
    /// Takes a key apart: `metricType|windowStart|windowEnd|k=v,k=v`.
    ///
    /// # Errors
    /// If it is not the key of a known type of result with its dimensions.
    pub fn parse(key: &[u8]) -> Result<Self, PointError> {
        let text = std::str::from_utf8(key).map_err(|_| PointError::Key("not UTF-8"))?;
        let mut parts = text.splitn(4, '|');
        let mut part = || parts.next().ok_or(PointError::Key("fewer than four parts"));
        let (metric, start, end, dimensions) = (part()?, part()?, part()?, part()?);
        let entry = catalogue::find(metric).ok_or(PointError::Key("an unknown type"))?;
        let time = |text: &str| text.parse().map_err(|_| PointError::Key("a time is no number"));
        let start_ms = time(start)?;
        if entry.shape == Shape::Nothing {
            return Ok(Self { entry, start_ms, end_ms: start_ms, dimension: None });
        }
        let end_ms = time(end)?;
        let dimension = dimension(entry, dimensions)?;
        Ok(Self { entry, start_ms, end_ms, dimension })
    }

    /// The end of its window, ms: the time of its points.
    #[must_use]
    pub fn time_ms(&self) -> i64 {
        self.end_ms
    }

    /// Whether such a result has points at all.
    #[must_use]
    pub fn has_points(&self) -> bool {
        self.entry.shape != Shape::Nothing
    }

    /// What it has in common with the results of other windows: its type and its
    /// dimension.
    #[must_use]
    pub fn series(&self) -> String {
        let dimension = self.dimension.as_deref().unwrap_or_default();
        format!("{}|{dimension}", self.entry.metric)
    }
}

/// The value of the one dimension that this type has, if it has one.
fn dimension(entry: &Entry, text: &str) -> Result<Option<String>, PointError> {
    let Some(name) = entry.dimension else {
        return if text.is_empty() {
            Ok(None)
        } else {
            Err(PointError::Key("a dimension that its type does not have"))
        };
    };
    let value = text
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
        .filter(|value| !value.is_empty() && !value.contains([',', '=', '|']))
        .ok_or(PointError::Key("not the dimension of its type"))?;
    let value = percent_decode(value).ok_or(PointError::Key("a wrong percent-encoding"))?;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, expected: Result<(&str, i64, Option<&str>), &str>) {
        let parsed = ResultKey::parse(key.as_bytes());
        match (&parsed, expected) {
            (Ok(key), Ok((metric, end_ms, dimension))) => {
                assert_eq!(key.entry.metric, metric);
                assert_eq!((key.end_ms, key.dimension.as_deref()), (end_ms, dimension));
            }
            (Err(PointError::Key(reason)), Err(expected)) => assert_eq!(*reason, expected, "{key}"),
            _ => panic!("{key}: {parsed:?}"),
        }
    }

    #[test]
    fn keys_are_taken_apart_or_refused_with_a_reason() {
        check("DEVICES|-60000|0|", Ok(("DEVICES", 0, None)));
        check(
            "REVENUE_PER_USER|0|60000|currency=USD",
            Ok(("REVENUE_PER_USER", 60_000, Some("USD"))),
        );
        check("FUNNEL|0|1|funnel=a%3D%25 %C3%A4ö%0A", Ok(("FUNNEL", 1, Some("a=% äö\n"))));
        check("SESSION|5||session=s,user=u", Ok(("SESSION", 5, None)));
        check("DEVICES|0|1", Err("fewer than four parts"));
        check("DEVICE|0|1|", Err("an unknown type"));
        check("DEVICES|0||", Err("a time is no number"));
        check("DEVICES|0|1|a=b", Err("a dimension that its type does not have"));
        check("REVENUE_PER_USER|0|1|", Err("not the dimension of its type"));
        check("REVENUE_PER_USER|0|1|currency=", Err("not the dimension of its type"));
        check("REVENUE_PER_USER|0|1|currency=A,x=y", Err("not the dimension of its type"));
        check("FUNNEL|0|1|funnel=%4", Err("a wrong percent-encoding"));
        check("FUNNEL|0|1|funnel=%+4", Err("a wrong percent-encoding"));
        check("FUNNEL|0|1|funnel=%FF", Err("a wrong percent-encoding"));
    }
}
