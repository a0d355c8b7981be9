//! Every kernel, compiled for every instruction set the machine has, against a naive twin in f64.

use super::attention::{
    AttentionGrad, AttentionScratch, KeysValues, Part, Visible, append_keys_values, attend_backward_lanes,
    attend_lanes, attend_parts_lanes, keys_values_len,
};
use super::heads::{Heads, turn_heads_backward_lanes, turn_heads_lanes};
use super::matmul::{Write, matmul_lanes, matmul_tn_lanes};
use super::packing::{Packed, Panels, pack_plain, pack_slabs, pack_transposed, slab_width};
use super::simd::{Portable, Simd};
use super::{adamw, logprob, norm, rope, swiglu};
use proptest::prelude::*;

/// Runs a generic check at every level.
macro_rules! at_every_level {
    ($check:ident($($argument:expr),* $(,)?)) => {{
        $check(Portable, $($argument),*);
        #[cfg(target_arch = "x86_64")]
        {
            use super::simd::x86::{Avx2, Avx512};
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                #[expect(unsafe_code, reason = "the instructions were detected just now")]
                // SAFETY: detected just now.
                $check(unsafe { Avx2::new() }, $($argument),*);
            }
            if is_x86_feature_detected!("avx512f") {
                #[expect(unsafe_code, reason = "the instructions were detected just now")]
                // SAFETY: detected just now.
                $check(unsafe { Avx512::new() }, $($argument),*);
            }
        }
    }};
}

/// Values in -1..1 that look random.
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

#[track_caller]
fn close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (&a, &b)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(a) - b).abs() <= tolerance * (1.0 + b.abs()), "at {i}: {a}, expected {b}");
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// The derivative of `f` at `x` along each coordinate, by central differences in f64.
fn slopes(x: &[f32], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let at = wide(x);
    (0..at.len())
        .map(|i| {
            let step = |h: f64| {
                let mut moved = at.clone();
                moved[i] += h;
                f(&moved)
            };
            (step(1e-5) - step(-1e-5)) / 2e-5
        })
        .collect()
}

fn exp_is_accurate<S: Simd>(s: S) {
    let mut worst = 0.0f64;
    for i in 0..174_990 {
        let x = -87.0 + i as f32 * 1e-3;
        let found = f64::from(s.lanes(s.exp(s.splat(x)))[0]);
        let exact = f64::from(x).exp();
        worst = worst.max((found - exact).abs() / exact);
    }
    assert!(worst < 3e-7, "relative error {worst}");
    assert_eq!(s.lanes(s.exp(s.splat(0.0)))[0], 1.0);
    for x in [f32::NEG_INFINITY, f32::MIN, -1e4] {
        assert!(s.lanes(s.exp(s.splat(x)))[0] < 2e-38);
    }
}

#[test]
fn exp_is_accurate_to_three_in_ten_million() {
    at_every_level!(exp_is_accurate());
}

fn reductions<S: Simd>(s: S) {
    let x = values(S::N, 3);
    let v = s.load(&x);
    close(&[s.sum(v)], &[wide(&x).iter().sum()], 1e-6);
    assert_eq!(s.largest(v), x.iter().copied().fold(f32::MIN, f32::max));
    let mut part = [9.0; 3];
    s.store(v, &mut part);
    assert_eq!(part, x[..3]);
    assert_eq!(s.lanes(s.load(&x[..3]))[..4], [x[0], x[1], x[2], 0.0]);
}

#[test]
fn partial_vectors_are_filled_with_zeros_and_cut() {
    at_every_level!(reductions());
}

