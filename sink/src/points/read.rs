//! From a result's JSON to its points.

use super::catalogue::{
    CITIES, MOST_COUNTRIES, MOST_OF_DAY, MOST_PLACES, MOST_TRANSITIONS, Shape, TRANSITIONS,
};
use super::json::{Campaign, Country, Hour, Line, Name, Page, Path, Step};
use super::key::ResultKey;
use super::{Point, PointError};
use crate::store::FieldValue::{self, Float, Integer, Text};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Appends the points of a result; `value` is its JSON as on the topic of final and
/// corrected results. Nothing is appended to `out` on an error.
///
/// # Errors
/// If the value is not that of the result that the key names, or not final.
pub fn points(key: &ResultKey, value: &[u8], out: &mut Vec<Point>) -> Result<(), PointError> {
    if !key.has_points() {
        return Ok(());
    }
    let line: Line<'_> = serde_json::from_slice(value)?;
    agree(key, &line)?;
    let before = out.len();
    let mut points = Points { key, state: &line.state, out };
    let result = points.read(&line);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

fn agree(key: &ResultKey, line: &Line<'_>) -> Result<(), PointError> {
    if !matches!(line.state.as_str(), "final" | "corrected") {
        return Err(PointError::State(line.state.clone()));
    }
    if line.metric_type != key.entry.metric {
        return Err(PointError::Mismatch("metricType"));
    }
    if (line.window_start, line.window_end) != (key.start_ms, key.end_ms) {
        return Err(PointError::Mismatch("windowEnd"));
    }
    let dimension = key.entry.dimension.zip(key.dimension.as_deref());
    let given = line.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    if !given.eq(dimension) {
        return Err(PointError::Mismatch("dimensions"));
    }
    Ok(())
}

/// A number that JSON has in any form.
fn float(number: &RawValue) -> Result<FieldValue, PointError> {
    Ok(Float(number.get().parse().map_err(serde::de::Error::custom).map_err(PointError::Value)?))
}

fn needed<T>(field: Option<T>, name: &'static str) -> Result<T, PointError> {
    field.ok_or(PointError::Missing(name))
}

fn list<'a, T: Deserialize<'a>>(line: &Line<'a>, most: usize) -> Result<Vec<T>, PointError> {
    let items: Vec<T> = serde_json::from_str(needed(line.items, "items")?.get())?;
    within("items", items.len(), most)?;
    Ok(items)
}

fn within(list: &'static str, len: usize, most: usize) -> Result<(), PointError> {
    if len > most { Err(PointError::TooLong { list, len, most }) } else { Ok(()) }
}

fn rank(place: usize) -> (&'static str, String) {
    ("rank", super::replace::rank(place))
}

struct Points<'a> {
    key: &'a ResultKey,
    state: &'a str,
    out: &'a mut Vec<Point>,
}

