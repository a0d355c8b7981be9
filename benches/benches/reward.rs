//! Reward kernels beside their naive twins, and whole rewards on trajectories of 1.5 kB: parsed, and from text.

use std::{fmt::Write as _, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mentor_reward::{
    Case, Response, Reward, Scorer, Student, Workspace, answer_correct, kernels, read_response, score,
};
use mentor_trajectory::{Judge, Split, Task, ToolSpec, Trajectory};
use serde_json::{Value, json};

const SIZES: [usize; 3] = [8, 64, 512];

/// The next number of a splitmix64 stream.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn items(size: usize, distinct: u64, mut seed: u64) -> Vec<u32> {
    (0..size).map(|_| (next(&mut seed) % distinct) as u32).collect()
}

fn naive_f1(a: &[u32], b: &[u32]) -> f64 {
    let shared = a.iter().filter(|item| b.contains(item)).count();
    2.0 * shared as f64 / (a.len() + b.len()) as f64
}

fn naive_lcs(a: &[u32], b: &[u32]) -> usize {
    let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in 0..a.len() {
        for j in 0..b.len() {
            table[i + 1][j + 1] =
                if a[i] == b[j] { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
        }
    }
    table[a.len()][b.len()]
}

fn set_f1(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reward/set_f1");
    for size in SIZES {
        let set = |seed| kernels::to_set(items(size, 2 * size as u64, seed));
        let (a, b) = (set(1), set(2));
        assert_eq!(naive_f1(&a, &b), kernels::set_f1(&a, &b));
        group.throughput(Throughput::Elements((a.len() + b.len()) as u64));
        group.bench_function(BenchmarkId::new("naive", size), |bencher| {
            bencher.iter(|| naive_f1(black_box(&a), black_box(&b)));
        });
        group.bench_function(BenchmarkId::new("kernel", size), |bencher| {
            bencher.iter(|| kernels::set_f1(black_box(&a), black_box(&b)));
        });
    }
    group.finish();
}

fn lcs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reward/lcs");
    for size in SIZES {
        let (a, b) = (items(size, 12, 3), items(size, 12, 4));
        assert_eq!(naive_lcs(&a, &b), kernels::lcs_len(&a, &b));
        group.throughput(Throughput::Elements((size * size) as u64));
        group.bench_function(BenchmarkId::new("naive", size), |bencher| {
            bencher.iter(|| naive_lcs(black_box(&a), black_box(&b)));
        });
        group.bench_function(BenchmarkId::new("kernel", size), |bencher| {
            bencher.iter(|| kernels::lcs_len(black_box(&a), black_box(&b)));
        });
    }
    group.finish();
}

/// Sets of interned names: bits beside sorted slices.
fn bits_f1(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reward/bits_f1");
    for size in SIZES {
        let (a, b) = (
            kernels::to_set(items(size, 2 * size as u64, 1)),
            kernels::to_set(items(size, 2 * size as u64, 2)),
        );
        let bits = |set: &[u32]| {
            let mut bits = kernels::Bits::default();
            for &number in set {
                bits.insert(number);
            }
            bits
        };
        let (x, y) = (bits(&a), bits(&b));
        assert_eq!(naive_f1(&a, &b), x.f1(&y));
        group.throughput(Throughput::Elements((a.len() + b.len()) as u64));
        group.bench_function(BenchmarkId::new("naive", size), |bencher| {
            bencher.iter(|| naive_f1(black_box(&a), black_box(&b)));
        });
        group.bench_function(BenchmarkId::new("kernel", size), |bencher| {
            bencher.iter(|| black_box(&x).f1(black_box(&y)));
        });
    }
    group.finish();
}

/// The alignment with its table made anew, and with one that is kept.
fn align(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reward/align");
    for size in [8, 64] {
        let (a, b) = (items(size, 12, 3), items(size, 12, 4));
        let agreement = |i: usize, j: usize| (a[i] == b[j]).then_some(0.5);
        group.throughput(Throughput::Elements((size * size) as u64));
        group.bench_function(BenchmarkId::new("naive", size), |bencher| {
            bencher.iter(|| kernels::align(black_box(size), size, agreement).len());
        });
        let mut aligner = kernels::Aligner::default();
        group.bench_function(BenchmarkId::new("kernel", size), |bencher| {
            bencher.iter(|| aligner.longest(black_box(size), size, agreement).len());
        });
    }
    group.finish();
}

const TOOLS: [&str; 6] = ["add", "subtract", "multiply", "divide", "power", "sqrt"];

