//! Drawing from many things of different weight in constant time.
//!
//! The alias method, in whole numbers: each thing owns a column of equal
//! height, and where its own weight does not fill it, the rest belongs to one
//! other thing. One random number finds the column and the place in it, so a
//! pool of ten million users costs one look-up.
//!
//! Invariant: the table is a function of the weights alone. It does not
//! support changing a weight.

use crate::random::{Random, whole};

/// A fixed distribution over `0..len`.
#[derive(Debug)]
pub(crate) struct Weighted {
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    /// Below this, in 2^32nds of the column's height, the column's own thing is drawn.
    own: u32,
    other: u32,
}

impl Weighted {
    /// At least one weight, at most 2^32 of them, and not all of them 0.
    pub(crate) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let mut heights: Vec<u128> = weights.into_iter().map(u128::from).collect();
        let full: u128 = heights.iter().sum();
        let len = heights.len() as u128;
        let mut columns = Vec::with_capacity(heights.len());
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for (index, height) in heights.iter_mut().enumerate() {
            *height *= len;
            let index = u32::try_from(index).expect("fewer than 2^32 weights");
            // A column that nothing is put into is its own on both sides.
            columns.push(Column { own: u32::MAX, other: index });
            if *height < full { low.push(index) } else { high.push(index) }
        }
        while let (Some(poor), Some(&rich)) = (low.pop(), high.last()) {
            let (poor_at, rich_at) = (poor as usize, rich as usize);
            let own = (heights[poor_at] << 32) / full;
            columns[poor_at] =
                Column { own: u32::try_from(own).expect("less than a full column"), other: rich };
            heights[rich_at] -= full - heights[poor_at];
            if heights[rich_at] < full {
                high.pop();
                low.push(rich);
            }
        }
        Weighted { columns }
    }

    /// Rank k (from 1) has the weight k^−`exponent`: 0 is equal shares for all,
    /// 1 the classic law of popularity.
    pub(crate) fn zipf(len: u32, exponent: f64) -> Self {
        let weight = |rank: u32| whole(libm::pow(f64::from(rank), -exponent) * WEIGHT_OF_FIRST);
        Weighted::new((1..=len).map(weight))
    }

    pub(crate) fn draw(&self, random: &mut Random) -> u32 {
        let bits = random.next();
        let (place, len) = (bits & 0xffff_ffff, self.columns.len() as u64);
        let index = ((bits >> 32) * len) >> 32;
        let column = self.columns[usize::try_from(index).expect("below a usize")];
        if place < u64::from(column.own) { (index & 0xffff_ffff) as u32 } else { column.other }
    }

    /// For tables of at most 256 things, whose positions are kept in a byte.
    pub(crate) fn draw_small(&self, random: &mut Random) -> u8 {
        u8::try_from(self.draw(random)).expect("a table of at most 256 things")
    }
}

/// 2^40: fine enough that the last of ten million ranks still has a weight.
const WEIGHT_OF_FIRST: f64 = 1_099_511_627_776.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn check(name: &str, table: &Weighted, expected: &[f64]) {
        let mut random = Random::new(3, Stream::Visits);
        let mut counts = vec![0_u32; expected.len()];
        for _ in 0..200_000 {
            counts[table.draw(&mut random) as usize] += 1;
        }
        for (index, share) in expected.iter().enumerate() {
            let found = f64::from(counts[index]) / 200_000.0;
            assert!((found - share).abs() < 0.005, "{name}[{index}]: {found}, not {share}");
        }
    }

    #[test]
    fn draws_follow_the_weights() {
        check("one", &Weighted::new([5]), &[1.0]);
        check("zero", &Weighted::new([0, 3, 1]), &[0.0, 0.75, 0.25]);
        check("uneven", &Weighted::new([70, 15, 10, 5]), &[0.7, 0.15, 0.1, 0.05]);
        check("flat", &Weighted::zipf(4, 0.0), &[0.25; 4]);
        check("zipf", &Weighted::zipf(3, 1.0), &[6.0 / 11.0, 3.0 / 11.0, 2.0 / 11.0]);
    }
}