fn products<S: Simd>(s: S, rows: usize, k: usize, n: usize, pad: usize) {
    let (a, w) = (values(rows * (k + pad), 1), values(n * k, 2));
    let mut packed = Packed::default();
    packed.reset(k, n, S::PANEL);
    packed.data.fill(f32::NAN);
    pack_transposed(&w, k, n, k, &mut packed.data, S::PANEL, k, 0);
    packed.clear_padding();
    let mut c = vec![0.5; rows * (n + pad)];
    matmul_lanes(s, rows, &a, k + pad, packed.panels(), &mut c, n + pad, Write::Set);
    let product = |i: usize, j: usize| -> f64 {
        (0..k).map(|p| f64::from(a[i * (k + pad) + p]) * f64::from(w[j * k + p])).sum()
    };
    let expected = |set: f64| -> Vec<f64> {
        let row = |i| (0..n + pad).map(move |j| (i, j)).collect::<Vec<_>>();
        (0..rows).flat_map(row).map(|(i, j)| if j < n { set + product(i, j) } else { 0.5 }).collect()
    };
    close(&c, &expected(0.0), 1e-5);
    matmul_lanes(s, rows, &a, k + pad, packed.panels(), &mut c, n + pad, Write::Add);
    let twice: Vec<f64> =
        expected(0.0).iter().enumerate().map(|(i, x)| if i % (n + pad) < n { 2.0 * x } else { *x }).collect();
    close(&c, &twice, 1e-5);

    // Any rows alone have the same bits.
    let mut alone = vec![0.0; n];
    for i in 0..rows {
        matmul_lanes(s, 1, &a[i * (k + pad)..], k + pad, packed.panels(), &mut alone, n, Write::Set);
        matmul_lanes(s, 1, &a[i * (k + pad)..], k + pad, packed.panels(), &mut alone, n, Write::Add);
        assert_eq!(alone, c[i * (n + pad)..i * (n + pad) + n]);
    }
    transposed_products(s, rows, k, n, pad);
}

fn transposed_products<S: Simd>(s: S, rows: usize, m: usize, n: usize, pad: usize) {
    let (a, b) = (values(rows * (m + pad), 4), values(rows * (n + pad), 5));
    let mut c = vec![0.25; m * n];
    let mut packed = Vec::new();
    let mut slabs = vec![f32::NAN; rows * slab_width(n, S::PANEL)];
    pack_slabs(rows, n, &b, n + pad, &mut slabs, S::PANEL);
    matmul_tn_lanes(s, rows, m, n, &a, m + pad, &slabs, &mut c, n, Write::Set, &mut packed);
    matmul_tn_lanes(s, rows, m, n, &a, m + pad, &slabs, &mut c, n, Write::Add, &mut packed);
    let place = (0..m).flat_map(|i| (0..n).map(move |j| (i, j)));
    let sum = |(i, j)| -> f64 {
        (0..rows).map(|r| 2.0 * f64::from(a[r * (m + pad) + i]) * f64::from(b[r * (n + pad) + j])).sum()
    };
    close(&c, &place.map(sum).collect::<Vec<_>>(), 1e-4);
}

fn norms<S: Simd>(s: S, rows: usize, dim: usize) {
    let (x, w, dy) = (values(rows * (dim + 3), 1), values(dim, 2), values(rows * dim, 3));
    let eps = 1e-5;
    let formula = |x: &[f64], w: &[f64]| -> Vec<f64> {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / dim as f64;
        x.iter().zip(w).map(|(x, w)| x * w / (mean + f64::from(eps)).sqrt()).collect()
    };
    let mut y = vec![0.0; rows * dim];
    norm::rms_norm_lanes(s, rows, &x, dim + 3, &w, eps, &mut y, dim);
    let row = |r: usize| &x[r * (dim + 3)..r * (dim + 3) + dim];
    let expected: Vec<f64> = (0..rows).flat_map(|r| formula(&wide(row(r)), &wide(&w))).collect();
    close(&y, &expected, 1e-5);

    let (mut dx, mut dw) = (vec![0.5; rows * dim], vec![0.25; dim]);
    norm::rms_norm_backward_lanes(s, rows, &x, dim + 3, &w, eps, &dy, dim, &mut dx, dim, Write::Add, &mut dw);
    let loss = |x: &[f64], w: &[f64], r: usize| -> f64 {
        formula(x, w).iter().zip(&dy[r * dim..]).map(|(y, &d)| y * f64::from(d)).sum()
    };
    let expected: Vec<f64> = (0..rows).flat_map(|r| slopes(row(r), |x| loss(x, &wide(&w), r))).collect();
    close(&dx.iter().map(|x| x - 0.5).collect::<Vec<_>>(), &expected, 1e-3);
    let all = |w: &[f64]| (0..rows).map(|r| loss(&wide(row(r)), w, r)).sum();
    close(&dw.iter().map(|x| x - 0.25).collect::<Vec<_>>(), &slopes(&w, all), 1e-3);
}

