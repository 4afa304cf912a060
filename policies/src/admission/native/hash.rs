//! The hash tables by which loaders find symbols: how many symbols there are by them. Never looks
//! anything up.

use super::image::Image;

/// By `DT_HASH`, which has a chain for each symbol.
pub(super) fn count_by_hash(image: &Image<'_>, address: u64) -> Option<u64> {
    let [_, chains] = words(image.bytes(address, 8)?) else { return None };
    Some(number(*chains))
}

/// By `DT_GNU_HASH`: one more than the last symbol of the last chain. Symbols that are in no chain,
/// as undefined ones, stand before all that are.
pub(super) fn count_by_gnu_hash(image: &Image<'_>, address: u64) -> Option<u64> {
    let head = image.bytes(address, 16)?;
    let [buckets, first, bloom_words, _] = words(head) else { return None };
    let (buckets, first, bloom_words) = (number(*buckets), number(*first), number(*bloom_words));
    let buckets_at = address + 16 + 8 * bloom_words;
    let heads = words(image.bytes(buckets_at, 4 * buckets)?);
    let last = heads.iter().copied().map(number).max().unwrap_or_default();
    // An empty bucket says 0.
    if last < first.max(1) {
        return Some(first);
    }
    let chain_at = buckets_at + 4 * buckets + 4 * (last - first);
    let chain = image.file.get(image.rest(chain_at)?)?;
    // Bit 0 ends a chain.
    let rest = words(chain).iter().position(|hash| number(*hash) & 1 == 1)?;
    Some(last + rest as u64 + 1)
}

fn words(bytes: &[u8]) -> &[[u8; 4]] {
    bytes.as_chunks().0
}

fn number(word: [u8; 4]) -> u64 {
    u32::from_le_bytes(word).into()
}
