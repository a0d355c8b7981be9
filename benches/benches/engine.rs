//! The engine: kernels beside their definition and beside the `gemm` crate, on one thread; then whole steps of a tiny
//! model on all threads.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mentor::bench::{Bench, Name, Workload};
use mentor::config::MemoryConfig;
use mentor::mentor_model::bench::{Operands, Weights, gate, weight_gradient};
use mentor::mentor_model::{Config, Device};

/// `n` numbers between -1 and 1.
fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 13) % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// `C = A·Bᵀ` by the definition.
fn naive_product(k: usize, n: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    for (a, c) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
        for (b, c) in b.chunks_exact(k).zip(c) {
            *c = a.iter().zip(b).map(|(a, b)| a * b).sum();
        }
    }
}

/// `C = Aᵀ·B` by the definition.
fn naive_weight_gradient(m: usize, n: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    c.fill(0.0);
    for (a, b) in a.chunks_exact(m).zip(b.chunks_exact(n)) {
        for (a, c) in a.iter().zip(c.chunks_exact_mut(n)) {
            b.iter().zip(c).for_each(|(b, c)| *c += a * b);
        }
    }
}

/// `C = A·B` by the `gemm` crate; each operand comes with the distances between its columns and between its rows.
fn gemm_product(
    [m, k, n]: [usize; 3],
    (a, a_column, a_row): (&[f32], isize, isize),
    (b, b_column, b_row): (&[f32], isize, isize),
    c: &mut [f32],
) {
    assert!(a.len() >= m * k && b.len() >= k * n && c.len() >= m * n);
    #[expect(unsafe_code, reason = "the crate's interface is pointers")]
    // SAFETY: the operands are dense matrices of the asserted sizes.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            a_column,
            a_row,
            b.as_ptr(),
            b_column,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/product");
    for [rows, k, n] in
        [[1, 128, 512], [1, 256, 1408], [32, 128, 256], [96, 128, 768], [96, 256, 1408], [96, 704, 256]]
    {
        let (a, w) = (values(rows * k), values(n * k));
        let mut c = vec![0.0; rows * n];
        let shape = format!("{rows}x{k}x{n}");
        group.throughput(Throughput::Elements((2 * rows * k * n) as u64));
        group.bench_function(BenchmarkId::new("naive", &shape), |b| {
            b.iter(|| naive_product(k, n, black_box(&a), &w, &mut c));
        });
        group.bench_function(BenchmarkId::new("gemm", &shape), |b| {
            b.iter(|| {
                gemm_product([rows, k, n], (black_box(&a), 1, k as isize), (&w, k as isize, 1), &mut c);
            });
        });
        let weights = Weights::new(&w, k);
        group.bench_function(BenchmarkId::new("kernel", &shape), |b| {
            b.iter(|| weights.product(rows, black_box(&a), &mut c));
        });
    }
}

fn weight_gradients(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/weight_gradient");
    for [rows, m, n] in [[1536, 384, 128], [1536, 704, 256], [1536, 512, 256]] {
        let (a, x) = (values(rows * m), values(rows * n));
        let mut c = vec![0.0; m * n];
        let shape = format!("{rows}x{m}x{n}");
        group.throughput(Throughput::Elements((2 * rows * m * n) as u64));
        group.bench_function(BenchmarkId::new("naive", &shape), |b| {
            b.iter(|| naive_weight_gradient(m, n, black_box(&a), &x, &mut c));
        });
        group.bench_function(BenchmarkId::new("gemm", &shape), |b| {
            b.iter(|| {
                gemm_product([m, rows, n], (black_box(&a), m as isize, 1), (&x, 1, n as isize), &mut c);
            });
        });
        let mut operands = Operands::default();
        group.bench_function(BenchmarkId::new("kernel", &shape), |b| {
            b.iter(|| weight_gradient(m, n, black_box(&a), &x, &mut c, &mut operands));
        });
    }
}

fn gates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/swiglu");
    let (rows, width) = (96, 704);
    let gate_up = values(rows * 2 * width);
    let mut y = vec![0.0; rows * width];
    group.throughput(Throughput::Elements((rows * width) as u64));
    group.bench_function("naive", |b| {
        b.iter(|| {
            for (y, row) in y.chunks_exact_mut(width).zip(black_box(&gate_up).chunks_exact(2 * width)) {
                let (gate, up) = row.split_at(width);
                for ((y, &g), &u) in y.iter_mut().zip(gate).zip(up) {
                    *y = g / (1.0 + (-g).exp()) * u;
                }
            }
        });
    });
    group.bench_function("kernel", |b| b.iter(|| gate(width, black_box(&gate_up), &mut y)));
}

/// Whole steps; `Config::default` is the shape of `configs/tiny.json`.
fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine/step");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (name, batch) in
        [(Name::TrainStep, 8), (Name::LoraStep, 8), (Name::Generate, 32), (Name::GrpoStep, 2)]
    {
        let memory = MemoryConfig::default();
        let workload =
            Workload { name, batch, prompt: 64, new: 64, group: 8, beta: 0.001, lora_rank: 16, memory };
        let mut bench = Bench::new(Config::default(), workload, &Device::Cpu).expect("a valid workload");
        let tokens = bench.run().expect("a step").tokens;
        group.throughput(Throughput::Elements(tokens as u64));
        group.bench_function(name.as_str(), |b| b.iter(|| bench.run().expect("a step")));
    }
}

criterion_group!(benches, products, weight_gradients, gates, steps);
criterion_main!(benches);
