//! What a record counts as in a result of each type.

use super::asked::Asked;
use super::subject::Subject;
use crate::day::HOUR_MS;
use std::fmt::Write as _;
use streamgauge_ingest::batch::{Row, UNKNOWN};
use streamgauge_ingest::decode::{Decoded, Kind, minor_digits};
use streamgauge_sink::metric::Metric;

/// Whether a record that is taken is one of those that a result counts: what its
/// `count` is the number of, where it has one.
pub(super) fn is_counted(asked: &Asked, row: &Row) -> bool {
    let is_view = row.kind == Kind::PageView;
    let Some(metric) = asked.subject.metric() else { return is_view };
    match metric {
        Metric::ActiveUsers | Metric::ActiveUsers5m | Metric::DayVisitors => true,
        Metric::ConversionRate | Metric::DayConversions => row.kind == Kind::Conversion,
        Metric::RevenuePerUser | Metric::DayRevenue => {
            let currency = std::str::from_utf8(&row.currency).ok();
            row.kind == Kind::Conversion && currency == asked.dimension.as_deref()
        }
        Metric::PageLoadTime => is_view && row.load_time.ms().is_some(),
        Metric::PageViewsPerSecond
        | Metric::PopularContent
        | Metric::GeoDistribution
        | Metric::Devices
        | Metric::Browsers
        | Metric::Os
        | Metric::Referrers
        | Metric::DayPageViews
        | Metric::DayPages
        | Metric::DayReferrers
        | Metric::DayCountries
        | Metric::DayDevices
        | Metric::DayHours => is_view,
        Metric::DayCampaigns => is_view && row.campaign != Row::NO_VALUE,
        // Sessions are counted, and every event of a session is one of its events.
        Metric::Session
        | Metric::BounceRate
        | Metric::AverageSessionDuration
        | Metric::Journeys
        | Metric::Funnel
        | Metric::Behaviour
        | Metric::AbandonmentRate
        | Metric::DaySessions
        | Metric::DayBounceRate
        | Metric::DayAverageSessionDuration
        | Metric::DayEntryPages
        | Metric::DayExitPages => true,
    }
}

/// Whose users a result counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Users {
    /// Those of all events.
    OfAll,
    /// Those of the events that it counts.
    OfCounted,
}

/// Which distinct users are part of a result, if any are.
pub(super) fn users_of(subject: &Subject) -> Option<Users> {
    match subject.metric()? {
        Metric::ActiveUsers
        | Metric::ActiveUsers5m
        | Metric::ConversionRate
        | Metric::RevenuePerUser
        | Metric::DayVisitors => Some(Users::OfAll),
        Metric::DayPageViews | Metric::DayConversions => Some(Users::OfCounted),
        _ => None,
    }
}

/// What a record is to a result, in words. `is_first` is whether it is the first that
/// was read of its user, where the user counts.
pub(super) fn in_words(
    asked: &Asked,
    event: &Decoded<'_>,
    is_counted: bool,
    is_first: Option<bool>,
) -> String {
    let metric = asked.subject.metric();
    let mut words = match metric {
        Some(metric) if is_counted => as_part_of(metric, event),
        _ => what(event),
    };
    let user = event.user;
    // Writing to a string cannot fail.
    let _ = match (metric, is_first) {
        (Some(Metric::DayHours), _) => {
            let hour = (event.timestamp_ms - asked.window.start) / HOUR_MS;
            write!(words, ", in hour {hour}")
        }
        (_, Some(true)) => write!(words, ", first event of {user}"),
        (_, Some(false)) => write!(words, "; {user} is counted already"),
        (_, None) => Ok(()),
    };
    if is_first.is_none() && !is_counted {
        words.push_str(match metric {
            Some(Metric::DayCampaigns) => ", which has no campaign",
            Some(Metric::DayHours) => ", of which the user alone counts",
            _ => ", which is not counted here",
        });
    }
    words
}

fn as_part_of(metric: Metric, event: &Decoded<'_>) -> String {
    let named = |value: Option<&str>| value.unwrap_or(UNKNOWN).to_owned();
    match metric {
        Metric::GeoDistribution => format!("{}, {}", named(event.country), named(event.city)),
        Metric::DayCountries => named(event.country),
        Metric::Devices | Metric::DayDevices => named(event.device),
        Metric::Browsers => named(event.browser),
        Metric::Os => named(event.os),
        Metric::Referrers | Metric::DayReferrers => event.referrer.to_owned(),
        Metric::DayCampaigns => named(event.campaign).replace('\0', " / "),
        Metric::PageLoadTime => match event.load_ms {
            Some(ms) => format!("{ms} ms"),
            None => what(event),
        },
        _ => what(event),
    }
}

/// An event in words.
pub(super) fn what(event: &Decoded<'_>) -> String {
    match event.kind {
        Kind::PageView => format!("page view of {}", event.page),
        Kind::Conversion => format!("conversion {}", money(event.value_minor, event.currency)),
        kind => kind.name().to_owned(),
    }
}

/// An amount in major units with its currency, such as `59.90 USD`.
fn money(minor: i64, currency: [u8; 3]) -> String {
    let digits = minor_digits(currency);
    let unit = 10_u64.pow(u32::from(digits));
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    let currency = String::from_utf8_lossy(&currency);
    match digits {
        0 => format!("{sign}{minor} {currency}"),
        _ => format!(
            "{sign}{}.{:0width$} {currency}",
            minor / unit,
            minor % unit,
            width = usize::from(digits)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_major_units() {
        let check = |minor: i64, currency: &[u8; 3], expected: &str| {
            assert_eq!(money(minor, *currency), expected);
        };
        check(5_990, b"USD", "59.90 USD");
        check(-5, b"EUR", "-0.05 EUR");
        check(7, b"JPY", "7 JPY");
        check(1_500, b"BHD", "1.500 BHD");
        check(i64::MIN, b"USD", "-92233720368547758.08 USD");
    }
}
