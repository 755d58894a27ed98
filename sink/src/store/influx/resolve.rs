//! Writing lines so that a bad one takes no other with it.
//!
//! InfluxDB refuses a whole request for one line that it cannot read, and of one that it
//! can read it keeps all but the points that do not fit. Either way the very lines are
//! found: by its message where that quotes lines, else by halving. What is found is only
//! believed of a line that was sent alone. To write the others again changes nothing.

use super::batch::Line;
use super::http::{Verdict, shown};

/// Most lines and bytes of a request; a longer line goes alone.
const MOST_LINES: usize = 1000;
const MOST_BYTES: usize = 1 << 20;

/// A line that is not in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its place among the lines.
    pub(super) line: usize,
    /// Why, as InfluxDB says it.
    pub(super) reason: String,
    /// Whether it is older than the bucket's retention.
    pub(super) is_expired: bool,
}

/// Writes lines; gives those that were refused. `send` waits for an answer; none where it
/// is given up, and nothing is known of the lines.
pub(super) fn write(
    lines: &[Line],
    mut send: impl FnMut(&[u8]) -> Option<Verdict>,
) -> Option<Vec<Refused>> {
    let mut refused = Vec::new();
    let mut groups = groups(lines);
    while let Some(group) = groups.pop() {
        let text: Vec<&[u8]> =
            group.iter().filter_map(|i| Some(lines.get(*i)?.text.as_slice())).collect();
        let verdict = send(&text.join(&b'\n'))?;
        let (message, is_partly) = match verdict {
            Verdict::Done => continue,
            Verdict::Refused(message) => (message, false),
            Verdict::Partly(message) => (message, true),
        };
        if let ([line], [text]) = (group.as_slice(), text.as_slice()) {
            let is_expired = is_partly && message.contains("retention policy");
            let reason = reason(&message, &String::from_utf8_lossy(text));
            refused.push(Refused { line: *line, reason, is_expired });
            continue;
        }
        let named = |i: &usize| lines.get(*i).is_some_and(|line| is_named(&message, line));
        let (named, others): (Vec<_>, Vec<_>) =
            group.iter().copied().partition(|i| !is_partly && named(i));
        if named.is_empty() {
            let (left, right) = group.split_at(group.len() / 2);
            groups.extend([right.to_vec(), left.to_vec()]);
        } else {
            groups.extend(named.into_iter().map(|line| vec![line]));
            groups.extend(Some(others).filter(|others| !others.is_empty()));
        }
    }
    refused.sort_unstable_by_key(|refused| refused.line);
    Some(refused)
}

/// The requests to begin with, the first one last.
fn groups(lines: &[Line]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (i, line) in lines.iter().enumerate() {
        bytes += line.text.len() + 1;
        match groups.last_mut() {
            Some(group) if group.len() < MOST_LINES && bytes <= MOST_BYTES => group.push(i),
            _ => {
                bytes = line.text.len() + 1;
                groups.push(vec![i]);
            }
        }
    }
    groups.reverse();
    groups
}

/// How a message quotes a line.
fn quote(line: &str) -> String {
    format!("unable to parse '{line}': ")
}

fn is_named(message: &str, line: &Line) -> bool {
    message.contains(&quote(&String::from_utf8_lossy(&line.text)))
}

/// What a message says of a line that was alone, without the line.
fn reason(message: &str, line: &str) -> String {
    shown(&message.replace(&quote(line), "unable to parse it: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        let line = |i| Line { text: format!("l{i:04}").into_bytes(), epoch: 1 };
        (0..count).map(line).collect()
    }

    /// A store that refuses these lines; how it says so is given.
    struct Fake {
        bad: Vec<String>,
        says: fn(&[String]) -> Verdict,
        requests: usize,
        kept: Vec<String>,
    }

    impl Fake {
        fn send(&mut self, body: &[u8]) -> Option<Verdict> {
            self.requests += 1;
            let body = String::from_utf8(body.to_vec()).unwrap();
            let lines: Vec<String> = body.split('\n').map(str::to_owned).collect();
            assert!(lines.len() <= MOST_LINES);
            let is_bad = |line: &String| self.bad.contains(line);
            let (bad, good): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_bad);
            if bad.is_empty() {
                self.kept.extend(good);
                return Some(Verdict::Done);
            }
            let verdict = (self.says)(&bad);
            if matches!(verdict, Verdict::Partly(_)) {
                self.kept.extend(good);
            }
            Some(verdict)
        }
    }

    fn check(count: usize, bad: &[usize], says: fn(&[String]) -> Verdict, most_requests: usize) {
        let lines = lines(count);
        let text = |i: &usize| String::from_utf8(lines[*i].text.clone()).unwrap();
        let bad_lines = bad.iter().map(text).collect();
        let mut fake = Fake { bad: bad_lines, says, requests: 0, kept: Vec::new() };
        let refused = write(&lines, |body| fake.send(body)).unwrap();
        assert_eq!(refused.iter().map(|r| r.line).collect::<Vec<_>>(), bad);
        fake.kept.sort_unstable();
        fake.kept.dedup();
        assert_eq!(fake.kept.len(), count - bad.len(), "every other line is there");
        assert!(fake.requests <= most_requests, "{} requests", fake.requests);
    }

    fn names(bad: &[String]) -> Verdict {
        let quoted: Vec<_> = bad.iter().map(|line| quote(line) + "invalid field").collect();
        Verdict::Refused(quoted.join("\n"))
    }

    fn says_little(_: &[String]) -> Verdict {
        Verdict::Refused("something is wrong".into())
    }

    fn keeps_the_others(bad: &[String]) -> Verdict {
        Verdict::Partly(format!("partial write: field type conflict dropped={}", bad.len()))
    }

    #[test]
    fn the_very_lines_are_found() {
        check(0, &[], names, 0);
        check(1, &[], names, 1);
        check(2500, &[], names, 3);
        check(1, &[0], names, 1);
        check(1000, &[0, 7, 999], names, 5);
        check(1000, &[500], says_little, 21);
        check(1000, &[0, 999], says_little, 41);
        check(1000, &[3, 4, 700], keeps_the_others, 61);
        check(8, &[0, 1, 2, 3, 4, 5, 6, 7], says_little, 15);
        check(8, &[0, 1, 2, 3, 4, 5, 6, 7], names, 9);
    }

    #[test]
    fn a_name_is_not_believed_of_a_line_that_is_taken_alone() {
        let lines = lines(4);
        let mut answers = vec![Verdict::Done, Verdict::Done];
        answers.push(Verdict::Refused(quote("l0002") + "no"));
        let refused = write(&lines, |_| answers.pop()).unwrap();
        assert_eq!(refused, []);
    }

    #[test]
    fn reasons_are_those_of_the_store_without_the_line() {
        let one = lines(1);
        let answer = |verdict: fn() -> Verdict| write(&one, |_| Some(verdict())).unwrap();
        let refused = answer(|| Verdict::Refused(quote("l0000") + "missing fields"));
        assert_eq!(refused[0].reason, "unable to parse it: missing fields");
        let old = answer(|| {
            Verdict::Partly("partial write: points beyond retention policy dropped=1".into())
        });
        assert!(old[0].is_expired && !refused[0].is_expired);
        assert_eq!(write(&one, |_| None), None, "it is given up");
    }
}
