//! The sums of the frames.

use xxhash_rust::xxh3::Xxh3;

/// The sum before the first frame.
pub(super) const START: u64 = 0x6368_616e_6765_7072;
/// No block is larger, packed or not: a flipped bit in a length must not fill the memory.
pub(super) const BLOCK_MAX: u32 = 1 << 26;

/// The sum over a frame's head and content, behind all frames before it.
pub(super) fn sum(before: u64, head: &[u8], content: &[u8]) -> u64 {
    let mut sum = Xxh3::with_seed(before);
    sum.update(head);
    sum.update(content);
    sum.digest()
}

/// The head of a block: stored length, length, events.
pub(super) fn head([stored, length, events]: [u32; 3]) -> [u8; 12] {
    let mut head = [0; 12];
    for (to, from) in itertools::zip_eq(head.chunks_exact_mut(4), [stored, length, events]) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    head
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_block_has_the_bound_of_an_event() {
        assert_eq!(u64::from(super::BLOCK_MAX), crate::base::limits::EVENT_BYTES);
    }
}
