use proptest::prelude::*;

use super::{BLOCK, SMALLEST, Softmax, exp, pick};

/// The definition in f64.
fn naive_logprob(logits: &[f32], temperature: f32, index: usize) -> f64 {
    let z: Vec<f64> = logits.iter().map(|&l| f64::from(l) / f64::from(temperature)).collect();
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    z[index] - largest - z.iter().map(|z| (z - largest).exp()).sum::<f64>().ln()
}

#[test]
fn the_exponential_is_within_two_ulp_over_its_whole_range() {
    let mut worst = 0.0_f64;
    let mut x = 0.0_f32;
    while x > SMALLEST {
        let exact = f64::from(x).exp();
        let ulp = f64::from(f32::EPSILON) * 2_f64.powi(exact.log2().floor() as i32);
        worst = worst.max((f64::from(exp(x)) - exact).abs() / ulp);
        x -= 1.3e-4;
    }
    assert!(worst < 2.0, "{worst} ulp");
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-0.0), 1.0);
    assert_eq!(exp(SMALLEST), 0.0);
    assert_eq!(exp(-1e30), 0.0);
    assert_eq!(exp(f32::NEG_INFINITY), 0.0);
}

#[test]
fn rows_without_a_distribution_are_refused() {
    for row in [&[][..], &[f32::NAN, 1.0], &[1.0, f32::INFINITY], &[f32::NEG_INFINITY; 3]] {
        assert!(Softmax::new(row, 1.0).is_none(), "{row:?}");
    }
}

#[test]
fn a_token_ruled_out_is_never_picked_and_has_no_probability() {
    let mut logits = vec![f32::NEG_INFINITY; 3 * BLOCK];
    logits[70] = -5.0;
    let softmax = Softmax::new(&logits, 1.0).unwrap();
    for uniform in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
        assert_eq!(softmax.quantile(uniform), 70);
    }
    assert_eq!(softmax.logprob(70), 0.0);
    assert_eq!(softmax.logprob(0), f32::NEG_INFINITY);
    assert_eq!(softmax.logprob(1000), f32::NEG_INFINITY);
}

#[test]
fn a_vanishing_temperature_is_the_mode() {
    let logits = [1.0, 3.0, 3.0 - 1e-6, -40.0];
    let softmax = Softmax::new(&logits, f32::MIN_POSITIVE / 64.0).unwrap();
    assert_eq!(softmax.quantile(0.99), 1);
    assert_eq!(softmax.logprob(1), 0.0);
    assert_eq!(softmax.mode(), 1);
}

#[test]
fn picking_never_leaves_the_weights() {
    assert_eq!(pick(&[0.0, 1.0, 0.0, 2.0, 0.0], 0.0), 1);
    assert_eq!(pick(&[0.0, 1.0, 0.0, 2.0, 0.0], 1.0), 3);
    assert_eq!(pick(&[0.0, 1.0, 0.0, 2.0, 0.0], 99.0), 3);
    assert_eq!(pick(&[], 0.5), 0);
}

fn rows() -> impl Strategy<Value = Vec<f32>> {
    (1_usize..400, 0.1_f32..30.0).prop_flat_map(|(length, spread)| {
        prop::collection::vec((-1.0_f32..1.0).prop_map(move |x| x * spread), length)
    })
}

proptest! {
    #[test]
    fn log_probabilities_equal_the_definition(logits in rows(), temperature in 0.3_f32..2.0) {
        let softmax = Softmax::new(&logits, temperature).unwrap();
        for index in 0..logits.len() {
            let expected = naive_logprob(&logits, temperature, index);
            let got = f64::from(softmax.logprob(index));
            prop_assert!((got - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{got} {expected}");
        }
    }

    #[test]
    fn the_quantile_inverts_the_cumulative_distribution(logits in rows(), uniform in 0.0_f64..1.0) {
        let softmax = Softmax::new(&logits, 1.0).unwrap();
        let index = softmax.quantile(uniform);
        let below: f64 = (0..index).map(|i| naive_logprob(&logits, 1.0, i).exp()).sum();
        let until = below + naive_logprob(&logits, 1.0, index).exp();
        prop_assert!(below - 1e-6 <= uniform && uniform <= until + 1e-6, "{below} {uniform} {until}");
    }

    #[test]
    fn blocks_do_not_change_what_is_picked(logits in rows(), uniform in 0.0_f64..1.0) {
        let softmax = Softmax::new(&logits, 1.0).unwrap();
        let whole = pick(&softmax.weights(), uniform * softmax.total);
        let picked = softmax.quantile(uniform);
        // Sums in another order may differ in the last bits: equal, or the target lies on the border.
        let border: f64 = softmax.weights()[..=whole.min(picked)].iter().map(|&w| f64::from(w)).sum();
        let distance = (border - uniform * softmax.total).abs();
        prop_assert!(whole == picked || distance < 1e-12 * softmax.total);
    }
}
