//! Who is a bot, by the user agent it gives.
//!
//! The patterns are those of a kept crate; its name and version are part of the
//! settings that results are bound to. A pattern search costs microseconds and
//! user agents repeat, so the answers are remembered, up to a bound.

use hashbrown::HashMap;
use isbot::Bots;
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_128;

/// Name and version of the patterns; the manifest names the same version exactly.
pub const PATTERNS: &str = "isbot 0.1.3";
/// Answers remembered before the memory is emptied.
const MOST_REMEMBERED: usize = 1 << 16;

/// Compiling the patterns takes some 20 ms: once per process, when first asked.
static COMPILED: LazyLock<Bots> = LazyLock::new(Bots::default);

/// Answers whether a user agent is a bot's.
#[derive(Default)]
pub struct BotCheck {
    known: HashMap<u128, bool>,
}

impl BotCheck {
    /// Whether `user_agent` is a bot's.
    pub fn is_bot(&mut self, user_agent: &str) -> bool {
        let key = xxh3_128(user_agent.as_bytes());
        if let Some(&bot) = self.known.get(&key) {
            return bot;
        }
        if self.known.len() == MOST_REMEMBERED {
            self.known.clear();
        }
        let bot = COMPILED.is_bot(user_agent);
        self.known.insert(key, bot);
        bot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_are_those_of_the_version_named() {
        let manifest = include_str!("../Cargo.toml");
        let version = PATTERNS.strip_prefix("isbot ").unwrap();
        assert!(manifest.contains(&format!("isbot = \"={version}\"")), "{PATTERNS}");
    }

    #[test]
    fn crawlers_are_told_from_browsers() {
        let mut check = BotCheck::default();
        for _ in 0..2 {
            assert!(check.is_bot(
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
            ));
            assert!(!check.is_bot(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
            ));
        }
    }
}
