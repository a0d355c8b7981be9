//! Balls hold the true value: that of mpmath for functions, that of exact fractions for arithmetic.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Pow;
use proptest::prelude::*;

use super::ball::{Ball, Value};

const VALUES: &str = include_str!("../../fixtures/functions.tsv");

type Fine = Ball<{ super::FINE }>;

fn decimal(text: &str) -> BigRational {
    let (whole, fraction) = text.split_once('.').expect("a decimal point");
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    BigRational::new(digits, Pow::pow(BigInt::from(10), fraction.len()))
}

fn function(name: &str, x: &Fine) -> Value<Fine> {
    match name {
        "exp" => x.exp(),
        "ln" => x.ln(),
        "sin" => x.sin_cos().map(|(sine, _)| sine),
        "cos" => x.sin_cos().map(|(_, cosine)| cosine),
        "arctan" => x.arctan(),
        "arcsin" => x.arcsin(),
        "sqrt" => x.square_root(),
        _ => panic!("no function {name}"),
    }
}

#[test]
fn functions_hold_the_values_of_mpmath_and_nothing_near_them() {
    for line in VALUES.lines() {
        let [name, x, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let x = Ball::rational(&x.parse().expect("a fraction")).expect("a value");
        let value = function(name, &x).unwrap_or_else(|hole| panic!("{line}: {hole:?}"));
        let expected = decimal(expected);
        let off = value.minus(&Ball::rational(&expected).expect("a value"));
        assert!(off.holds_zero(), "{line}");
        assert!(
            off.bound() <= value.bound() - super::AGREED,
            "{line}: only to {} bits",
            value.bound() - off.bound()
        );
        let near =
            expected * BigRational::new(BigInt::from(10).pow(55_u32) + 1, BigInt::from(10).pow(55_u32));
        assert!(!value.minus(&Ball::rational(&near).expect("a value")).holds_zero(), "{line}");
    }
}

fn fraction() -> impl Strategy<Value = BigRational> {
    let size = prop_oneof![1..100_i64, 1..i64::MAX];
    (size.clone(), size, any::<bool>(), 0..3_u32).prop_map(|(p, q, negative, twos)| {
        let sign = if negative { -1 } else { 1 };
        BigRational::new(BigInt::from(p) * sign, BigInt::from(q) << (100 * twos))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arithmetic_holds_the_exact_value(a in fraction(), b in fraction()) {
        let (x, y) = (Fine::rational(&a).expect("a value"), Fine::rational(&b).expect("a value"));
        let cases = [
            (x.plus(&y), &a + &b),
            (x.minus(&y), &a - &b),
            (x.times(&y), &a * &b),
            (x.over(&y).expect("a quotient"), &a / &b),
            (x.power(5).expect("a power"), Pow::pow(&a, 5)),
            (x.power(-3).expect("a power"), Pow::pow(&a, -3)),
            (x.times(&x).square_root().expect("a root"), if a < BigRational::from_integer(0.into()) { -&a } else { a.clone() }),
            (x.floor().unwrap_or(Fine::rational(&a.floor()).expect("a value")), a.floor()),
        ];
        for (found, exact) in cases {
            let off = found.minus(&Ball::rational(&exact).expect("a value"));
            prop_assert!(off.holds_zero(), "{} {} {:?} {}", a, b, found, exact);
        }
    }

    #[test]
    fn logarithm_and_exponential_undo_each_other(a in fraction()) {
        let size = if a < BigRational::from_integer(0.into()) { -a } else { a };
        let x = Fine::rational(&size).expect("a value");
        let back = x.ln().expect("a logarithm").exp().expect("a power");
        prop_assert!(back.minus(&x).holds_zero());
    }
}
