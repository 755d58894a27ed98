//! What the history has of a day.

use super::{Extent, Facts, InHour, List, Raw};
use crate::catalogue::{DAY_FIGURES, DAY_LISTS};
use crate::state::series::Standing;
use crate::wire::number;
use serde::Serialize;
use serde_json::value::to_raw_value;
use std::collections::BTreeMap;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::store::{FieldValue, Found, HistoryStore, StoreError};

/// A place of a list, as the log has it.
#[derive(Serialize)]
struct Place<'a> {
    name: &'a str,
    views: i64,
    users: i64,
}

#[derive(Serialize)]
struct Campaign<'a> {
    source: &'a str,
    medium: &'a str,
    campaign: &'a str,
    views: i64,
    users: i64,
}

/// What a store has of the day that ends here.
pub(super) fn read(
    store: &dyn HistoryStore,
    end_ms: i64,
    extent: Extent,
) -> Result<Facts, StoreError> {
    let names: Vec<String> = extent.metrics().map(|metric| metric.name().to_lowercase()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(facts(&store.moment(&names, end_ms)?))
}

fn facts(points: &[Found]) -> Facts {
    let mut by_measurement = BTreeMap::<&str, Vec<&Found>>::new();
    for point in points {
        by_measurement.entry(&point.measurement).or_default().push(point);
    }
    let mut facts = Facts::default();
    for metric in Extent::All.metrics() {
        let Some(points) = by_measurement.get(metric.name().to_lowercase().as_str()) else {
            continue;
        };
        if take(metric, points, &mut facts).is_some()
            && let Some(FieldValue::Text(state)) = points[0].field("state")
            && let Some(standing) = Standing::of(state)
        {
            facts.heard(standing);
        }
    }
    facts
}

/// Takes in a result; none if its points are not those of such a one.
fn take(metric: Metric, points: &[&Found], facts: &mut Facts) -> Option<()> {
    if DAY_FIGURES.iter().any(|(_, figure)| *figure == metric) {
        facts.figures.insert(metric, shown(points.first()?.field("value")?)?);
    } else if metric == Metric::DayRevenue {
        for point in points {
            let value = shown(point.field("value")?)?;
            facts.revenue.insert(point.tag("currency")?.to_owned(), value);
        }
    } else if metric == Metric::DayHours {
        facts.hours = Some(hours(points)?);
    } else if DAY_LISTS.iter().any(|(_, list)| *list == metric) {
        facts.lists.insert(metric, list(metric, points)?);
    }
    Some(())
}

fn hours(points: &[&Found]) -> Option<BTreeMap<i64, InHour>> {
    let of_hours = points.iter().filter_map(|point| Some((point.tag("hour")?, point)));
    let hour = |(number, point): (&str, &&Found)| {
        let field = |name| shown(point.field(name)?);
        Some((number.parse().ok()?, InHour { views: field("views")?, users: field("users")? }))
    };
    of_hours.map(hour).collect()
}

fn list(metric: Metric, points: &[&Found]) -> Option<List> {
    // What belongs to no place has no rank, and comes first.
    let (rest, places) = points.split_first()?;
    let place = |point: &&Found| {
        let (views, users) = (integer(point, "views")?, integer(point, "users")?);
        let raw = if metric == Metric::DayCampaigns {
            let [source, medium, campaign] =
                ["source", "medium", "campaign"].map(|name| text(point, name));
            let (source, medium, campaign) = (source?, medium?, campaign?);
            to_raw_value(&Campaign { source, medium, campaign, views, users })
        } else {
            to_raw_value(&Place { name: text(point, "name")?, views, users })
        };
        raw.ok()
    };
    let items = places.iter().map(place).collect::<Option<Vec<Raw>>>()?;
    Some(List { items, other: shown(rest.field("other")?)?, count: shown(rest.field("count")?)? })
}

fn integer(point: &Found, name: &str) -> Option<i64> {
    match point.field(name)? {
        FieldValue::Integer(n) => Some(*n),
        FieldValue::Float(_) | FieldValue::Text(_) => None,
    }
}

fn text<'a>(point: &'a Found, name: &str) -> Option<&'a str> {
    match point.field(name)? {
        FieldValue::Text(text) => Some(text),
        FieldValue::Integer(_) | FieldValue::Float(_) => None,
    }
}

/// A number as the log has it.
pub(crate) fn shown(value: &FieldValue) -> Option<Raw> {
    let text = match value {
        FieldValue::Integer(n) => n.to_string(),
        FieldValue::Float(x) if x.is_finite() => {
            // At most 6 decimals, no zeros at the end.
            let text = format!("{x:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        FieldValue::Float(_) | FieldValue::Text(_) => return None,
    };
    number(text)
}