/// Heads of rows of one more value than they need, with and without norms.
fn turned<S: Simd>(s: S, half: usize, [queries, keys]: [usize; 2], rows: usize) {
    let (dim, count, eps) = (2 * half, queries + keys, 1e-5);
    let frequency = |i: usize| 10_000f64.powf(-(i as f64) / half as f64);
    let frequencies: Vec<f32> = (0..half).map(|i| frequency(i) as f32).collect();
    let table = rope::RopeTable::new(rows + 2, &frequencies);
    let positions: Vec<usize> = (0..rows).map(|i| (i * 2 + 1) % (rows + 2)).collect();
    let (x, stride) = (values(rows * (count * dim + 1), 7), count * dim + 1);
    let norms = [values(dim, 8), values(dim, 9)];
    for normalised in [false, true] {
        let [q_norm, k_norm] = norms.each_ref().map(|norm| normalised.then_some(&norm[..]));
        let heads = Heads { queries, keys, head_dim: dim, q_norm, k_norm, eps, table: &table };
        let formula = |x: &[f64], norms: [&[f64]; 2], row: usize, head: usize| -> Vec<f64> {
            let x = &x[row * stride + head * dim..][..dim];
            let mean = x.iter().map(|x| x * x).sum::<f64>() / dim as f64;
            let norm = norms[usize::from(head >= queries)];
            let one =
                |i: usize| if normalised { x[i] * norm[i] / (mean + f64::from(eps)).sqrt() } else { x[i] };
            let turn = |i: usize, other: f64| {
                let angle = positions[row] as f64 * frequency(i % half);
                one(i) * angle.cos() + other * angle.sin()
            };
            let low = (0..half).map(|i| turn(i, -one(i + half)));
            low.chain((half..dim).map(|i| turn(i, one(i - half)))).collect()
        };
        let each = || (0..rows).flat_map(|row| (0..count).map(move |head| (row, head)));
        let wide_norms = norms.each_ref().map(|norm| wide(norm));
        let [q, k] = &wide_norms;
        let mut y = vec![f32::NAN; rows * count * dim];
        turn_heads_lanes(s, heads, &positions, &x, stride, &mut y, count * dim);
        let expected: Vec<f64> =
            each().flat_map(|(row, head)| formula(&wide(&x), [q, k], row, head)).collect();
        close(&y, &expected, 1e-5);

        let dy = values(x.len(), 10);
        let loss = |x: &[f64], norms: [&[f64]; 2]| -> f64 {
            let of = |(row, head): (usize, usize)| -> f64 {
                let dy = &dy[row * stride + head * dim..];
                formula(x, norms, row, head).iter().zip(dy).map(|(y, &d)| y * f64::from(d)).sum()
            };
            each().map(of).sum()
        };
        let mut dx = dy.clone();
        let (mut d_q, mut d_k) = (vec![0.0; dim], vec![0.0; dim]);
        let mut unturned = vec![0.0; dim];
        turn_heads_backward_lanes(
            s,
            heads,
            &positions,
            &x,
            &mut dx,
            stride,
            &mut d_q,
            &mut d_k,
            &mut unturned,
        );
        let slope = slopes(&x, |x| loss(x, [q, k]));
        let inside: Vec<usize> = (0..x.len()).filter(|at| at % stride < count * dim).collect();
        let at = |values: &[f32]| -> Vec<f32> { inside.iter().map(|&at| values[at]).collect() };
        close(&at(&dx), &inside.iter().map(|&at| slope[at]).collect::<Vec<_>>(), 1e-3);
        close(&d_q, &slopes(&norms[0], |q| loss(&wide(&x), [q, k])), 1e-3);
        close(&d_k, &slopes(&norms[1], |k| loss(&wide(&x), [q, k])), 1e-3);
    }
}

