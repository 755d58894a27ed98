//! The nearest known word to a mistyped one.
//!
//! A suggestion that is wrong costs more than none, so only words within a few
//! edits are offered. It decides nothing: a near miss is still refused.

/// The candidate with the fewest edits from `word`, ignoring case; of several
/// the first. None if all are more than a third of the word's length away.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = word.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(2);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let edits = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
        // A word whose every letter would change is not a near miss.
        let all_differ = edits >= candidate.chars().count();
        if edits <= limit && !all_differ && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_misses_are_suggested() {
        let known = ["lateness", "allowed_disorder", "session_gap", "on", "off"];
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(nearest(word, known), expected, "{word}");
        };
        check("latenes", Some("lateness"));
        check("LATENESS", Some("lateness"));
        check("lateenss", Some("lateness"));
        check("session-gap", Some("session_gap"));
        check("onn", Some("on"));
        check("offf", Some("off"));
        check("watermark", None);
        check("xy", None);
        check("", None);
    }
}
