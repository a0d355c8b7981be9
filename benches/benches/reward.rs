//! Reward kernels beside their naive twins, and whole rewards on parsed trajectories.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mentor_reward::{Case, Reward, kernels, score};
use mentor_trajectory::{
    Call, CallRecord, Ending, Judge, Observation, Reading, Split, Task, ToolSpec, Trajectory, Turn,
};
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
fn trajectory(mut seed: u64) -> Trajectory {
    let thought =
        "The next step needs the sum of what is left, and then the price of one of them, so I call a tool. ";
    let mut turns: Vec<Turn> = (0..4)
        .map(|_| {
            let name = TOOLS[(next(&mut seed) % TOOLS.len() as u64) as usize];
            let arguments = json!({"a": next(&mut seed) % 100, "b": next(&mut seed) % 3});
            let raw =
                format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>");
            let content = thought.repeat(3);
            let call =
                Call { name: name.into(), arguments: arguments.as_object().cloned().unwrap_or_default() };
            Turn {
                text: format!("{content}{raw}"),
                calls: vec![CallRecord {
                    span: (content.len(), content.len() + raw.len()),
                    raw,
                    reading: Reading::Strict,
                    faults: vec![],
                    call: Some(call),
                    observation: Some(Observation { content: "5".into(), ok: true }),
                }],
                content,
                closed: true,
                ..Turn::default()
            }
        })
        .collect();
    let last = "So the answer is \\boxed{5}.".to_owned();
    turns.push(Turn { text: last.clone(), content: last, closed: true, ..Turn::default() });
    Trajectory {
        id: String::new(),
        task_id: "task".into(),
        source: "bench".into(),
        turns,
        ending: Ending::Ended,
    }
}

fn whole(criterion: &mut Criterion) {
    let task = task();
    let students: Vec<Trajectory> = (0..256).map(trajectory).collect();
    let teachers: Vec<Trajectory> = (0..256).map(|seed| trajectory(seed / 2)).collect();
    let mut group = criterion.benchmark_group("reward/score");
    group.throughput(Throughput::Elements(students.len() as u64));
    for name in Reward::preset_names() {
        let reward = Reward::preset(name).expect("a preset");
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let total = |(index, (student, teacher))| {
                    let case = Case {
                        placebo: Some(&teachers[0]),
                        ..Case::new(&task, student, teacher, index % 2 == 0)
                    };
                    score(&reward, black_box(&case)).total
                };
                students.iter().zip(&teachers).enumerate().map(total).sum::<f64>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, set_f1, lcs, whole);
criterion_main!(benches);
