//! The catalogue of results: names and categories.

use serde::{Deserialize, Serialize};

/// The type of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is its metricType; the catalogue defines them")]
pub enum Metric {
    PageViewsPerSecond,
    ActiveUsers,
    ActiveUsers5m,
    BounceRate,
    AverageSessionDuration,
    ConversionRate,
    RevenuePerUser,
    PopularContent,
    GeoDistribution,
    Devices,
    Browsers,
    Os,
    Referrers,
    PageLoadTime,
    Session,
    Journeys,
    Funnel,
    Behaviour,
    AbandonmentRate,
    DayVisitors,
    DayPageViews,
    DayConversions,
    DayRevenue,
    DaySessions,
    DayBounceRate,
    DayAverageSessionDuration,
    DayPages,
    DayReferrers,
    DayCountries,
    DayDevices,
    DayCampaigns,
    DayEntryPages,
    DayExitPages,
    DayHours,
}

impl Metric {
    /// All types, in the order of the catalogue.
    pub const ALL: [Self; 34] = [
        Self::PageViewsPerSecond,
        Self::ActiveUsers,
        Self::ActiveUsers5m,
        Self::BounceRate,
        Self::AverageSessionDuration,
        Self::ConversionRate,
        Self::RevenuePerUser,
        Self::PopularContent,
        Self::GeoDistribution,
        Self::Devices,
        Self::Browsers,
        Self::Os,
        Self::Referrers,
        Self::PageLoadTime,
        Self::Session,
        Self::Journeys,
        Self::Funnel,
        Self::Behaviour,
        Self::AbandonmentRate,
        Self::DayVisitors,
        Self::DayPageViews,
        Self::DayConversions,
        Self::DayRevenue,
        Self::DaySessions,
        Self::DayBounceRate,
        Self::DayAverageSessionDuration,
        Self::DayPages,
        Self::DayReferrers,
        Self::DayCountries,
        Self::DayDevices,
        Self::DayCampaigns,
        Self::DayEntryPages,
        Self::DayExitPages,
        Self::DayHours,
    ];

    /// Whether its windows are days.
    #[must_use]
    pub fn is_of_days(self) -> bool {
        self.category() == "day"
    }

    /// The `metricType`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PageViewsPerSecond => "PAGE_VIEWS_PER_SECOND",
            Self::ActiveUsers => "ACTIVE_USERS",
            Self::ActiveUsers5m => "ACTIVE_USERS_5M",
            Self::BounceRate => "BOUNCE_RATE",
            Self::AverageSessionDuration => "AVERAGE_SESSION_DURATION",
            Self::ConversionRate => "CONVERSION_RATE",
            Self::RevenuePerUser => "REVENUE_PER_USER",
            Self::PopularContent => "POPULAR_CONTENT",
            Self::GeoDistribution => "GEO_DISTRIBUTION",
            Self::Devices => "DEVICES",
            Self::Browsers => "BROWSERS",
            Self::Os => "OS",
            Self::Referrers => "REFERRERS",
            Self::PageLoadTime => "PAGE_LOAD_TIME",
            Self::Session => "SESSION",
            Self::Journeys => "JOURNEYS",
            Self::Funnel => "FUNNEL",
            Self::Behaviour => "BEHAVIOUR",
            Self::AbandonmentRate => "ABANDONMENT_RATE",
            Self::DayVisitors => "DAY_VISITORS",
            Self::DayPageViews => "DAY_PAGE_VIEWS",
            Self::DayConversions => "DAY_CONVERSIONS",
            Self::DayRevenue => "DAY_REVENUE",
            Self::DaySessions => "DAY_SESSIONS",
            Self::DayBounceRate => "DAY_BOUNCE_RATE",
            Self::DayAverageSessionDuration => "DAY_AVERAGE_SESSION_DURATION",
            Self::DayPages => "DAY_PAGES",
            Self::DayReferrers => "DAY_REFERRERS",
            Self::DayCountries => "DAY_COUNTRIES",
            Self::DayDevices => "DAY_DEVICES",
            Self::DayCampaigns => "DAY_CAMPAIGNS",
            Self::DayEntryPages => "DAY_ENTRY_PAGES",
            Self::DayExitPages => "DAY_EXIT_PAGES",
            Self::DayHours => "DAY_HOURS",
        }
    }

    /// The `category`.
    #[must_use]
    pub const fn category(self) -> &'static str {
        match self {
            Self::PageViewsPerSecond
            | Self::ActiveUsers
            | Self::ActiveUsers5m
            | Self::BounceRate
            | Self::AverageSessionDuration => "real_time",
            Self::Session
            | Self::Journeys
            | Self::Funnel
            | Self::Behaviour
            | Self::AbandonmentRate => "session",
            Self::DayVisitors
            | Self::DayPageViews
            | Self::DayConversions
            | Self::DayRevenue
            | Self::DaySessions
            | Self::DayBounceRate
            | Self::DayAverageSessionDuration
            | Self::DayPages
            | Self::DayReferrers
            | Self::DayCountries
            | Self::DayDevices
            | Self::DayCampaigns
            | Self::DayEntryPages
            | Self::DayExitPages
            | Self::DayHours => "day",
            _ => "business",
        }
    }
}
