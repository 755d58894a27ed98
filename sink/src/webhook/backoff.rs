//! When to try again.
//!
//! The pause doubles with each attempt up to a bound, and of it a random part is taken:
//! many alerts that fail together do not come back together.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

/// Picks a number from 0 to the given one, ms.
pub type Jitter = Arc<dyn Fn(i64) -> i64 + Send + Sync>;

/// The longest pause that a receiver can ask for, ms.
const MOST_ASKED_MS: i64 = 15 * 60_000;

/// How pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest pause after the first attempt, ms.
    pub first_ms: i64,
    /// The longest pause of all, ms.
    pub most_ms: i64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first_ms: 1_000, most_ms: 5 * 60_000 }
    }
}

impl Backoff {
    /// The pause after so many attempts, from 1 on, ms.
    #[must_use]
    pub fn pause_ms(self, attempts: u32, jitter: &Jitter) -> i64 {
        let doubled = attempts.saturating_sub(1).min(32);
        let longest = self.first_ms.saturating_mul(1 << doubled).min(self.most_ms);
        jitter(longest).clamp(0, longest)
    }
}

/// A jitter that nobody can foresee.
#[must_use]
pub fn random() -> Jitter {
    Arc::new(|most_ms| {
        // Each state has keys of its own: its hash of anything is a random number.
        let hash = RandomState::new().hash_one(0u8);
        i64::try_from(hash % most_ms.unsigned_abs().saturating_add(1)).unwrap_or(0)
    })
}

/// The pause that an answer asks for by `Retry-After` (seconds, or a date), bounded, ms.
pub(crate) fn asked_ms(retry_after: &str, now_ms: i64) -> Option<i64> {
    let text = retry_after.trim();
    let asked_ms = match text.parse::<u32>() {
        Ok(seconds) => i64::from(seconds) * 1_000,
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_millis()).ok()?.saturating_sub(now_ms)
        }
    };
    Some(asked_ms.clamp(0, MOST_ASKED_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_any_part_of_them_is_taken() {
        let backoff = Backoff { first_ms: 1_000, most_ms: 5_000 };
        let whole: Jitter = Arc::new(|most| most);
        let check = |attempts, expected| {
            assert_eq!(backoff.pause_ms(attempts, &whole), expected, "{attempts}");
        };
        check(1, 1_000);
        check(2, 2_000);
        check(3, 4_000);
        check(4, 5_000);
        check(u32::MAX, 5_000);
        let random = random();
        let many: Vec<_> = (0..1_000).map(|_| backoff.pause_ms(4, &random)).collect();
        assert!(many.iter().all(|ms| (0..=5_000).contains(ms)));
        assert!(many.iter().any(|ms| *ms < 500) && many.iter().any(|ms| *ms > 4_500));
    }

    #[test]
    fn receivers_can_ask_for_a_pause_within_bounds() {
        let check = |text: &str, expected| assert_eq!(asked_ms(text, 784_111_000_000), expected);
        check("7", Some(7_000));
        check(" 0 ", Some(0));
        check("4000000000", Some(MOST_ASKED_MS));
        // 784 111 777 s since 1970.
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(777_000));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("-1", None);
        check("soon", None);
    }
}
