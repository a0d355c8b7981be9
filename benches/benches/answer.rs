//! Answer checks on the pairs of the agreement fixture: all of them, each category, and the one at the 99th percentile.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mentor_answer::{Options, compare, equal};

/// Category, kind, expected answer, given answer, truth and math-verify's verdict, a line a pair.
const PAIRS: &str = include_str!("../../crates/mentor-answer/fixtures/agreement.tsv");

type Pair = (&'static str, &'static str);

/// The pairs of a category, or all.
fn pairs(category: Option<&str>) -> Vec<Pair> {
    let fields = PAIRS.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let wanted = fields.filter(|fields| category.is_none_or(|category| category == fields[0]));
    wanted.map(|fields| (fields[2], fields[3])).collect()
}

fn categories() -> Vec<&'static str> {
    let mut names: Vec<_> = PAIRS.lines().filter_map(|line| line.split('\t').next()).collect();
    names.dedup();
    names
}

/// The pair that is slower than 99 of 100, by the shortest of five runs each.
fn slow_pair(pairs: &[Pair]) -> Pair {
    let options = Options::default();
    let time = |(gold, pred): &Pair| -> Duration {
        let once = || {
            let start = Instant::now();
            black_box(compare(black_box(gold), black_box(pred), &options));
            start.elapsed()
        };
        (0..5).map(|_| once()).min().unwrap_or_default()
    };
    let mut timed: Vec<_> = pairs.iter().map(|pair| (time(pair), *pair)).collect();
    timed.sort();
    timed[timed.len() * 99 / 100].1
}

fn answer(criterion: &mut Criterion) {
    let options = Options::default();
    let all = pairs(None);
    let mut group = criterion.benchmark_group("answer/compare");
    group.throughput(Throughput::Elements(all.len() as u64));
    group.sample_size(20);
    group.bench_function("mixed", |bencher| {
        bencher.iter(|| {
            all.iter().filter(|(gold, pred)| !compare(gold, pred, &options).gold.is_empty()).count()
        });
    });
    for category in categories() {
        let some = pairs(Some(category));
        group.throughput(Throughput::Elements(some.len() as u64));
        group.bench_function(BenchmarkId::new("category", category), |bencher| {
            bencher.iter(|| some.iter().filter(|(gold, pred)| equal(gold, pred)).count());
        });
    }
    let (gold, pred) = slow_pair(&all);
    group.throughput(Throughput::Elements(1));
    group.bench_function("p99", |bencher| {
        bencher.iter(|| compare(black_box(gold), black_box(pred), &options));
    });
    group.finish();
}

criterion_group!(benches, answer);
criterion_main!(benches);
