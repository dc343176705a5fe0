//! Logarithms, to the last bit that Prometheus prints.
//!
//! Rust's own come from the C library and often differ there; the crate `libm` has the older method that
//! Prometheus's numbers show. `docs/decisions/0005` has the measurements, and what still differs.

use std::f64::consts::{LN_2, LOG10_E};

/// The binary logarithm; exact for powers of two.
#[allow(clippy::float_cmp)] // exactly one half is what a power of two leaves
pub(super) fn log2(value: f64) -> f64 {
    let (fraction, exponent) = libm::frexp(value);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    libm::log(fraction) * (1.0 / LN_2) + f64::from(exponent)
}

/// The decimal logarithm; not exact for all powers of ten, as in Prometheus.
pub(super) fn log10(value: f64) -> f64 {
    libm::log(value) * LOG10_E
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for exponent in [-1074, -1073, -1023, -1022, -1, 0, 1, 52, 1023] {
            let power = libm::ldexp(1.0, exponent);
            assert_eq!(log2(power).to_bits(), f64::from(exponent).to_bits(), "2^{exponent}");
        }
    }

    #[test]
    fn a_power_of_ten_rounds_as_in_prometheus() {
        assert_eq!(log10(1e15).to_bits(), 14.999_999_999_999_998_f64.to_bits());
    }

    #[test]
    fn what_has_no_logarithm_has_none() {
        for of in [log2, log10] {
            assert!(of(-1.0).is_nan() && of(f64::NAN).is_nan() && of(f64::NEG_INFINITY).is_nan());
            assert_eq!(of(0.0).to_bits(), f64::NEG_INFINITY.to_bits());
            assert_eq!(of(-0.0).to_bits(), f64::NEG_INFINITY.to_bits());
            assert_eq!(of(f64::INFINITY).to_bits(), f64::INFINITY.to_bits());
            assert_eq!(of(1.0).to_bits(), 0.0_f64.to_bits());
        }
    }
}
