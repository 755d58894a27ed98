//! How many requests a client may make.

use std::time::Duration;
use tokio::time::Instant;

/// Requests refused in a row after which the connection is closed.
const PATIENCE: u32 = 20;

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is served.
    Allow,
    /// It is refused.
    Refuse,
    /// The client does not listen: it is closed.
    Close,
}

/// A bucket of tokens that fills with time.
#[derive(Debug)]
pub(crate) struct Budget {
    per_s: u32,
    tokens: u32,
    filled_at: Instant,
    refused: u32,
}

impl Budget {
    pub(crate) fn new(per_s: u32, now: Instant) -> Self {
        Self { per_s, tokens: per_s, filled_at: now, refused: 0 }
    }

    /// Judges a request.
    pub(crate) fn take(&mut self, now: Instant) -> Verdict {
        let token_every = Duration::from_secs(1) / self.per_s.max(1);
        while self.tokens < self.per_s && now.duration_since(self.filled_at) >= token_every {
            self.tokens += 1;
            self.filled_at += token_every;
        }
        if self.tokens == self.per_s {
            self.filled_at = now;
        }
        if self.tokens > 0 {
            self.tokens -= 1;
            self.refused = 0;
            return Verdict::Allow;
        }
        self.refused += 1;
        if self.refused > PATIENCE { Verdict::Close } else { Verdict::Refuse }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_a_second_are_allowed() {
        let start = Instant::now();
        let mut budget = Budget::new(5, start);
        let mut allowed = 0;
        for tenth in 0..20 {
            let now = start + Duration::from_millis(100 * tenth);
            for _ in 0..2 {
                allowed += u32::from(budget.take(now) == Verdict::Allow);
            }
        }
        assert_eq!(allowed, 5 + 9);
    }

    #[test]
    fn who_does_not_listen_is_closed() {
        let start = Instant::now();
        let mut budget = Budget::new(5, start);
        let verdicts: Vec<_> = (0..26).map(|_| budget.take(start)).collect();
        assert_eq!(verdicts[4..6], [Verdict::Allow, Verdict::Refuse]);
        assert_eq!(verdicts[24..], [Verdict::Refuse, Verdict::Close]);
        assert_eq!(budget.take(start + Duration::from_secs(60)), Verdict::Allow);
    }
}
