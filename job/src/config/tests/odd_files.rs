//! Files that nobody means to write: reading them must end in a configuration
//! or in problems, never in a panic.

use super::super::file::{Source, apply};
use super::super::settings::Settings;
use crate::config::{Config, to_toml};

/// A small generator with a fixed seed, so that every run sees the same files.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).expect("small") % end
    }
}

#[test]
fn changed_files_never_panic() {
    let webhook =
        "[[webhook]]\nname = \"a\"\nurl = \"https://a.b/c\"\nrules = []\ntimeout = \"1s\"\n";
    let whole = to_toml(&Config::defaults()) + webhook;
    let alphabet =
        ['"', '\'', '[', ']', '=', '\n', '#', '.', '-', '9', 'e', 'ü', '\u{0}', '{', ','];
    let mut random = Random(42);
    for _ in 0..1_500 {
        let mut text: Vec<char> = whole.chars().filter(|c| *c != '`').collect();
        for _ in 0..=random.below(6) {
            let place = random.below(text.len());
            match random.below(3) {
                0 => text[place] = alphabet[random.below(alphabet.len())],
                1 => text.truncate(place + 1),
                _ => text.extend_from_within(place..),
            }
            text.truncate(20_000);
        }
        let text: String = text.into_iter().collect();
        let mut problems = Vec::new();
        let source = Source::new("odd.toml", &text);
        apply(&source, &mut Settings::defaults(), &mut problems);
        for problem in problems {
            assert!(!problem.to_string().contains('\n'), "{problem}");
        }
    }
}
