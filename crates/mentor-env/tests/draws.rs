//! The generator and the split hash: their values are part of what checkpoints were trained on.

use mentor_env::{Rng, split_of, stable_hash};
use mentor_trajectory::Split;

#[test]
fn hashes_and_streams_never_change() {
    // What `stable_hash` and `Rng::new` document, written once more in Python, gives these: `stable_hash(key) % 100`
    // is 20, 63, 78, 89, and a change would move words between splits.
    let splits = ["taro", "raku", "kane", "mupi"].map(split_of);
    assert_eq!(splits, [Split::Pretrain, Split::Train, Split::Validation, Split::Test]);
    let mut rng = Rng::new(&[1, 2, 3]);
    assert_eq!([rng.bits(), rng.bits()], [13_744_231_624_579_142_264, 8_205_146_613_369_488_566]);
}

#[test]
fn splits_have_their_shares() {
    let count = |split| (0..100_000).filter(|n| split_of(&format!("key {n}")) == split).count();
    for (split, share) in
        [(Split::Pretrain, 60), (Split::Train, 15), (Split::Validation, 10), (Split::Test, 15)]
    {
        assert!(count(split).abs_diff(share * 1000) < 600, "{split:?}: {}", count(split));
    }
}

#[test]
fn draws_stay_within_their_bounds_and_cover_them() {
    let mut rng = Rng::new(&[7]);
    let mut seen = [0_usize; 5];
    for _ in 0..5000 {
        seen[(rng.within(-2, 2) + 2) as usize] += 1;
        let unit = rng.unit();
        assert!((0.0..1.0).contains(&unit));
    }
    assert!(seen.iter().all(|count| count.abs_diff(1000) < 150), "{seen:?}");
    assert_eq!((rng.below(0), rng.below(1), rng.within(5, 3)), (0, 0, 5));
    assert_eq!(rng.choose::<u8>(&[]), None);
}

#[test]
fn weighted_draws_follow_their_weights() {
    let mut rng = Rng::new(&[8]);
    let mut seen = [0_usize; 3];
    for _ in 0..10_000 {
        seen[rng.weighted(&[1.0, 0.0, 3.0]).unwrap()] += 1;
    }
    assert!(seen[1] == 0 && seen[2].abs_diff(7500) < 200, "{seen:?}");
    assert_eq!((rng.weighted(&[]), rng.weighted(&[0.0]), rng.weighted(&[f64::NAN])), (None, None, None));
}

#[test]
fn shuffling_keeps_every_item() {
    let mut items: Vec<u32> = (0..20).collect();
    Rng::new(&[9]).shuffle(&mut items);
    assert_ne!(items, (0..20).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..20).collect::<Vec<_>>());
}

#[test]
fn streams_depend_on_every_seed_part_and_their_order() {
    let first = |parts: &[u64]| Rng::new(parts).bits();
    let streams = [first(&[1, 2]), first(&[2, 1]), first(&[1]), first(&[1, 2, 0]), first(&[])];
    for (i, one) in streams.iter().enumerate() {
        assert!(streams[i + 1..].iter().all(|other| one != other));
    }
    assert_ne!(stable_hash("ab"), stable_hash("ba"));
}
