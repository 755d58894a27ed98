//! Randomness that is the same on every machine.
//!
//! The generator is PCG (128-bit multiplicative, 64-bit output), whose sequence
//! is fixed by its definition. The distributions are ours, because those of a
//! general crate may change between its versions. Floating point is used only
//! through IEEE addition and multiplication and the pure Rust `libm`, never
//! through the platform's mathematics library, and ends in whole microseconds.
//!
//! Invariant: what is drawn depends on the seed, the stream and the number of
//! earlier draws alone. Not for secrets.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// Independent sequences of one seed, so that asking for damage does not
/// change who visits the shop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Arrivals and what visitors do.
    Visits = 1,
    /// Who a returning visitor is.
    Members = 2,
    /// Disorder, lateness, duplicates and breakage.
    Damage = 3,
    /// The small print of one event: its id and its timings.
    Details = 4,
}

/// A seeded source of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(Pcg64Mcg);

impl Random {
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let high = mix(seed ^ mix(stream as u64));
        let low = mix(high.wrapping_add(seed));
        Random(Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number in `[0, bound)`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A whole number in `[low, high]`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A position in a list of `len` elements.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }

    pub(crate) fn chance(&mut self, share: Share) -> bool {
        self.next() >> 11 < share.0
    }

    /// Exponentially distributed with this mean, as between arrivals that know
    /// nothing of each other.
    pub(crate) fn exponential(&mut self, mean: f64) -> u64 {
        // The fraction is in (0, 1], so that the logarithm is finite.
        let fraction = ((self.next() >> 11) + 1) as f64 * UNIT;
        whole(-libm::log(fraction) * mean)
    }

    /// Close to log-normal: many near the median, a long tail above. The normal
    /// below it is a sum of four uniforms, so no value is beyond
    /// `median * exp(3.46 * sigma)`, and nobody thinks for a day.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> u64 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xffff).sum();
        let normal = (sum as f64 - 2.0 * 65_535.0) / (65_536.0 * SPREAD);
        whole(median * libm::exp(sigma * normal))
    }
}

const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;
/// The standard deviation of the sum of four uniforms in [0, 1): sqrt(4 / 12).
const SPREAD: f64 = 0.577_350_269_189_625_8;

/// A probability, kept as its 53-bit numerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u64);

impl Share {
    /// `share` is in [0, 1]; 0 never happens and 1 always does.
    pub(crate) fn new(share: f64) -> Self {
        Share(whole(share / UNIT))
    }
}

/// The nearest whole number; negative becomes 0, and what is too large 2^64 − 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is rounded first, and a float cast saturates by definition"
)]
pub(crate) fn whole(value: f64) -> u64 {
    libm::floor(value + 0.5) as u64
}

/// Scatters a number over all 64 bits, one to one (the finaliser of SplitMix64).
pub(crate) fn mix(value: u64) -> u64 {
    let a = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ a >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ b >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ c >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, mean: f64, mut draw: impl FnMut(&mut Random) -> u64) {
        let mut random = Random::new(7, Stream::Visits);
        let total: u64 = (0..100_000).map(|_| draw(&mut random)).sum();
        let found = total as f64 / 100_000.0;
        assert!((found / mean - 1.0).abs() < 0.02, "{name}: {found}, not {mean}");
    }

    #[test]
    fn distributions_have_their_means() {
        check("below", 499.5, |random| random.below(1000));
        check("between", 15.0, |random| random.between(10, 20));
        check("exponential", 10_000.0, |random| random.exponential(10_000.0));
        // The mean of a log-normal is median * exp(sigma^2 / 2).
        check("log_normal", 11_331.5, |random| random.log_normal(10_000.0, 0.5));
        check("chance", 0.25, |random| u64::from(random.chance(Share::new(0.25))));
        check("certain", 1.0, |random| u64::from(random.chance(Share::new(1.0))));
    }

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, stream| Random::new(seed, stream).next();
        assert_eq!(first(1, Stream::Visits), first(1, Stream::Visits));
        assert_ne!(first(1, Stream::Visits), first(1, Stream::Damage));
        assert_ne!(first(1, Stream::Visits), first(2, Stream::Visits));
    }
}
