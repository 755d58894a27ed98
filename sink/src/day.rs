//! What results over days list besides names: campaigns and hours.

use crate::json::Object;

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignPlace {
    /// `utm_source`.
    pub source: String,
    /// `utm_medium`.
    pub medium: String,
    /// `utm_campaign`.
    pub campaign: String,
    /// Page views.
    pub views: i64,
    /// Distinct users with such a page view.
    pub users: i64,
}

impl CampaignPlace {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.text("source", &self.source).text("medium", &self.medium);
        o.text("campaign", &self.campaign);
        o.integer("views", self.views).integer("users", self.users);
        o.close();
    }
}

/// An hour of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourPlace {
    /// Its number, from 0.
    pub hour: i64,
    /// Its beginning, ms.
    pub start_ms: i64,
    /// Page views.
    pub views: i64,
    /// Distinct users with any event.
    pub users: i64,
}

impl HourPlace {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.integer("hour", self.hour).integer("start", self.start_ms);
        o.integer("views", self.views).integer("users", self.users);
        o.close();
    }
}