fn gated<S: Simd>(s: S, rows: usize, width: usize) {
    let gate_up: Vec<f32> = values(rows * 2 * width, 5).iter().map(|x| x * 6.0).collect();
    let d = values(rows * width, 6);
    let one = |g: f64, u: f64| g / (1.0 + (-g).exp()) * u;
    let at = |i: usize| (i / width * 2 * width + i % width, i / width * 2 * width + width + i % width);
    let expected: Vec<f64> =
        (0..rows * width).map(|i| one(f64::from(gate_up[at(i).0]), f64::from(gate_up[at(i).1]))).collect();
    let mut y = vec![0.0; rows * width];
    swiglu::swiglu_lanes(s, rows, width, &gate_up, &mut y);
    close(&y, &expected, 1e-5);
    let (mut gradient, mut dy) = (gate_up.clone(), d.clone());
    swiglu::swiglu_backward_lanes(s, rows, width, &mut gradient, &mut dy);
    close(&dy, &expected, 1e-5);
    for (i, &d) in d.iter().enumerate() {
        let (g, u) = at(i);
        let pair = [gate_up[g], gate_up[u]];
        let expected = slopes(&pair, |x| one(x[0], x[1]) * f64::from(d));
        close(&[gradient[g], gradient[u]], &expected, 1e-4);
    }
}

fn scores<S: Simd>(s: S, vocab: usize, temperature: f32) {
    let logits: Vec<f32> = values(vocab, 11).iter().map(|x| x * 20.0 - 30.0).collect();
    let token = vocab / 2;
    let log_softmax = |x: &[f64]| -> Vec<f64> {
        let z: Vec<f64> = x.iter().map(|x| x / f64::from(temperature)).collect();
        let most = z.iter().copied().fold(f64::MIN, f64::max);
        let total = most + z.iter().map(|z| (z - most).exp()).sum::<f64>().ln();
        z.iter().map(|z| z - total).collect()
    };
    let logs = log_softmax(&wide(&logits));
    let found = logprob::token_logprob_lanes(s, &logits, token, temperature);
    close(&[found.logprob], &[logs[token]], 1e-5);
    close(&[found.entropy], &[-logs.iter().map(|l| l * l.exp()).sum::<f64>()], 1e-5);
    let mut gradient = logits.clone();
    logprob::token_logprob_backward_lanes(s, &mut gradient, token, temperature, found.log_sum_exp, -0.7);
    close(&gradient, &slopes(&logits, |x| -0.7 * log_softmax(x)[token]), 1e-4);
}

fn updates<S: Simd>(s: S, n: usize) {
    let (p, g, m) = (values(n, 1), values(n, 2), values(n, 3));
    let v: Vec<f32> = values(n, 4).iter().map(|x| x * x).collect();
    let step = adamw::AdamWStep {
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-6,
        keep: 0.999,
        rate: 0.01,
        second_correction: 1.5,
    };
    let (mut p2, mut m2, mut v2) = (p.clone(), m.clone(), v.clone());
    adamw::adamw_lanes(s, &mut p2, &g, &mut m2, &mut v2, step);
    for i in 0..n {
        let (p, g, m, v) = (f64::from(p[i]), f64::from(g[i]), f64::from(m[i]), f64::from(v[i]));
        let (m, v) = (0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g);
        close(&[m2[i], v2[i]], &[m, v], 1e-6);
        close(&[p2[i]], &[0.999 * p - 0.01 * m / (v.sqrt() * 1.5 + 1e-6)], 1e-6);
    }
}