impl Points<'_> {
    fn read(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        match self.key.entry.shape {
            Shape::Value { count } => {
                let mut fields = vec![("value", float(needed(line.value, "value")?)?)];
                if count {
                    fields.push(("count", Integer(needed(line.count, "count")?)));
                }
                self.total(fields);
            }
            Shape::Pages => self.pages(line)?,
            Shape::Names => self.names(line, MOST_PLACES)?,
            Shape::DayNames => self.names(line, MOST_OF_DAY)?,
            Shape::Campaigns => self.campaigns(line)?,
            Shape::Hours => self.hours(line)?,
            Shape::Geo => self.geo(line)?,
            Shape::Percentiles => self.total(vec![
                ("p50", Integer(needed(line.p50, "p50")?)),
                ("p95", Integer(needed(line.p95, "p95")?)),
                ("p99", Integer(needed(line.p99, "p99")?)),
                ("count", Integer(needed(line.count, "count")?)),
            ]),
            Shape::Journeys => self.journeys(line)?,
            Shape::Funnel => self.funnel(line)?,
            Shape::Behaviour => self.behaviour(line)?,
            Shape::Nothing => {}
        }
        Ok(())
    }

    /// A point of the type's own measurement with no tags but its dimension.
    fn total(&mut self, fields: Vec<(&'static str, FieldValue)>) {
        self.push(self.key.entry.measurement, vec![], fields);
    }

    fn push(
        &mut self,
        measurement: &'static str,
        mut tags: Vec<(&'static str, String)>,
        mut fields: Vec<(&'static str, FieldValue)>,
    ) {
        let entry = self.key.entry;
        tags.push(("metric", entry.category.to_owned()));
        tags.extend(entry.dimension.zip(self.key.dimension.clone()));
        tags.sort_unstable();
        fields.push(("state", Text(self.state.to_owned())));
        self.out.push(Point { measurement, tags, time_ms: self.key.end_ms, fields });
    }

    fn rest(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        let other = Integer(needed(line.other, "other")?);
        self.total(vec![("other", other), ("count", Integer(needed(line.count, "count")?))]);
        Ok(())
    }

    fn pages(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        for (i, page) in list::<Page<'_>>(line, MOST_PLACES)?.into_iter().enumerate() {
            let fields = vec![
                ("url", Text(page.url)),
                ("views", Integer(page.views)),
                ("users", Integer(page.users)),
                ("share", float(page.share)?),
            ];
            self.push(self.key.entry.measurement, vec![rank(i)], fields);
        }
        self.rest(line)
    }

    fn names(&mut self, line: &Line<'_>, most: usize) -> Result<(), PointError> {
        for (i, place) in list::<Name>(line, most)?.into_iter().enumerate() {
            let fields = vec![
                ("name", Text(place.name)),
                ("views", Integer(place.views)),
                ("users", Integer(place.users)),
            ];
            self.push(self.key.entry.measurement, vec![rank(i)], fields);
        }
        self.rest(line)
    }

    fn campaigns(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        for (i, place) in list::<Campaign>(line, MOST_OF_DAY)?.into_iter().enumerate() {
            let fields = vec![
                ("source", Text(place.source)),
                ("medium", Text(place.medium)),
                ("campaign", Text(place.campaign)),
                ("views", Integer(place.views)),
                ("users", Integer(place.users)),
            ];
            self.push(self.key.entry.measurement, vec![rank(i)], fields);
        }
        self.rest(line)
    }

    fn hours(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        for place in list::<Hour>(line, MOST_OF_DAY)? {
            let fields = vec![
                ("start", Integer(place.start)),
                ("views", Integer(place.views)),
                ("users", Integer(place.users)),
            ];
            let tags = vec![("hour", format!("{:02}", place.hour))];
            self.push(self.key.entry.measurement, tags, fields);
        }
        self.total(vec![("count", Integer(needed(line.count, "count")?))]);
        Ok(())
    }

    fn geo(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        for place in list::<Country>(line, MOST_COUNTRIES)? {
            let fields = vec![("views", Integer(place.views)), ("users", Integer(place.users))];
            self.push(self.key.entry.measurement, vec![("country", place.country)], fields);
        }
        let cities = needed(line.cities.as_ref(), "cities")?;
        within("cities", cities.len(), MOST_PLACES)?;
        for (i, place) in cities.iter().enumerate() {
            let fields = vec![
                ("country", Text(place.country.clone())),
                ("city", Text(place.city.clone())),
                ("views", Integer(place.views)),
                ("users", Integer(place.users)),
            ];
            self.push(CITIES, vec![rank(i)], fields);
        }
        self.rest(line)
    }

    fn journeys(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        for (i, item) in list::<Path>(line, MOST_PLACES)?.into_iter().enumerate() {
            let path = item.path.join(" > ");
            let fields = vec![("path", Text(path)), ("sessions", Integer(item.sessions))];
            self.push(self.key.entry.measurement, vec![rank(i)], fields);
        }
        let transitions = needed(line.transitions.as_ref(), "transitions")?;
        within("transitions", transitions.len(), MOST_TRANSITIONS)?;
        for (i, transition) in transitions.iter().enumerate() {
            let fields = vec![
                ("from", Text(transition.from.clone())),
                ("to", Text(transition.to.clone())),
                ("count", Integer(transition.count)),
            ];
            self.push(TRANSITIONS, vec![rank(i)], fields);
        }
        self.total(vec![("count", Integer(needed(line.count, "count")?))]);
        Ok(())
    }

    fn funnel(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        let steps: Vec<Step<'_>> = serde_json::from_str(needed(line.items, "items")?.get())?;
        for step in steps {
            let mut fields = vec![("name", Text(step.name)), ("sessions", Integer(step.sessions))];
            if let Some(drop_off) = step.drop_off {
                fields.push(("dropOff", float(drop_off)?));
            }
            fields.extend(step.median_ms.map(|ms| ("medianMs", Integer(ms))));
            self.push(self.key.entry.measurement, vec![("step", step.step.to_string())], fields);
        }
        self.total(vec![("count", Integer(needed(line.count, "count")?))]);
        Ok(())
    }

    fn behaviour(&mut self, line: &Line<'_>) -> Result<(), PointError> {
        for (name, classes) in [("pageViews", &line.page_views), ("duration", &line.duration)] {
            for class in needed(classes.as_ref(), name)? {
                let mut fields: Vec<_> =
                    class.to.map(|to| ("to", Integer(to))).into_iter().collect();
                fields.push(("sessions", Integer(class.sessions)));
                let tags = vec![("from", class.from.to_string()), ("histogram", name.to_owned())];
                self.push(self.key.entry.measurement, tags, fields);
            }
        }
        self.total(vec![
            ("count", Integer(needed(line.count, "count")?)),
            ("newUsers", Integer(needed(line.new_users, "newUsers")?)),
            ("returningUsers", Integer(needed(line.returning_users, "returningUsers")?)),
        ]);
        Ok(())
    }
}
