//! JSON, just enough: does a text follow the grammar, and what are the members of an object.
//!
//! Invariant: the whole text is judged by the grammar before anything in it is read, and values
//! stay text until someone asks for them. So numbers are exact, repeated names are all there, and
//! half a surrogate pair is a fact about one string and not about the whole.
//!
//! It builds no tree and does not recurse: depth costs a byte a level.

/// A value of an object, as far as anyone here asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, as it is written.
    Number(&'a str),
    /// A text, unescaped; `None` where it has half a surrogate pair.
    Text(Option<String>),
    /// An array, whatever is in it.
    Array,
    /// An object, as it is written.
    Object(&'a str),
}

/// A member of an object: its unescaped name (`None` with half a surrogate pair) and its value.
pub(super) type Member<'a> = (Option<String>, Value<'a>);

/// The members of the one object that `text` is, in their order; `None` if it is anything else.
pub(super) fn members(text: &str) -> Option<Vec<Member<'_>>> {
    let bytes = text.as_bytes();
    let begin = after_blanks(bytes, 0);
    if bytes.get(begin) != Some(&b'{') {
        return None;
    }
    let end = value_end(bytes, begin)?;
    if after_blanks(bytes, end) != bytes.len() {
        return None;
    }
    let mut found = Vec::new();
    let mut at = after_blanks(bytes, begin + 1);
    while bytes.get(at) == Some(&b'"') {
        let name_end = text_end(bytes, at)?;
        let value_at = after_blanks(bytes, after_blanks(bytes, name_end) + 1);
        let value_end = value_end(bytes, value_at)?;
        found.push((unescaped(&text[at..name_end]), value(&text[value_at..value_end])));
        // Behind the value stands a comma and the next name, or the end of the object.
        at = after_blanks(bytes, after_blanks(bytes, value_end) + 1);
    }
    Some(found)
}

/// What a value is, which is known to follow the grammar.
fn value(raw: &str) -> Value<'_> {
    match raw.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't' | b'f') => Value::Bool,
        Some(b'"') => Value::Text(unescaped(raw)),
        Some(b'[') => Value::Array,
        Some(b'{') => Value::Object(raw),
        _ => Value::Number(raw),
    }
}

/// Where the value ends that begins at `at`; `None` if none does.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut at = at;
    loop {
        match bytes.get(at)? {
            b'{' => {
                at = after_blanks(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    open.push(b'{');
                    at = after_name(bytes, at)?;
                    continue;
                }
                at += 1;
            }
            b'[' => {
                at = after_blanks(bytes, at + 1);
                if bytes.get(at) != Some(&b']') {
                    open.push(b'[');
                    continue;
                }
                at += 1;
            }
            _ => at = scalar_end(bytes, at)?,
        }
        // A value has ended here: close what ends with it, up to the next comma.
        loop {
            let Some(around) = open.last() else {
                return Some(at);
            };
            at = after_blanks(bytes, at);
            match (around, bytes.get(at)?) {
                (b'{', b',') => {
                    at = after_name(bytes, after_blanks(bytes, at + 1))?;
                    break;
                }
                (b'[', b',') => {
                    at = after_blanks(bytes, at + 1);
                    break;
                }
                (b'{', b'}') | (b'[', b']') => {
                    open.pop();
                    at += 1;
                }
                _ => return None,
            }
        }
    }
}

/// Where the value begins whose name begins at `at`.
fn after_name(bytes: &[u8], at: usize) -> Option<usize> {
    let colon = after_blanks(bytes, text_end(bytes, at)?);
    (bytes.get(colon) == Some(&b':')).then(|| after_blanks(bytes, colon + 1))
}

fn after_blanks(bytes: &[u8], at: usize) -> usize {
    let blanks = bytes.iter().skip(at).take_while(|byte| b" \t\n\r".contains(byte));
    at + blanks.count()
}

fn scalar_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => text_end(bytes, at),
        b't' => word_end(bytes, at, b"true"),
        b'f' => word_end(bytes, at, b"false"),
        b'n' => word_end(bytes, at, b"null"),
        _ => number_end(bytes, at),
    }
}

fn word_end(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    bytes[at..].starts_with(word).then_some(at + word.len())
}

fn text_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    let hex = bytes.get(at + 2..at + 6)?;
                    if !hex.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    at += 6;
                }
                _ => return None,
            },
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}

fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize| at + bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = at + usize::from(bytes[at] == b'-');
    let whole = digits(at);
    if whole == at || (bytes[at] == b'0' && whole > at + 1) {
        return None;
    }
    at = whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == at + 1 {
            return None;
        }
        at = fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let begin = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if begin > bytes.len() || digits(begin) == begin {
            return None;
        }
        at = digits(begin);
    }
    Some(at)
}

/// The text that a string with its quotes stands for; `None` with half a surrogate pair.
fn unescaped(raw: &str) -> Option<String> {
    let mut units = Vec::new();
    let mut chars = raw[1..raw.len() - 1].chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next()? {
            'b' => 0x08,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'u' => {
                let hex: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&hex, 16).ok()?
            }
            // A quote, a backslash or a slash stands for itself.
            itself => u16::try_from(u32::from(itself)).ok()?,
        });
    }
    // Two halves make a pair wherever they come from, and only escapes can be halves.
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[(Option<&str>, Value<'_>)]>) {
        let expected = expected.map(|members| {
            let owned = |name: &Option<&str>| name.map(str::to_owned);
            members.iter().map(|(n, v)| (owned(n), v.clone())).collect::<Vec<_>>()
        });
        assert_eq!(members(text), expected, "{text}");
    }

    #[test]
    fn objects_have_their_members() {
        let text = |text: &str| Value::Text(Some(text.to_owned()));
        check("{}", Some(&[]));
        check(" {\r\n} \t", Some(&[]));
        check(
            r#"{"a":1,"a":-0.5E+9}"#,
            Some(&[(Some("a"), Value::Number("1")), (Some("a"), Value::Number("-0.5E+9"))]),
        );
        check(r#"{"\u0061" : "x\ud83d\ude00\/"}"#, Some(&[(Some("a"), text("x😀/"))]));
        check(
            r#"{"a":"\ud83d","\ude00":null}"#,
            Some(&[(Some("a"), Value::Text(None)), (None, Value::Null)]),
        );
        check(
            r#"{"a":[1,{"b":[]}],"c":{"d":{}},"e":true}"#,
            Some(&[
                (Some("a"), Value::Array),
                (Some("c"), Value::Object(r#"{"d":{}}"#)),
                (Some("e"), Value::Bool),
            ]),
        );
        check(r#"{"a":1e999}"#, Some(&[(Some("a"), Value::Number("1e999"))]));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            " ",
            "null",
            "[]",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a":01}"#,
            r#"{"a":.5}"#,
            r#"{"a":5.}"#,
            r#"{"a":1e}"#,
            r#"{"a":1e"#,
            r#"{"a":+1}"#,
            r#"{"a":-}"#,
            r#"{"a":NaN}"#,
            r#"{"a":tru}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":[1,]}"#,
            r#"{"a":[}"#,
            r#"{"a":[1}}"#,
            r#"{'a':1}"#,
            r#"{a:1}"#,
            "{\"a\":1,\u{a0}\"b\":2}",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn depth_costs_nothing_but_bytes() {
        let deep =
            |closing: usize| format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(closing));
        check(&deep(100_000), Some(&[(Some("a"), Value::Array)]));
        check(&deep(99_999), None);
        check(&deep(100_001), None);
    }
}