fn task() -> Task {
    let tool =
        |name: &&str| ToolSpec { name: (*name).into(), description: String::new(), parameters: json!({}) };
    Task {
        id: "task".into(),
        suite: "arithmetic".into(),
        split: Split::Train,
        question: "How much?".into(),
        tools: TOOLS.iter().map(tool).collect(),
        answer: "5".into(),
        judge: Judge::Answer,
        plans: vec![],
        world: Value::Null,
    }
}

/// About 1.5 kB of text: four calls, each in its turn with a thought, and the boxed answer.
fn response(mut seed: u64) -> String {
    let thought =
        "The next step needs the sum of what is left, and then the price of one of them, so I call a tool. ";
    let mut text = String::new();
    for _ in 0..4 {
        let name = TOOLS[(next(&mut seed) % TOOLS.len() as u64) as usize];
        let (a, b) = (next(&mut seed) % 100, next(&mut seed) % 3);
        text += thought;
        text += thought;
        let _ = write!(
            text,
            "\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {{\"a\": {a}, \"b\": {b}}}}}\n</tool_call>"
        );
        text += "<|im_end|>\n<|im_start|>user\n<tool_response>\n5\n</tool_response><|im_end|>\n<|im_start|>assistant\n";
    }
    text + &format!(
        "So the answer is \\boxed{{{}}}.",
        ["5", "5.0", "6", "1,234", "10/2"][(next(&mut seed) % 5) as usize]
    )
}

/// One core, one task with its teacher, 256 attempts: naive is `score` with its reasons, kernel is `Scorer::total`.
fn whole_parsed(criterion: &mut Criterion) {
    let (task, teacher) = (task(), read_response(&response(1), true));
    let students: Vec<Trajectory> = (0..256).map(|seed| read_response(&response(seed / 2), true)).collect();
    let cases: Vec<Case> = students
        .iter()
        .enumerate()
        .map(|(index, student)| Case {
            placebo: Some(&teacher),
            ..Case::new(&task, student, &teacher, index % 2 == 0)
        })
        .collect();
    let mut group = criterion.benchmark_group("reward/whole_parsed");
    group.throughput(Throughput::Elements(cases.len() as u64));
    for name in Reward::preset_names() {
        let reward = Reward::preset(name).expect("a preset");
        group.bench_function(BenchmarkId::new("naive", name), |bencher| {
            bencher.iter(|| cases.iter().map(|case| score(&reward, black_box(case)).total).sum::<f64>());
        });
        let scorer = Scorer::new(&reward, &task, &teacher, Some(&teacher));
        let mut workspace = Workspace::default();
        group.bench_function(BenchmarkId::new("kernel", name), |bencher| {
            bencher
                .iter(|| cases.iter().map(|case| scorer.total(black_box(case), &mut workspace)).sum::<f64>());
        });
    }
    group.finish();
}

/// The same from text, without and with a look at the answer: naive reads everything there is, kernel what the reward asks
/// for.
fn whole_text(criterion: &mut Criterion) {
    let (task, teacher) = (task(), read_response(&response(1), true));
    let texts: Vec<String> = (0..256).map(|seed| response(seed / 2)).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    assert!((1300..1700).contains(&(bytes / texts.len())), "{}", bytes / texts.len());
    let reward = Reward::preset("mentor").expect("a preset");
    let mut group = criterion.benchmark_group("reward/whole_text");
    group.throughput(Throughput::Elements(texts.len() as u64));
    let scorer = Scorer::new(&reward, &task, &teacher, None);
    for (name, judge) in [("without_answers", false), ("with_answers", true)] {
        let mut workspace = Workspace::default();
        let mut total = |student: Student| {
            let correct = judge && answer_correct(&task, student);
            scorer.total(&Case::new(&task, student, &teacher, correct), &mut workspace)
        };
        group.bench_function(BenchmarkId::new("naive", name), |bencher| {
            let read = |text| read_response(black_box(text), true);
            bencher.iter(|| texts.iter().map(|text| total((&read(text)).into())).sum::<f64>());
        });
        group.bench_function(BenchmarkId::new("kernel", name), |bencher| {
            let read = |text| Response::new(black_box(text), true);
            bencher.iter(|| texts.iter().map(|text| total((&read(text)).into())).sum::<f64>());
        });
    }
    group.finish();
}

criterion_group!(benches, set_f1, bits_f1, lcs, align, whole_parsed, whole_text);
criterion_main!(benches);
