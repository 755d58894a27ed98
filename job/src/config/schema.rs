//! What the table of configuration keys is made of, and finding things in it.
//!
//! Invariant: a default is a text that its own kind accepts, so the defaults
//! pass the same checks as what people write.
//!
//! It deliberately holds no values and reads nothing; the table itself is
//! `table.rs`.

use super::kind::Kind;
pub use super::table::{ALERT, FUNNEL, SECTIONS, WEBHOOK};

/// One `[section]` of the file, or one `[[section]]` that may be repeated.
#[derive(Debug)]
pub struct Section {
    /// Its name in the file and, in capitals, in variables.
    pub name: &'static str,
    /// One line of explanation.
    pub doc: &'static str,
    /// Written `[[name]]`, any number of times, in the file only.
    pub repeated: bool,
    /// Its keys in the order in which they are printed.
    pub keys: &'static [Key],
}

/// One key of a section.
#[derive(Debug)]
pub struct Key {
    /// Its name without the section.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Its default as written in a variable; none where it must be given.
    pub default: Option<&'static str>,
    /// One line of explanation.
    pub doc: &'static str,
    /// Never shown: `streamgauge config` and messages print a marker instead.
    pub secret: bool,
}

/// The section of that name.
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// Every key with its section, in the order of the table.
pub fn keys() -> impl Iterator<Item = (&'static Section, &'static Key)> {
    SECTIONS.iter().flat_map(|section| section.keys.iter().map(move |key| (section, key)))
}

/// The section and key of a path such as `time.lateness`.
pub fn find(path: &str) -> Option<(&'static Section, &'static Key)> {
    keys().find(|(section, key)| self::path(section, key) == path)
}

/// A key as messages name it: `time.lateness`.
pub fn path(section: &Section, key: &Key) -> String {
    format!("{}.{}", section.name, key.name)
}

/// The help of a flag that sets the key `path`: the same words as in the file.
///
/// # Panics
/// If the table has no such key: a broken invariant of the program.
pub fn flag_help(path: &'static str) -> String {
    let (_, key) = find(path).expect("a flag sets a key of the table");
    let default = key.default.unwrap_or_default();
    let values = match key.kind {
        // Durations and free numbers explain themselves by their default.
        Kind::Choice(_) | Kind::Rate { .. } | Kind::Duration { .. } | Kind::Text => String::new(),
        kind => format!(" ({})", kind.values()),
    };
    format!("{}{values} [default: {default}]", key.doc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid_and_every_key_explained() {
        for (section, key) in keys() {
            let name = path(section, key);
            if let Some(default) = key.default {
                assert!(key.kind.parse(default).is_ok(), "{name} = {default}");
            }
            for doc in [section.doc, key.doc] {
                assert!(doc.ends_with('.') && !doc.contains('\n'), "{name}: {doc}");
            }
            assert_eq!(find(&name).map(|(_, found)| found.name), Some(key.name));
        }
    }

    #[test]
    fn only_what_the_file_repeats_may_lack_a_default() {
        for (section, key) in keys() {
            assert!(section.repeated || key.default.is_some(), "{}", key.name);
        }
    }
}
