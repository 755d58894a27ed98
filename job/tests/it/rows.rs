//! Keys of rows, compared as the contract orders them.

use std::hash::{DefaultHasher, Hash, Hasher};
use streamgauge::rows::Name;

/// A value of two parts; the second is empty but for cities.
fn name(first: &str, second: &str) -> Name {
    let split = if second.is_empty() { 0 } else { u32::try_from(first.len()).unwrap() };
    Name { text: format!("{first}{second}").into(), split }
}

fn hash(name: &Name) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn names_are_compared_part_by_part() {
    let ascending = [
        ("", ""),
        ("A", ""),
        ("A", "b"),
        ("A", "bc"),
        ("A", "c"),
        ("A b", ""),
        ("Ab", ""),
        ("Ab", "c"),
        ("Abc", ""),
        ("B", "a"),
        ("ä", ""),
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            let (x, y) = (name(a.0, a.1), name(b.0, b.1));
            assert_eq!(x.cmp(&y), i.cmp(&j), "{a:?} {b:?}");
            assert_eq!(x.partial_cmp(&y), Some(i.cmp(&j)), "{a:?} {b:?}");
            assert_eq!(x == y, i == j, "{a:?} {b:?}");
            assert_eq!(hash(&x) == hash(&y), i == j, "{a:?} {b:?}");
        }
    }
    let shared = name("A", "b");
    assert_eq!(shared, shared.clone());
}