/// `(outputs, log-sum-exps)` of one head by the definition.
fn naive_attention(t: usize, d: usize, scale: f64, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut out, mut lse) = (Vec::new(), Vec::new());
    for i in 0..t {
        let z: Vec<f64> =
            (0..=i).map(|j| scale * (0..d).map(|p| q[i * d + p] * k[j * d + p]).sum::<f64>()).collect();
        let total = z.iter().map(|z| z.exp()).sum::<f64>().ln();
        lse.push(total);
        out.extend((0..d).map(|p| (0..=i).map(|j| (z[j] - total).exp() * v[j * d + p]).sum::<f64>()));
    }
    (out, lse)
}

fn attention<S: Simd>(s: S, t: usize, d: usize) {
    let scale = 0.6;
    let (q, k, v) = (values(t * d, 1), values(t * d, 2), values(t * d, 3));
    let capacity = t + 5;
    let (keys_len, values_len) = keys_values_len(capacity, d, S::PANEL);
    let (mut keys, mut vals) = (vec![f32::NAN; keys_len], vec![f32::NAN; values_len]);
    let first = t / 2;
    for (at, rows) in [(0, first), (first, t - first)] {
        append_keys_values(
            rows,
            d,
            &k[at * d..],
            d,
            &v[at * d..],
            d,
            &mut keys,
            &mut vals,
            capacity,
            S::PANEL,
            at,
        );
    }
    let kv = KeysValues { keys: &keys, values: &vals, capacity };
    let (mut out, mut lse, mut scores) = (vec![0.0; t * d], vec![0.0; t], Vec::new());
    let visible = Visible { first: 1, step: 1 };
    attend_lanes(s, t, d, &q, d, kv, visible, scale, &mut out, d, &mut lse, &mut scores);
    let (expected, expected_lse) = naive_attention(t, d, f64::from(scale), &wide(&q), &wide(&k), &wide(&v));
    close(&out, &expected, 1e-5);
    close(&lse, &expected_lse, 1e-5);

    // A row alone, as in decoding, has the same bits.
    for i in 0..t {
        let mut alone = vec![0.0; d];
        let visible = Visible { first: i + 1, step: 0 };
        attend_lanes(s, 1, d, &q[i * d..], d, kv, visible, scale, &mut alone, d, &mut [], &mut scores);
        assert_eq!(alone, out[i * d..(i + 1) * d]);
    }

    parted(s, t, d, scale, [&q, &k, &v], &out, &lse);

    let dout = values(t * d, 4);
    let of = AttentionGrad {
        tokens: t,
        past: 0,
        capacity: t,
        head_dim: d,
        group: 1,
        scale,
        q: &q,
        q_stride: d,
        k: &k,
        k_stride: d,
        v: &v,
        v_stride: d,
        out: &out,
        out_stride: d,
        dout: &dout,
        dout_stride: d,
        lse: &lse,
    };
    let mut scratch = AttentionScratch::default();
    attend_backward_lanes(s, of, &mut scratch);
    let loss = |q: &[f64], k: &[f64], v: &[f64]| -> f64 {
        let out = naive_attention(t, d, f64::from(scale), q, k, v).0;
        out.iter().zip(&dout).map(|(o, &g)| o * f64::from(g)).sum()
    };
    let (wq, wk, wv) = (wide(&q), wide(&k), wide(&v));
    close(&scratch.dq[..t * d], &slopes(&q, |q| loss(q, &wk, &wv)), 1e-3);
    close(&scratch.dk[..t * d], &slopes(&k, |k| loss(&wq, k, &wv)), 1e-3);
    close(&scratch.dv[..t * d], &slopes(&v, |v| loss(&wq, &wk, v)), 1e-3);
}

fn viewed((keys, values, capacity): &(Vec<f32>, Vec<f32>, usize)) -> KeysValues<'_> {
    KeysValues { keys, values, capacity: *capacity }
}

