//! A record as others read it: the key and the JSON of a result.
//!
//! Invariant: fields come in the order in which they are added, texts are escaped only where JSON
//! demands it, and the state stands last.

/// What a record is: before its window's close, at it, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Provisional,
    Final,
    Corrected,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
            Self::Corrected => "corrected",
        }
    }
}

/// A result without its state: equal records say the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The identity of the result.
    pub(super) key: String,
    /// Its JSON, up to and without the state and the closing brace.
    body: String,
}

impl Record {
    /// A record of a window `[start, end)`; `dimensions` in alphabetical order.
    pub(super) fn new(
        metric: &str,
        category: &str,
        window_ms: (i64, i64),
        dimensions: &[(&str, &str)],
    ) -> Self {
        let (start, end) = window_ms;
        let places: Vec<String> = dimensions
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        // The end of a session can change, so it is no part of what the session is.
        let key_end = if metric == "SESSION" { String::new() } else { end.to_string() };
        let fields: Vec<String> = dimensions
            .iter()
            .map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)))
            .collect();
        Self {
            key: format!("{metric}|{start}|{key_end}|{}", places.join(",")),
            body: format!(
                r#"{{"metricType":"{metric}","category":"{category}","windowStart":{start},"windowEnd":{end},"dimensions":{{{}}}"#,
                fields.join(",")
            ),
        }
    }

    /// A record whose line has its state within: an alert, by its id.
    pub(super) fn whole(key: String, line: String) -> Self {
        Self { key, body: line }
    }

    /// The line of such a record.
    pub(super) fn whole_line(&self) -> &str {
        &self.body
    }

    /// Adds a field whose value is JSON already.
    pub(super) fn with(mut self, name: &str, json: impl std::fmt::Display) -> Self {
        self.body.push_str(&format!(",{}:{json}", quoted(name)));
        self
    }

    /// The line of the record in this state, without an epoch and a watermark.
    pub(super) fn line(&self, state: State) -> String {
        format!(r#"{},"state":"{}"}}"#, self.body, state.name())
    }
}

/// A JSON array of values that are JSON already.
pub(super) fn array(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(","))
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..'\u{20}' => json.push_str(&format!("\\u{:04x}", u32::from(char))),
            _ => json.push(char),
        }
    }
    json.push('"');
    json
}

/// A name or value as it stands in a key.
fn encoded(text: &str) -> String {
    let mut key = String::new();
    for char in text.chars() {
        match char {
            '%' | '|' | ',' | '=' | '\0'..'\u{20}' => {
                key.push_str(&format!("%{:02X}", u32::from(char)))
            }
            _ => key.push(char),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_where_json_demands() {
        assert_eq!(
            quoted("a\"\\\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}/é"),
            "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}/é\""
        );
    }

    #[test]
    fn keys_are_encoded() {
        let record =
            Record::new("SESSION", "session", (5, 9), &[("session", "a|b,c=d%\n"), ("user", "ü")])
                .with("count", 1);
        assert_eq!(record.key, "SESSION|5||session=a%7Cb%2Cc%3Dd%25%0A,user=ü");
        assert_eq!(
            record.line(State::Corrected),
            r#"{"metricType":"SESSION","category":"session","windowStart":5,"windowEnd":9,"dimensions":{"session":"a|b,c=d%\n","user":"ü"},"count":1,"state":"corrected"}"#
        );
        assert_eq!(Record::new("OS", "business", (-10, 50), &[]).key, "OS|-10|50|");
    }
}
