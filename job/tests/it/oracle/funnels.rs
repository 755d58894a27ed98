//! Funnels: which steps a session reached, and when.

use super::event::{Event, EventKind};

/// Steps that lead to something.
#[derive(Clone, Debug)]
pub struct Funnel {
    /// Its name, unlike that of all others.
    pub name: String,
    /// 2 to 8 steps: names of event types, or patterns of pages with `*` for any text.
    pub steps: Vec<String>,
    /// Whether page views and conversions between the steps end a run.
    pub strict: bool,
    /// From this step on, counted from 1, a session that goes no further has abandoned.
    pub abandonment_step: usize,
}

impl Funnel {
    /// The funnel that there is without a configuration.
    #[must_use]
    pub fn checkout() -> Self {
        Self {
            name: "checkout".to_owned(),
            steps: ["/products/*", "/cart", "/checkout", "CONVERSION"].map(str::to_owned).to_vec(),
            strict: false,
            abandonment_step: 2,
        }
    }
}

/// The times at which a session reached the first, second … step; as many as it reached.
pub(super) fn reached_ms(funnel: &Funnel, events: &[&Event]) -> Vec<i64> {
    let places = if funnel.strict {
        strict_run(&funnel.steps, events)
    } else {
        run_from(&funnel.steps, events, 0, false)
    };
    places.into_iter().map(|place| events[place].timestamp_ms).collect()
}

/// The longest run, and among equally long ones the earliest.
fn strict_run(steps: &[String], events: &[&Event]) -> Vec<usize> {
    let mut best = Vec::new();
    for first in 0..events.len() {
        if steps.first().is_some_and(|step| matches(step, events[first])) {
            let run = run_from(steps, events, first, true);
            if run.len() > best.len() {
                best = run;
            }
        }
    }
    best
}

/// The places of the earliest events, from `first` on, that match the steps one after the other.
///
/// To take the earliest is enough for strict runs too: page views and conversions match no step of
/// another kind, so a step has either only the next of them to choose, or only events before it,
/// and from an earlier one of these all is within reach that is from a later one.
fn run_from(steps: &[String], events: &[&Event], first: usize, strict: bool) -> Vec<usize> {
    let mut places: Vec<usize> = Vec::new();
    for (place, event) in events.iter().enumerate().skip(first) {
        let Some(step) = steps.get(places.len()) else {
            break;
        };
        if matches(step, event) {
            places.push(place);
        } else if strict && matches!(event.kind, EventKind::PageView | EventKind::Conversion) {
            break;
        }
    }
    places
}

pub(super) fn matches(step: &str, event: &Event) -> bool {
    match EventKind::of(step) {
        EventKind::Unknown => event.kind == EventKind::PageView && page_matches(step, &event.page),
        kind => event.kind == kind,
    }
}

fn page_matches(pattern: &str, page: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == page;
    };
    let Some(mut left) = page.strip_prefix(head) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    // The first place where a piece occurs leaves most text to the others.
    for piece in pieces {
        match left.split_once(piece) {
            Some((_, behind)) => left = behind,
            None => return false,
        }
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::super::example::{event, page_view};
    use super::*;

    #[test]
    fn stars_are_any_text() {
        let check = |pattern: &str, page: &str, expected| {
            assert_eq!(page_matches(pattern, page), expected, "{pattern} {page}")
        };
        check("/cart", "/cart", true);
        check("/cart", "/cart/", false);
        check("/products/*", "/products/", true);
        check("/products/*", "/products", false);
        check("*", "", true);
        check("/a*b", "/ab", true);
        check("/a*ab", "/ab", false);
        check("/*/x/*x", "/1/x/2x", true);
        check("/*/x/*x", "/1/x/", false);
        check("/**a", "/ba", true);
        check("(unknown)", "(unknown)", true);
    }

    /// Events by letters: `S` and `E` are the start and the end, `C` a conversion, others pages.
    fn check(steps: &[&str], strict: bool, letters: &str, expected: &[i64]) {
        let funnel = Funnel {
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            strict,
            ..Funnel::checkout()
        };
        let events: Vec<Event> = letters
            .chars()
            .zip(0..)
            .map(|(letter, at)| {
                let value = match letter {
                    'S' => event("u", at, "SESSION_START", ""),
                    'E' => event("u", at, "SESSION_END", ""),
                    'C' => event("u", at, "CONVERSION", ""),
                    page => page_view("u", at, &format!("/{page}")),
                };
                decode(&value, 1000).event.unwrap()
            })
            .collect();
        assert_eq!(
            reached_ms(&funnel, &events.iter().collect::<Vec<_>>()),
            expected,
            "{steps:?} {letters}"
        );
    }

    #[test]
    fn steps_are_reached_in_order() {
        let steps = ["/a", "/b", "CONVERSION"];
        check(&steps, false, "", &[]);
        check(&steps, false, "bca", &[2]);
        check(&steps, false, "bCaxaSbxC", &[2, 6, 8]);
        check(&["/a", "/a"], false, "aba", &[0, 2]);
        check(&["PAGE_VIEW", "*"], false, "a", &[0]);
        check(&["SESSION_START", "SESSION_END"], false, "aSaE", &[1, 3]);
    }

    #[test]
    fn strict_steps_have_nothing_between_them() {
        let steps = ["/a", "/b", "CONVERSION"];
        check(&steps, true, "axbC", &[0]);
        check(&steps, true, "aSbSC", &[0, 2, 4]);
        check(&steps, true, "abxabC", &[3, 4, 5]);
        check(&steps, true, "abxabx", &[0, 1]);
        check(&steps, true, "aab", &[1, 2]);
        check(&["/a", "SESSION_START", "/b"], true, "aSSb", &[0, 1, 3]);
        check(&["/a", "SESSION_START", "/b"], true, "aSxSb", &[0, 1]);
    }
}
