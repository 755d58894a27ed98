//! Questions in Flux, and the rows of their answers.
//!
//! Answers come as CSV, whose writer in InfluxDB changes line ends within texts: `\n`
//! becomes `\r\n`, and `\r` is lost. So texts are asked for in a form without either.

use crate::points::{SESSION_MEASUREMENT, SESSION_TAG, category_of, read_series, write_series};
use crate::store::{FieldValue, HistoryQuery};
use influxdb2_structmap::GenericMap;
use influxdb2_structmap::value::Value;
use std::fmt::Write;

/// Every tag that points have besides `metric`.
const TAGS: [&str; 8] =
    ["country", "currency", "from", "funnel", "hour", "histogram", "rank", "step"];
/// Times that InfluxDB can have, ms.
const FIRST_MS: i64 = -9_223_372_036_854;
const LAST_MS: i64 = 9_223_372_036_854;
/// Most points of an answer, whatever is asked for.
const MOST_POINTS: usize = 1_000_000;

/// Whether there can be a point of this time.
pub(super) fn can_have(time_ms: i64) -> bool {
    (FIRST_MS..LAST_MS).contains(&time_ms)
}

/// A field of a point, as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) time_ms: i64,
    pub(super) measurement: String,
    pub(super) tags: Vec<(String, String)>,
    pub(super) field: String,
    pub(super) value: FieldValue,
}

