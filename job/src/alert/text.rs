//! Texts with places that are filled in.

use std::sync::Arc;

/// A text in which `{name}` stands for something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template(Arc<str>);

/// A place that nothing is known for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPlaceholder(pub String);

/// What stands for the places of a text, by name.
pub type Placeholders<'a> = [(&'static str, &'a str)];

impl Template {
    /// A text that may use these places.
    ///
    /// # Errors
    /// With the name of the first other place.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, UnknownPlaceholder> {
        for part in parts(text) {
            if let Part::Place(name) = part
                && !known.contains(&name)
            {
                return Err(UnknownPlaceholder(name.to_owned()));
            }
        }
        Ok(Self(text.into()))
    }

    /// A text that was found to be one before.
    #[must_use]
    pub fn kept(text: &str) -> Self {
        Self(text.into())
    }

    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The text with everything filled in; what is filled in is taken as it is.
    #[must_use]
    pub fn fill(&self, values: &Placeholders<'_>) -> String {
        let mut filled = String::with_capacity(self.0.len() + 32);
        for part in parts(&self.0) {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(name) => {
                    let value = values.iter().find(|(known, _)| *known == name);
                    filled.push_str(value.map_or("", |(_, value)| value));
                }
            }
        }
        filled
    }
}

enum Part<'a> {
    Text(&'a str),
    Place(&'a str),
}

/// The parts of a text. `{` that no lower-case word and `}` follow is text.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = place(rest) {
            rest = after;
            return Some(Part::Place(name));
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('{').map_or(rest.len(), |at| first + at);
        let (plain, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(plain))
    })
}

fn place(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    is_word.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_once() {
        let check = |text: &str, expected: &str| {
            let template = Template::parse(text, &["user", "value"]).unwrap();
            assert_eq!(template.fill(&[("user", "{value}"), ("value", "2.5")]), expected);
        };
        check("", "");
        check("plain", "plain");
        check("{user} has {value}!", "{value} has 2.5!");
        check("{{user}} { } {} {A} ü{value}", "{{value}} { } {} {A} ü2.5");
    }

    #[test]
    fn an_unknown_place_is_named() {
        let refused = Template::parse("a {user} b {usr}", &["user"]);
        assert_eq!(refused, Err(UnknownPlaceholder("usr".to_owned())));
    }
}
