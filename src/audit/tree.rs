//! The RFC 6962 Merkle tree, as far as a log that only grows must keep it: one hash for each perfect
//! subtree on its right edge. Pure.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of one leaf: the exact bytes of a line, without its line feed.
#[must_use]
pub fn leaf(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree of which only size and right edge are known: enough to go on and to tell its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the perfect subtrees, the largest (leftmost) first: one for each bit set in `size`.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Goes on from a size and its subtree hashes, the largest first. `None` when their number does
    /// not fit the size.
    #[must_use]
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Option<Frontier> {
        (peaks.len() == size.count_ones() as usize).then_some(Frontier { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        // Each trailing one in the size is a finished subtree of the same height as the one at hand.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                right = node(&left, &right);
            }
        }
        self.peaks.push(right);
        self.size += 1;
    }

    /// The Merkle tree hash; of no leaves at all it is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let joined = self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right));
        joined.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight leaves of Certificate Transparency's reference test and the roots of its first 1 to 8.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_the_reference_test() {
        let mut tree = Frontier::default();
        assert_eq!(hex::encode(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (data, root) in LEAVES.iter().zip(ROOTS) {
            tree.push(leaf(&hex::decode(data).unwrap()));
            assert_eq!(hex::encode(tree.root()), root, "size {}", tree.size());
        }
    }

    #[test]
    fn roots_agree_with_another_implementation_at_every_size() {
        let mut other = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut tree = Frontier::default();
        for n in 0_u32..300 {
            let line = format!("{{\"seq\":{n}}}").into_bytes();
            tree.push(leaf(&line));
            other.push(line);
            assert_eq!(tree.root().as_slice(), other.root().as_bytes().as_slice(), "size {}", tree.size());
        }
    }

    #[test]
    fn a_resumed_tree_goes_on_as_the_whole_one() {
        let mut whole = Frontier::default();
        for n in 0_u32..77 {
            whole.push(leaf(&n.to_be_bytes()));
            let mut resumed = Frontier::resume(whole.size(), whole.peaks().to_vec()).unwrap();
            let mut on = whole.clone();
            resumed.push(leaf(b"next"));
            on.push(leaf(b"next"));
            assert_eq!(resumed, on);
        }
        assert_eq!(Frontier::resume(3, vec![[0; 32]]), None);
    }
}
