//! The order of a directory's children.

/// How the order of the children is related to that of their slots in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The same: the children were made here, one after the other.
    Creation,
    /// None: they were made elsewhere and moved in at random.
    Shuffled,
}

impl Order {
    /// As the scenarios are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creation => "creation order",
            Self::Shuffled => "shuffled order",
        }
    }

    /// The numbers below `count` in this order; the same at each call.
    pub(crate) fn numbers(self, count: usize) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..u32::try_from(count).expect("few children")).collect();
        if self == Self::Shuffled {
            let mut seed = 54_321_u64;
            for at in (1..count).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                numbers.swap(at, (seed >> 33) as usize % (at + 1));
            }
        }
        numbers
    }
}