/// Rows behind a shared beginning, two sequences at once and one of several rows, give the bits of `whole` and of its
/// log-sum-exp.
fn parted<S: Simd>(s: S, t: usize, d: usize, scale: f32, [q, k, v]: [&[f32]; 3], whole: &[f32], lse: &[f32]) {
    let packed = |from: usize, to: usize| {
        let capacity = to - from + 3;
        let (keys_len, values_len) = keys_values_len(capacity, d, S::PANEL);
        let (mut keys, mut vals) = (vec![f32::NAN; keys_len], vec![f32::NAN; values_len]);
        let (k, v) = (&k[from * d..], &v[from * d..]);
        append_keys_values(to - from, d, k, d, v, d, &mut keys, &mut vals, capacity, S::PANEL, 0);
        (keys, vals, capacity)
    };
    for shared in [1, t / 2, t - 1] {
        if shared == 0 || shared == t {
            continue;
        }
        let (beginning, own) = (packed(0, shared), packed(shared, t));
        let part = |rows: usize, first: usize| Part {
            rows,
            own: viewed(&own),
            visible: Visible { first, step: usize::from(rows > 1) },
        };
        let parts = [part(1, t), part(t - shared, shared + 1), part(1, shared + 1)];
        let rows = [&q[(t - 1) * d..], &q[shared * d..], &q[shared * d..(shared + 1) * d]].concat();
        let expected =
            [&whole[(t - 1) * d..], &whole[shared * d..], &whole[shared * d..(shared + 1) * d]].concat();
        let (mut found, mut scores) = (vec![f32::NAN; expected.len()], Vec::new());
        let mut sums = vec![f32::NAN; expected.len() / d];
        let beginning = viewed(&beginning);
        attend_parts_lanes(s, d, &rows, beginning, shared, &parts, scale, &mut found, &mut sums, &mut scores);
        assert_eq!(found, expected);
        assert_eq!(sums, [&lse[t - 1..], &lse[shared..], &lse[shared..=shared]].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products_equal_their_definition(rows in 1usize..40, k in 1usize..70, n in 1usize..100, pad in 0usize..3) {
        at_every_level!(products(rows, k, n, pad));
    }

    #[test]
    fn long_sums_equal_their_definition(rows in 180usize..420, m in 1usize..20, n in 1usize..50) {
        at_every_level!(transposed_products(rows, m, n, 1));
    }

    #[test]
    fn norms_and_their_gradients_equal_their_definition(rows in 1usize..5, dim in 1usize..40) {
        at_every_level!(norms(rows, dim));
    }

    #[test]
    fn turned_heads_and_their_gradients_equal_their_definition(
        half in 1usize..20, queries in 1usize..20, keys in 1usize..3, rows in 1usize..4,
    ) {
        at_every_level!(turned(half, [queries, keys], rows));
    }

    #[test]
    fn gates_and_their_gradients_equal_their_definition(rows in 1usize..4, width in 1usize..40) {
        at_every_level!(gated(rows, width));
    }

    #[test]
    fn log_probabilities_and_their_gradients_equal_their_definition(vocab in 1usize..70, temperature in 0.3f32..2.0) {
        at_every_level!(scores(vocab, temperature));
    }

    #[test]
    fn updates_equal_their_definition(n in 1usize..50) {
        at_every_level!(updates(n));
    }

    #[test]
    fn attention_and_its_gradient_equal_their_definition(t in 1usize..16, d in 1usize..10) {
        at_every_level!(attention(t, 2 * d));
    }
}

#[test]
fn long_attention_crosses_blocks_and_panels() {
    at_every_level!(attention(70, 6));
}

#[test]
fn plain_packing_fills_narrow_panels_with_zeros() {
    let mut panels = vec![f32::NAN; 2 * 2 * 4];
    pack_plain(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 5, 2, 5, &mut panels, 4, 2, 0);
    assert_eq!(panels, [1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0, 5.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0]);
    let empty = Panels { k: 3, n: 0, stride: 12, data: &[] };
    matmul_lanes(Portable, 2, &[0.0; 6], 3, empty, &mut [], 0, Write::Set);
}
