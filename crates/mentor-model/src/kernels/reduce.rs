//! Sums whose order is fixed by their length alone.

/// Values summed one after another before partial sums meet; part of the result's definition.
const CHUNK: usize = 4096;

/// The sum of squares, in f64.
pub(crate) fn sum_of_squares(x: &[f32]) -> f64 {
    x.chunks(CHUNK)
        .map(|chunk| {
            // Sixteen sums side by side, so that the compiler can use vectors.
            let mut sums = [0.0f64; 16];
            let (whole, rest) = chunk.as_chunks::<16>();
            for values in whole {
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += f64::from(value) * f64::from(value);
                }
            }
            let rest: f64 = rest.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            sums.iter().sum::<f64>() + rest
        })
        .sum()
}

/// `x += y`.
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    for (x, &y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// `x *= factor`.
pub(crate) fn scale(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}
