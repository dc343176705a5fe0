//! Random series, the same at each run.

use pgmedic::promql::{Labels, STALE, Store};

/// Milliseconds of the first sample.
pub const BEGIN: i64 = 1_700_000_000_000;
/// From one sample to the next, about.
pub const INTERVAL: i64 = 15_000;
/// Samples of a series without gaps.
const SAMPLES: i64 = 240;

/// Names and values of labels, and samples with their times.
pub type Series = (Vec<(String, String)>, Vec<(i64, f64)>);

/// Numbers that look random and are the same at each run (xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    pub fn hits(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// Counters with resets, gauges with odd values, classic histograms; gaps and staleness markers.
pub fn series(dice: &mut Dice) -> Vec<Series> {
    let mut all = Vec::new();
    for (name, count) in [("c", 8), ("g", 8), ("i", 6), ("k", 3)] {
        for number in 0..count {
            let labels = [
                ("__name__", name.to_owned()),
                ("a", ["x", "y", "z", "w"][number % 4].to_owned()),
                ("b", format!("{}", number / 4)),
                ("l", name.to_owned()),
            ];
            let skipped = if name == "k" { "b" } else { "" };
            let labels = labels.into_iter().filter(|(name, _)| *name != skipped);
            all.push((labels.map(|(n, v)| (n.to_owned(), v)).collect(), samples(dice, name)));
        }
    }
    for a in ["x", "y"] {
        let mut counts = [0.0; 6];
        let mut buckets: Vec<Series> = ["0.1", "0.5", "1", "2.5", "10", "+Inf"]
            .iter()
            .map(|le| {
                let labels = [("__name__", "h_bucket"), ("a", a), ("le", le)];
                (labels.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(), Vec::new())
            })
            .collect();
        for step in 0..SAMPLES {
            let hit = dice.below(6);
            for (at, bucket) in buckets.iter_mut().enumerate() {
                counts[at] += if at >= hit { (1 + dice.below(1)) as f64 } else { 0.0 };
                bucket.1.push((BEGIN + step * INTERVAL, counts[at]));
            }
        }
        all.extend(buckets);
    }
    all
}

fn samples(dice: &mut Dice, kind: &str) -> Vec<(i64, f64)> {
    let mut samples = Vec::new();
    let mut value = dice.below(100) as f64;
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300, 1e-300];
    let offset = dice.below(15) as i64 * 1_000;
    let mut gap = 0;
    for step in 0..SAMPLES {
        value = match kind {
            "c" if dice.hits(40) => dice.below(5) as f64,
            "c" => value + dice.below(50) as f64 * if dice.hits(2) { 0.5 } else { 1.0 },
            "i" => dice.below(4) as f64,
            _ => (dice.below(2_000) as f64 - 1_000.0) / 8.0,
        };
        if gap > 0 {
            gap -= 1;
            continue;
        }
        let jitter = if dice.hits(5) { dice.below(3_000) as i64 } else { 0 };
        let at = BEGIN + step * INTERVAL + offset + jitter;
        if dice.hits(50) {
            samples.push((at, STALE));
            gap = dice.below(4);
        } else if dice.hits(60) {
            gap = dice.below(40);
        } else if kind == "g" && dice.hits(60) {
            samples.push((at, odd[dice.below(odd.len())]));
        } else {
            samples.push((at, value));
        }
    }
    samples
}

/// The series in a store of ours.
pub fn stored(series: &[Series]) -> Store {
    let mut store = Store::default();
    for (labels, samples) in series {
        let labels = Labels::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        for (at, value) in samples {
            store.append(&labels, *at, *value).unwrap();
        }
    }
    store
}
