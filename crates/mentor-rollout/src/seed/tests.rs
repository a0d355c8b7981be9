use std::collections::BTreeSet;

use super::{GOLDEN, Rng, derive_seed, hash_text, mix};

/// The reference values come from the published C definition, transcribed to Python:
/// `o = rotl(s0 + s3, 23) + s0; t = s1 << 17; s2 ^= s0; s3 ^= s1; s1 ^= s2; s0 ^= s3; s2 ^= t; s3 = rotl(s3, 45)`
/// modulo 2⁶⁴ from the state 1, 2, 3, 4.
#[test]
fn the_generator_is_xoshiro256_plus_plus() {
    let mut rng = Rng { state: [1, 2, 3, 4] };
    let expected = [
        41_943_041,
        58_720_359,
        3_588_806_011_781_223,
        3_591_011_842_654_386,
        9_228_616_714_210_784_205,
        9_973_669_472_204_895_162,
        14_011_001_112_246_962_877,
        12_406_186_145_184_390_807,
        15_849_039_046_786_891_736,
        10_450_023_813_501_588_000,
    ];
    assert_eq!(expected.map(|_| rng.next_u64()), expected);
}

/// Reference: `x += 0x9E3779B97F4A7C15; z = x; z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
/// z = (z ^ z >> 27) * 0x94D049BB133111EB; z ^= z >> 31` modulo 2⁶⁴ from x = 1234567, in Python.
#[test]
fn the_state_is_filled_by_splitmix64() {
    let expected = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
    ];
    assert_eq!(Rng::new(1_234_567).state, expected);
    assert_eq!(mix(1_234_567_u64.wrapping_add(GOLDEN)), expected[0]);
}

#[test]
fn seeds_differ_in_every_part_and_in_order_and_length() {
    let mut seeds = BTreeSet::new();
    let mut made = 0;
    for experiment in 0..4 {
        for step in 0..8 {
            for sample in 0..8 {
                made += 1;
                seeds.insert(derive_seed(&[experiment, step, sample]));
            }
        }
    }
    assert_eq!(seeds.len(), made);
    assert_ne!(derive_seed(&[1, 2]), derive_seed(&[2, 1]));
    assert_ne!(derive_seed(&[1]), derive_seed(&[1, 0]));
    assert_ne!(derive_seed(&[]), derive_seed(&[0]));
}

#[test]
fn texts_hash_by_content() {
    assert_eq!(hash_text("arithmetic/train/1"), hash_text(&format!("arithmetic/train/{}", 1)));
    let texts: BTreeSet<u64> = (0..10_000).map(|i| hash_text(&format!("t/{i}"))).collect();
    assert_eq!(texts.len(), 10_000);
}

#[test]
fn uniform_numbers_fill_the_unit_interval_evenly() {
    let mut rng = Rng::new(7);
    let mut bins = [0_u32; 16];
    for _ in 0..160_000 {
        let u = rng.uniform();
        assert!((0.0..1.0).contains(&u));
        bins[(u * 16.0) as usize] += 1;
    }
    // 10,000 expected each, standard deviation 97: five of them.
    assert!(bins.iter().all(|&count| count.abs_diff(10_000) < 500), "{bins:?}");
}

#[test]
fn bounded_numbers_and_shuffles_are_even() {
    let mut rng = Rng::new(3);
    assert_eq!(rng.below(0), 0);
    assert_eq!(rng.below(1), 0);
    let mut orders = std::collections::BTreeMap::new();
    for _ in 0..60_000 {
        let mut items = [0, 1, 2];
        rng.shuffle(&mut items);
        *orders.entry(items).or_insert(0_u32) += 1;
    }
    assert_eq!(orders.len(), 6);
    assert!(orders.values().all(|&count| count.abs_diff(10_000) < 500), "{orders:?}");
}
