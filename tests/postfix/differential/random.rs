//! Numbers that look random and are the same in every run.

/// xorshift64* (Marsaglia 2003, Vigna 2016), as the demo's sample rows have it, with a seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a data set.
    pub fn new(number: u32) -> Self {
        let mut random =
            Self(0x5bd1_e995_9f04_2026 ^ (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Seeds that differ in few bits begin alike.
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    /// From 0 up to, not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).expect("31 bits") % end
    }

    /// From the first to the last, both included.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, times: usize) -> bool {
        self.below(100) < times
    }

    /// One of a list.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}
