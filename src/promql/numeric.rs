//! Arithmetic to Prometheus's letter.

/// A sum that carries what rounding lost (Kahan's, improved by Neumaier), as Prometheus's `kahansum`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    /// The plain sum.
    pub plain: f64,
    /// What rounding lost.
    pub lost: f64,
}

impl Sum {
    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        *self = self.plus(value);
    }

    /// With a number added.
    pub fn plus(self, value: f64) -> Sum {
        let plain = self.plain + value;
        let lost = if plain.is_infinite() {
            0.0
        } else if self.plain.abs() >= value.abs() {
            self.lost + ((self.plain - plain) + value)
        } else {
            self.lost + ((value - plain) + self.plain)
        };
        Sum { plain, lost }
    }

    /// The sum with what rounding lost.
    pub fn total(self) -> f64 {
        if self.plain.is_infinite() { self.plain } else { self.plain + self.lost }
    }

    /// Both parts times a factor.
    fn times(self, factor: f64) -> Sum {
        Sum { plain: self.plain * factor, lost: self.lost * factor }
    }
}

/// A mean: of the sum as long as that fits a number, from then on step by step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    overflown: bool,
}

impl Mean {
    /// Of one number.
    pub fn of(value: f64) -> Mean {
        Mean { sum: Sum { plain: value, lost: 0.0 }, count: 1.0, overflown: false }
    }

    /// Takes in a number.
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.overflown {
            let sum = self.sum.plus(value);
            if !sum.plain.is_infinite() {
                self.sum = sum;
                return;
            }
            self.overflown = true;
            let before = self.count - 1.0;
            self.sum = Sum { plain: self.sum.plain / before, lost: self.sum.lost / before };
        }
        let share = (self.count - 1.0) / self.count;
        self.sum = self.sum.times(share).plus(value / self.count);
    }

    /// The mean.
    pub fn mean(self) -> f64 {
        if self.overflown {
            return self.sum.plain + self.sum.lost;
        }
        self.sum.plain / self.count + self.sum.lost / self.count
    }
}

/// The quantile of numbers, linear between two of them; NaN counts as the smallest. Sorts them.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| nan_first(*a, *b));
    let rank = q * (to_float(values.len()) - 1.0);
    let weight = rank - rank.floor();
    let lower = to_index(rank.floor());
    let upper = (lower + 1).min(values.len() - 1);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// By size, NaN before all.
fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
}

/// Go's `math.Max`: NaN wins over all but +Inf.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// Go's `math.Min`: NaN wins over all but -Inf.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

/// A count as a number.
#[allow(clippy::cast_precision_loss)] // counts of samples in memory are below 2^53
pub(super) fn to_float(count: usize) -> f64 {
    count as f64
}

/// Milliseconds as seconds.
#[allow(clippy::cast_precision_loss)] // as Prometheus computes them
pub(super) fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

/// A number that is a whole one and not negative as an index; others are held at the ends.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
pub(super) fn to_index(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = Sum::default();
        for value in values {
            sum.add(*value);
        }
        sum.total()
    }

    #[test]
    fn a_sum_keeps_what_rounding_loses() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]).to_bits(), 2.0_f64.to_bits());
        assert!(sum(&[f64::INFINITY, 1.0]).is_infinite());
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn a_mean_outlives_the_overflow_of_its_sum() {
        let mut mean = Mean::of(f64::MAX);
        mean.add(f64::MAX);
        assert_eq!(mean.mean().to_bits(), f64::MAX.to_bits());
    }

    #[test]
    fn quantiles_lie_between_two_values() {
        let of = |q: f64, values: &[f64]| quantile(q, &mut values.to_vec());
        assert_eq!(of(0.5, &[4.0, 1.0]).to_bits(), 2.5_f64.to_bits());
        assert!(of(-1.0, &[1.0]).is_infinite());
        assert!(of(f64::NAN, &[1.0]).is_nan());
        assert_eq!(of(1.0, &[f64::NAN, 1.0]).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn the_larger_of_two_is_that_of_go() {
        assert!(larger(f64::NAN, 1.0).is_nan());
        assert!(larger(f64::NAN, f64::INFINITY).is_infinite());
        assert_eq!(larger(-0.0, 0.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!(smaller(-0.0, 0.0).to_bits(), (-0.0_f64).to_bits());
        assert_eq!((larger(1.0, 2.0), smaller(1.0, 2.0)), (2.0, 1.0));
    }
}
