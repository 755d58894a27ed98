//! Pages in a row, as one text whose order by bytes is the order of the rows, element
//! by element, a row before those that it begins.
//!
//! Pages are set apart by two zero characters, and a zero character in a page is
//! followed by U+0001: so what ends a page sorts before all that can go on.

use crate::rows::Name;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

const APART: &str = "\0\0";
const ZERO: &str = "\0\u{1}";

/// Most paths whose names are kept at hand.
const MOST_NAMES: usize = 1 << 15;

/// The names of paths that were named before: most transitions are seen again and again.
#[derive(Default)]
pub(super) struct Names {
    buffer: Path,
    names: HashTable<(u64, Name)>,
}

impl Names {
    /// The name of these pages, and its hash.
    pub(super) fn of(&mut self, pages: &[impl AsRef<str>]) -> (u64, Name) {
        self.buffer.write(pages);
        let (hash, text) = (xxh3_64(self.buffer.0.as_bytes()), self.buffer.0.as_str());
        let is_same = |(_, name): &(u64, Name)| *name.text == *text;
        if let Some(known) = self.names.find(hash, is_same) {
            return known.clone();
        }
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
        }
        let named = (hash, Name { text: text.into(), split: 0 });
        self.names.insert_unique(hash, named.clone(), |(hash, _)| *hash);
        named
    }
}

/// Pages in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// Of these pages.
    #[must_use]
    pub fn of(pages: &[impl AsRef<str>]) -> Self {
        let mut path = Self::default();
        path.write(pages);
        path
    }

    fn write(&mut self, pages: &[impl AsRef<str>]) {
        let text = &mut self.0;
        text.clear();
        for (i, page) in pages.iter().map(AsRef::as_ref).enumerate() {
            if i > 0 {
                text.push_str(APART);
            }
            match page.contains('\0') {
                true => text.push_str(&page.replace('\0', ZERO)),
                false => text.push_str(page),
            }
        }
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
            let mut names = Names::default();
            let named = names.of(&a);
            prop_assert_eq!(Path::pages(&named.1), a.clone());
            prop_assert_eq!(names.of(&a), named);
        }
    }
}
