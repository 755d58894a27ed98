//! Which results are single values, and what they are called for clients.
//!
//! Flat names are those of the original's clients. `conversionRate` is a fraction
//! under its flat name wherever it stands, as the original's dashboard multiplies it
//! by 100; under its metricType it is a percentage, as on the log. Nothing is
//! computed here.

use streamgauge_sink::metric::Metric;

/// A family of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// 5 s, tumbling.
    RealTime,
    /// 60 s, sliding by 10 s.
    Business,
    /// An hour, sliding by 5 min.
    Hour,
}

impl Family {
    /// Distance from one window to the next, ms.
    pub(crate) const fn step_ms(self) -> i64 {
        match self {
            Self::RealTime => 5_000,
            Self::Business => 10_000,
            Self::Hour => 300_000,
        }
    }

    /// Length of a window, ms.
    pub(crate) const fn length_ms(self) -> i64 {
        match self {
            Self::RealTime => 5_000,
            Self::Business => 60_000,
            Self::Hour => 3_600_000,
        }
    }

    /// End of the last window that a watermark has passed.
    pub(crate) const fn last_end_ms(self, watermark_ms: i64) -> i64 {
        watermark_ms - watermark_ms.rem_euclid(self.step_ms())
    }
}

/// A single value.
#[derive(Debug)]
pub(crate) struct Single {
    /// What clients call it.
    pub(crate) flat: &'static str,
    /// Where it comes from.
    pub(crate) metric: Metric,
    /// Its windows.
    pub(crate) family: Family,
    /// Whether a window without a record stands for 0.
    pub(crate) zero: bool,
    /// Whether it is in the map of the original's clients.
    pub(crate) legacy: bool,
}

const fn single(flat: &'static str, metric: Metric, family: Family) -> Single {
    Single { flat, metric, family, zero: false, legacy: true }
}

/// All single values, in the order in which clients get them.
pub(crate) static SINGLES: [Single; 7] = [
    Single {
        zero: true,
        ..single("pageViewsPerSecond", Metric::PageViewsPerSecond, Family::RealTime)
    },
    Single { zero: true, ..single("activeUsers", Metric::ActiveUsers, Family::RealTime) },
    Single {
        zero: true,
        legacy: false,
        ..single("activeUsers5m", Metric::ActiveUsers5m, Family::RealTime)
    },
    single("bounceRate", Metric::BounceRate, Family::RealTime),
    single("averageSessionDuration", Metric::AverageSessionDuration, Family::RealTime),
    single("conversionRate", Metric::ConversionRate, Family::Business),
    single("revenuePerUser", Metric::RevenuePerUser, Family::Business),
];

/// The count of page views, which clients of version 1 get beside the rate.
pub(crate) const PAGE_VIEWS: &str = "pageViews";

/// The currency of `revenuePerUser`.
pub(crate) const REVENUE_CURRENCY: &str = "revenueCurrency";

/// The lists, by the names clients know.
pub(crate) static LISTS: [(&str, Metric); 7] = [
    ("topContent", Metric::PopularContent),
    ("geo", Metric::GeoDistribution),
    ("devices", Metric::Devices),
    ("browsers", Metric::Browsers),
    ("os", Metric::Os),
    ("referrers", Metric::Referrers),
    ("pageLoadTime", Metric::PageLoadTime),
];

/// The figures of a day but for its revenue, by the names clients know.
pub(crate) static DAY_FIGURES: [(&str, Metric); 6] = [
    ("visitors", Metric::DayVisitors),
    ("pageViews", Metric::DayPageViews),
    ("sessions", Metric::DaySessions),
    ("bounceRate", Metric::DayBounceRate),
    ("averageSessionDuration", Metric::DayAverageSessionDuration),
    ("conversions", Metric::DayConversions),
];

/// The lists of a day but for its hours, by the names clients know.
pub(crate) static DAY_LISTS: [(&str, Metric); 7] = [
    ("pages", Metric::DayPages),
    ("entryPages", Metric::DayEntryPages),
    ("exitPages", Metric::DayExitPages),
    ("referrers", Metric::DayReferrers),
    ("campaigns", Metric::DayCampaigns),
    ("countries", Metric::DayCountries),
    ("devices", Metric::DayDevices),
];

/// Whether the windows of this metricType are days.
pub(crate) fn is_of_days(metric: &str) -> bool {
    Metric::ALL.iter().any(|known| known.is_of_days() && known.name() == metric)
}

/// The single value of this name.
pub(crate) fn by_flat(name: &str) -> Option<&'static Single> {
    SINGLES.iter().find(|single| single.flat == name)
}

/// A hundredth of a decimal number, exactly.
pub(crate) fn hundredth(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole:0>3}");
    let (head, tail) = padded.split_at(padded.len() - 2);
    let all = format!("{tail}{fraction}");
    let fraction = all.trim_end_matches('0');
    match fraction {
        "" if head == "0" => "0".into(),
        "" => format!("{sign}{head}"),
        _ => format!("{sign}{head}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_exact() {
        let check = |number: &str, expected: &str| assert_eq!(hundredth(number), expected);
        check("0", "0");
        check("100", "1");
        check("4.166667", "0.04166667");
        check("5.7", "0.057");
        check("12", "0.12");
        check("50", "0.5");
        check("250.5", "2.505");
        check("-3", "-0.03");
    }

    #[test]
    fn a_window_has_ended_when_the_watermark_is_at_its_end() {
        let check = |watermark_ms: i64, expected: (i64, i64)| {
            let last = |family: Family| family.last_end_ms(watermark_ms);
            assert_eq!((last(Family::RealTime), last(Family::Business)), expected);
        };
        check(19_999, (15_000, 10_000));
        check(20_000, (20_000, 20_000));
        check(-1, (-5_000, -10_000));
    }
}