/// A text as Flux has it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Else what follows it in braces would be computed.
            '$' => out.push_str("\\x24"),
            c if c.is_ascii_control() => {
                // Writing to a string cannot fail, here and below.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A time of Flux, which counts in ns.
fn time(ms: i64) -> String {
    let ns = ms.clamp(FIRST_MS, LAST_MS).saturating_mul(1_000_000);
    format!("time(v: {ns})")
}

/// The value of a tag as it is stored: some characters have no form there.
pub(super) fn stored(value: &str) -> String {
    let mut series = Vec::new();
    write_series("m", [("t", value)], &mut series);
    let tags = read_series(&series).map(|(_, tags)| tags).unwrap_or_default();
    tags.into_iter().next().map_or_else(|| value.to_owned(), |(_, value)| value)
}

/// The rows of `data`, texts in a form without line ends. `string` changes no text; without
/// it the question would be about texts alone from its beginning, and refused of numbers.
const ROWS: &str = r#"
data() |> filter(fn: (r) => not types.isType(v: r._value, type: "string")) |> yield(name: "numbers")
data() |> filter(fn: (r) => types.isType(v: r._value, type: "string"))
  |> map(fn: (r) => ({r with _value: strings.replaceAll(v: strings.replaceAll(v: strings.replaceAll(
       v: string(v: r._value), t: "\\", u: "\\\\"), t: "\r", u: "\\r"), t: "\n", u: "\\n")}))
  |> yield(name: "texts")
"#;
const IMPORTS: &str = "import \"strings\"\nimport \"types\"\n";

/// The question for a series; none if there can be no such.
pub(super) fn history(bucket: &str, query: &HistoryQuery) -> Option<String> {
    let category = category_of(&query.measurement)?;
    let (from, to) = (query.from_ms.max(FIRST_MS), query.to_ms.min(LAST_MS));
    if from >= to {
        return None;
    }
    let mut flux = format!(
        "{IMPORTS}data = () => from(bucket: {})\n  |> range(start: {}, stop: {})\n  \
         |> filter(fn: (r) => r._measurement == {} and r._field == {} and r.metric == {})\n",
        quoted(bucket),
        time(from),
        time(to),
        quoted(&query.measurement),
        quoted(&query.field),
        quoted(category),
    );
    let tags = || query.tags.iter().filter(|(name, _)| name != "metric");
    for (name, value) in tags() {
        let (name, value) = (quoted(name), quoted(&stored(value)));
        let _ = writeln!(flux, "  |> filter(fn: (r) => r[{name}] == {value})");
    }
    let absent = TAGS.iter().filter(|tag| tags().all(|(name, _)| name != *tag));
    let absent: Vec<_> = absent.map(|tag| format!("not exists r[\"{tag}\"]")).collect();
    if !absent.is_empty() {
        let _ = writeln!(flux, "  |> filter(fn: (r) => {})", absent.join(" and "));
    }
    if let Some(step_ms) = query.step_ms.filter(|step_ms| *step_ms > 0) {
        let step = format!("{step_ms}ms");
        let _ = writeln!(flux, "  |> window(every: {step})\n  |> last()\n  |> window(every: inf)");
        // A series is in the order of time, and so is not what windows are joined to.
        flux.push_str("  |> sort(columns: [\"_time\"])\n");
    }
    let most = query.most.min(MOST_POINTS) + 1;
    let _ = writeln!(flux, "  |> limit(n: {most})");
    flux.push_str(ROWS);
    Some(flux)
}

/// The question for all points of measurements at one time.
pub(super) fn moment(bucket: &str, measurements: &[&str], time_ms: i64) -> Option<String> {
    if measurements.is_empty() || !can_have(time_ms) {
        return None;
    }
    let any: Vec<_> =
        measurements.iter().map(|name| format!("r._measurement == {}", quoted(name))).collect();
    let start = time(time_ms);
    // Points of this ms alone: its first ns.
    let stop = format!("time(v: {})", time_ms.saturating_mul(1_000_000).saturating_add(1));
    Some(format!(
        "{IMPORTS}data = () => from(bucket: {})\n  |> range(start: {start}, stop: {stop})\n  \
         |> filter(fn: (r) => {})\n{ROWS}",
        quoted(bucket),
        any.join(" or "),
    ))
}

/// The question for the points of sessions with this id that began at `start_ms` or later.
pub(super) fn sessions(bucket: &str, id: &str, start_ms: i64) -> String {
    format!(
        "{IMPORTS}data = () => from(bucket: {})\n  |> range(start: {}, stop: {})\n  \
         |> filter(fn: (r) => r._measurement == {} and r._field == \"value\" and r[{}] == {})\n{ROWS}",
        quoted(bucket),
        time(start_ms),
        time(LAST_MS),
        quoted(SESSION_MEASUREMENT),
        quoted(SESSION_TAG),
        quoted(&stored(id)),
    )
}

/// A row, from what the client gives; none if it has no value.
pub(super) fn row(record: GenericMap) -> Result<Option<Row>, String> {
    let mut row = Row {
        time_ms: 0,
        measurement: String::new(),
        tags: Vec::new(),
        field: String::new(),
        value: FieldValue::Integer(0),
    };
    let mut has_value = false;
    for (name, value) in record {
        match (name.as_str(), value) {
            ("_time", Value::TimeRFC(time)) => row.time_ms = time.timestamp_millis(),
            ("_measurement", Value::String(text)) => row.measurement = text,
            ("_field", Value::String(text)) => row.field = text,
            ("_value", value) => {
                row.value = match value {
                    Value::Long(integer) => FieldValue::Integer(integer),
                    Value::Double(float) => FieldValue::Float(float.into_inner()),
                    Value::String(text) => FieldValue::Text(plain(&text)),
                    other => return Err(format!("a value of a kind that is not known: {other:?}")),
                };
                has_value = true;
            }
            ("_start" | "_stop" | "result" | "table", _) => {}
            (_, Value::String(text)) => row.tags.push((name, text)),
            _ => {}
        }
    }
    Ok(has_value.then_some(row))
}

/// A text as it was, from the form in which it was asked for.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_leave_their_quotes() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text), expected);
        check("metrics", r#""metrics""#);
        check("a\"b\\c", r#""a\"b\\c""#);
        check("${now()}", r#""\x24{now()}""#);
        check("a\nb\u{7f}é", r#""a\x0ab\x7fé""#);
    }

    #[test]
    fn texts_come_back_as_they_were() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check("a b", "a b");
        check(r"\n\r\\n\\", "\n\r\\n\\");
        check(r"odd\", r"odd\");
    }

    #[test]
    fn what_cannot_be_there_is_not_asked_for() {
        let query = |measurement: &str, from_ms, to_ms| HistoryQuery {
            measurement: measurement.into(),
            tags: vec![],
            field: "value".into(),
            from_ms,
            to_ms,
            step_ms: None,
            most: 5,
        };
        assert_eq!(history("b", &query("nothing", 0, 9)), None);
        assert_eq!(history("b", &query("session", 0, 9)), None);
        assert_eq!(history("b", &query("bounce_rate", 9, 9)), None);
        let all = history("b", &query("bounce_rate", i64::MIN, i64::MAX)).unwrap();
        assert!(all.contains("start: time(v: -9223372036854000000)"), "{all}");
        assert_eq!(moment("b", &[], 5), None);
        assert_eq!(moment("b", &["devices"], i64::MAX), None);
    }
}
