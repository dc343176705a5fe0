use super::*;
use crate::promql::matcher::Comparison;
use crate::promql::value::{STALE, Series};
use proptest::prelude::*;

fn labels(name: &str, instance: &str) -> Labels {
    Labels::new([("__name__", name), ("instance", instance)])
}

fn read(store: &Store, matchers: &[Matcher], after: i64, until: i64, last_only: bool) -> Vec<Series> {
    let mut selection = Selection::new(usize::MAX, true);
    store.select(matchers, Window { after, until, last_only }, &mut selection).unwrap();
    selection.finish();
    selection.iter().map(|(labels, samples)| Series { labels: labels.clone(), samples: samples.to_vec() }).collect()
}

fn times(series: &Series) -> Vec<i64> {
    series.samples.iter().map(|sample| sample.at).collect()
}

#[test]
fn samples_come_in_order_and_none_twice() {
    let mut store = Store::default();
    let up = labels("up", "a");
    assert_eq!(store.append(&up, 10, 1.0), Ok(()));
    assert_eq!(store.append(&up, 10, 1.0), Ok(()));
    assert_eq!(store.append(&up, 10, 2.0), Err(Refused::Duplicate));
    assert_eq!(store.append(&up, 9, 1.0), Err(Refused::OutOfOrder));
    assert_eq!(store.append(&up, 11, STALE), Ok(()));
    assert_eq!((store.samples(), store.refused(), store.len()), (2, 2, 1));
}

#[test]
fn a_window_excludes_its_beginning_and_includes_its_end() {
    let mut store = Store::default();
    let up = labels("up", "a");
    for at in 0..1_000 {
        store.append(&up, at * 10, 1.0).unwrap();
    }
    let matchers = [Matcher::metric_name("up")];
    assert_eq!(times(&read(&store, &matchers, 10, 40, false)[0]), [20, 30, 40]);
    assert_eq!(times(&read(&store, &matchers, 10, 45, true)[0]), [40]);
    assert_eq!(times(&read(&store, &matchers, 10, 99_999, true)[0]), [9_990]);
    assert_eq!(read(&store, &matchers, 9_990, 99_999, false), []);
    assert_eq!(read(&store, &matchers, -20, -10, true), []);
}

#[test]
fn matchers_choose_series_in_the_order_in_which_they_came() {
    let mut store = Store::default();
    for (name, instance) in [("up", "b"), ("up", "a"), ("down", "a")] {
        store.append(&labels(name, instance), 1, 1.0).unwrap();
    }
    let chosen = |matchers: &[Matcher]| -> Vec<String> {
        read(&store, matchers, 0, 1, false).iter().map(|series| series.labels.to_string()).collect()
    };
    let matcher = |name, comparison, value| Matcher::new(name, comparison, value).unwrap();
    assert_eq!(chosen(&[Matcher::metric_name("up")]).len(), 2);
    assert!(chosen(&[Matcher::metric_name("up")])[0].contains("\"b\""));
    assert_eq!(chosen(&[matcher("instance", Comparison::Like, "a|c")]).len(), 2);
    assert_eq!(chosen(&[matcher("instance", Comparison::NotEqual, "a")]).len(), 1);
    assert_eq!(chosen(&[Matcher::metric_name("up"), matcher("instance", Comparison::Equal, "c")]).len(), 0);
    assert_eq!(chosen(&[matcher("zone", Comparison::Equal, "")]).len(), 3);
}

#[test]
fn what_is_old_is_forgotten() {
    let mut store = Store::default();
    for at in 0..500 {
        store.append(&labels("up", "a"), at, 1.0).unwrap();
    }
    store.append(&labels("up", "b"), 10, 1.0).unwrap();
    store.append(&labels("up", "c"), 400, 1.0).unwrap();
    let before = store.bytes();
    store.forget_before(300);
    assert_eq!(store.len(), 2);
    assert!(store.samples() < 400 && store.bytes() < before);
    let left = read(&store, &[Matcher::metric_name("up")], 299, 500, false);
    assert_eq!((times(&left[0]).len(), times(&left[1])), (200, vec![400]));
    store.append(&labels("up", "c"), 401, 1.0).unwrap();
    store.append(&labels("up", "d"), 401, 1.0).unwrap();
    assert_eq!(read(&store, &[Matcher::metric_name("up")], 400, 401, false).len(), 3);
    store.forget_before(i64::MAX);
    assert!(store.is_empty());
}

/// Bytes for each of a thousand samples of a hundred counters; every `pause`th sample one has grown.
fn bytes_per_sample(pause: u32) -> f64 {
    let mut store = Store::default();
    for series in 0..100_u32 {
        let (labels, mut value) = (labels("xact_commit", &format!("db{series}")), 0);
        for at in 0..1_000_u32 {
            value += if at % pause == 0 { (at * 7 + series * 13) % 11 } else { 0 };
            store.append(&labels, i64::from(at) * 15_000, f64::from(value)).unwrap();
        }
    }
    let (bytes, samples) = (u32::try_from(store.bytes()).unwrap(), u32::try_from(store.samples()).unwrap());
    f64::from(bytes) / f64::from(samples)
}

#[test]
fn samples_take_few_bytes() {
    let (calm, busy) = (bytes_per_sample(4), bytes_per_sample(1));
    assert!(calm < 1.5, "{calm}");
    assert!(busy < 2.5, "{busy}");
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        any::<u64>().prop_map(f64::from_bits),
        (0..1_000_i32).prop_map(f64::from),
        Just(0.0),
        Just(STALE),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_appended_is_read_back_to_the_bit(
        start in any::<i64>(),
        samples in prop::collection::vec((prop_oneof![Just(15_000_i64), 1..20_000_i64, any::<i64>()], value()), 1..400),
    ) {
        let mut store = Store::default();
        let (up, mut at, mut expected) = (labels("up", "a"), start, Vec::new());
        for (delta, value) in samples {
            if store.append(&up, at, value).is_ok() && expected.last().is_none_or(|(last, _)| *last != at) {
                expected.push((at, value.to_bits()));
            }
            at = at.wrapping_add(delta);
        }
        let read = read(&store, &[Matcher::metric_name("up")], i64::MIN, i64::MAX, false);
        let got: Vec<(i64, u64)> = read.iter().flat_map(|s| &s.samples).map(|s| (s.at, s.value.to_bits())).collect();
        expected.retain(|(at, _)| *at > i64::MIN);
        prop_assert_eq!(got, expected);
    }
}
