//! Pages in a row, as one text whose order by bytes is the order of the rows, element
//! by element, a row before those that it begins.
//!
//! Pages are set apart by two zero characters, and a zero character in a page is
//! followed by U+0001: so what ends a page sorts before all that can go on.

use crate::rows::Name;
use xxhash_rust::xxh3::xxh3_64;

const APART: &str = "\0\0";
const ZERO: &str = "\0\u{1}";

/// Pages in a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// Of these pages.
    #[must_use]
    pub fn of(pages: &[impl AsRef<str>]) -> Self {
        let length: usize = pages.iter().map(|page| page.as_ref().len() + APART.len()).sum();
        let mut text = String::with_capacity(length);
        for (i, page) in pages.iter().map(AsRef::as_ref).enumerate() {
            if i > 0 {
                text.push_str(APART);
            }
            match page.contains('\0') {
                true => text.push_str(&page.replace('\0', ZERO)),
                false => text.push_str(page),
            }
        }
        Self(text)
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> u64 {
        xxh3_64(self.0.as_bytes())
    }

    /// As the name of a row.
    #[must_use]
    pub fn into_name(self) -> Name {
        Name { text: self.0.into(), split: 0 }
    }

    /// The pages of a name that was made of a path.
    #[must_use]
    pub fn pages(name: &Name) -> Vec<String> {
        let mut pages = Vec::new();
        let mut page = String::new();
        let mut rest = &*name.text;
        while let Some(zero) = rest.find('\0') {
            page.push_str(&rest[..zero]);
            match rest[zero..].starts_with(ZERO) {
                true => page.push('\0'),
                false => pages.push(std::mem::take(&mut page)),
            }
            rest = &rest[zero + APART.len()..];
        }
        page.push_str(rest);
        pages.push(page);
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pages() -> impl Strategy<Value = Vec<String>> {
        let page = "[/\0\u{1}aé]{0,4}";
        proptest::collection::vec(page, 1..6)
    }

    proptest! {
        #[test]
        fn a_path_sorts_as_its_pages_and_gives_them_back(a in pages(), b in pages()) {
            prop_assert_eq!(Path::of(&a).cmp(&Path::of(&b)), a.cmp(&b));
            prop_assert_eq!(Path::pages(&Path::of(&a).into_name()), a);
        }
    }
}
