//! Where Kafka's default partitioner puts a key.
//!
//! Source: Kafka's `BuiltInPartitioner.partitionForKey` and `Utils.murmur2`.

/// The partition that a producer gives a key, unless it was told otherwise: murmur2 of its bytes.
pub fn default_partition(key: &[u8], partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let (chunks, rest) = key.as_chunks::<4>();
    for chunk in chunks {
        let mut part = u32::from_le_bytes(*chunk).wrapping_mul(M);
        part ^= part >> 24;
        hash = hash.wrapping_mul(M) ^ part.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let part = rest.iter().rev().fold(0, |part, byte| part << 8 | u32::from(*byte));
        hash = (hash ^ part).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    (hash & 0x7fff_ffff).cast_signed() % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Kafka's own tests state for its murmur2.
    #[test]
    fn the_hash_is_kafkas() {
        let cases: [(&[u8], i32); 4] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            let positive = hash & 0x7fff_ffff;
            assert_eq!(default_partition(key, i32::MAX), positive % i32::MAX, "{key:?}");
        }
    }
}
