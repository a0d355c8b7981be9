//! One set of vector operations, three instruction sets, chosen at run time.
//!
//! Kernels are written once, generic over [`Simd`], and compiled for AVX-512, for AVX2 with FMA, and for
//! whatever the target has anyway. A value of a type implementing [`Simd`] is the proof that the processor has
//! those instructions: only [`dispatched!`] makes one, after asking the processor. So the operations themselves
//! are safe.

#![expect(unsafe_code, reason = "vector intrinsics and functions compiled for one instruction set")]
#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

/// Vector operations on `N` lanes of `f32`.
pub(crate) trait Simd: Copy {
    /// A vector register.
    type V: Copy;
    /// The level this is.
    const LEVEL: Level;
    /// Lanes of a vector.
    const N: usize;
    /// Rows of the register tile of a matrix product.
    const TILE_ROWS: usize;
    /// Vectors side by side in the register tile of a matrix product (1 or 2).
    const TILE_VECTORS: usize;
    /// Columns of the register tile: the width of a packed panel.
    const PANEL: usize = Self::N * Self::TILE_VECTORS;

    fn splat(self, x: f32) -> Self::V;
    /// Reads `N` values.
    ///
    /// # Safety
    /// `from` must be valid for reading `N` values.
    unsafe fn load_pointer(self, from: *const f32) -> Self::V;
    /// Writes `N` values.
    ///
    /// # Safety
    /// `to` must be valid for writing `N` values.
    unsafe fn store_pointer(self, x: Self::V, to: *mut f32);
    /// Asks for the memory at an address that will be read before long; any address will do.
    #[inline(always)]
    fn prefetch(self, _at: *const f32) {}
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the instruction set can.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// To the nearest integer, ties to even.
    fn round(self, a: Self::V) -> Self::V;
    /// `2^a` of integral `a` in -126..=127.
    fn pow2(self, a: Self::V) -> Self::V;
    /// The lanes, for the reductions.
    fn lanes(self, a: Self::V) -> [f32; 16];

    /// Reads the first `N` values, or all and zeros behind them where there are fewer.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        if from.len() >= Self::N {
            // SAFETY: the slice has at least N values.
            unsafe { self.load_pointer(from.as_ptr()) }
        } else {
            let mut padded = [0.0; 16];
            padded[..from.len()].copy_from_slice(from);
            // SAFETY: N is at most 16.
            unsafe { self.load_pointer(padded.as_ptr()) }
        }
    }

    /// Writes the first `N` values, or as many as fit.
    #[inline(always)]
    fn store(self, x: Self::V, to: &mut [f32]) {
        if to.len() >= Self::N {
            // SAFETY: the slice has at least N values.
            unsafe { self.store_pointer(x, to.as_mut_ptr()) }
        } else {
            let lanes = self.lanes(x);
            let n = to.len();
            to.copy_from_slice(&lanes[..n]);
        }
    }

    /// The sum of the lanes, added pairwise.
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        let mut lanes = self.lanes(a);
        let mut width = Self::N;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
        }
        lanes[0]
    }

    /// The largest lane.
    #[inline(always)]
    fn largest(self, a: Self::V) -> f32 {
        let lanes = self.lanes(a);
        let mut largest = lanes[0];
        for &lane in &lanes[1..Self::N] {
            largest = if lane > largest { lane } else { largest };
        }
        largest
    }

    /// `e^x`, relative error below 3e-7 (one or two units in the last place); inputs are clamped to -87..=88.
    ///
    /// `x = n·ln 2 + r` with `|r| <= ln 2 / 2`, where the Taylor series to the seventh power is off by 3e-9.
    #[inline(always)]
    fn exp(self, x: Self::V) -> Self::V {
        const LN2_HIGH: f32 = 0.693_359_4; // ends in zeros: n times this is exact
        const LN2_LOW: f32 = -2.121_944_4e-4;
        let x = self.min(self.max(x, self.splat(-87.0)), self.splat(88.0));
        let n = self.round(self.mul(x, self.splat(std::f32::consts::LOG2_E)));
        let r = self.fma(n, self.splat(-LN2_HIGH), x);
        let r = self.fma(n, self.splat(-LN2_LOW), r);
        let mut series = self.splat(1.0 / 5040.0);
        for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            series = self.fma(series, r, self.splat(factor));
        }
        self.mul(series, self.pow2(n))
    }
}

/// The instruction sets there is a compiled form of every kernel for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best level of this processor (the answer is cached by the standard library).
    #[inline]
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// Columns of a packed panel at this level.
    pub(crate) fn panel(self) -> usize {
        match self {
            Self::Portable => Portable::PANEL,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::Avx2::PANEL,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::Avx512::PANEL,
        }
    }
}

/// The instruction set the kernels run on here: `avx512`, `avx2` or `portable`. Results are the same bits on
/// machines that give the same answer (and whose `sin`, `cos` and `ln` agree), so a record of an experiment
/// should hold it.
pub fn instruction_set() -> &'static str {
    match Level::detect() {
        Level::Portable => "portable",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "avx2",
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "avx512",
    }
}

/// Defines a function that runs a generic kernel, compiled for the instruction set the processor has.
///
/// `dispatched! { pub(crate) fn name(x: &[f32]) = body; }` calls `body::<S>(s, x)`, where `body` is
/// `#[inline(always)]` and generic over [`Simd`]. With `= body, of name_of;` there is `name_of(s, x)` as well, for
/// kernels made of kernels: what is compiled into its caller shares the caller's registers, and a product needs
/// them all.
macro_rules! dispatched {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $return:ty)? = $body:path;) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $return)? {
            let level = $crate::kernels::simd::Level::detect();
            $crate::kernels::simd::run_at!(level, $body, ($($argument: $type),*) $(-> $return)?)
        }
    };
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $body:path, of $of:ident;) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) {
            let level = $crate::kernels::simd::Level::detect();
            $crate::kernels::simd::run_at!(level, $body, ($($argument: $type),*))
        }
        $(#[$attribute])*
        $visibility fn $of<S: Simd>(_: S, $($argument: $type),*) {
            $crate::kernels::simd::run_at!(S::LEVEL, $body, ($($argument: $type),*))
        }
    };
}

/// Runs a kernel in its form for a level that was detected, or that a value of its [`Simd`] type proves.
macro_rules! run_at {
    ($level:expr, $body:path, ($($argument:ident: $type:ty),*) $(-> $return:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        {
            use $crate::kernels::simd::{Level, x86::{Avx2, Avx512}};
            #[target_feature(enable = "avx512f")]
            #[expect(unsafe_code, reason = "the proof of the instructions")]
            fn wide($($argument: $type),*) $(-> $return)? {
                // SAFETY: this function runs only where AVX-512 was detected.
                $body(unsafe { Avx512::new() }, $($argument),*)
            }
            #[target_feature(enable = "avx2,fma")]
            #[expect(unsafe_code, reason = "the proof of the instructions")]
            fn medium($($argument: $type),*) $(-> $return)? {
                // SAFETY: this function runs only where AVX2 and FMA were detected.
                $body(unsafe { Avx2::new() }, $($argument),*)
            }
            #[expect(unsafe_code, reason = "calls the form whose instructions are there")]
            match $level {
                // SAFETY: the level was detected or proved.
                Level::Avx512 => unsafe { wide($($argument),*) },
                // SAFETY: the same.
                Level::Avx2 => unsafe { medium($($argument),*) },
                Level::Portable => $body($crate::kernels::simd::Portable, $($argument),*),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = $level;
            $body($crate::kernels::simd::Portable, $($argument),*)
        }
    }};
}
pub(crate) use dispatched;
pub(crate) use run_at;

/// Eight lanes as an array: the compiler makes of it what the target has.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Applies an operation to each lane.
macro_rules! each_lane {
    ($i:ident => $value:expr) => {{
        let mut lanes = [0.0f32; 8];
        for $i in 0..8 {
            lanes[$i] = $value;
        }
        lanes
    }};
}

impl Simd for Portable {
    type V = [f32; 8];
    const LEVEL: Level = Level::Portable;
    const N: usize = 8;
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 1;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load_pointer(self, from: *const f32) -> Self::V {
        // SAFETY: the caller answers for eight readable values; an array of f32 has the alignment of f32.
        unsafe { from.cast::<[f32; 8]>().read() }
    }
    #[inline(always)]
    unsafe fn store_pointer(self, x: Self::V, to: *mut f32) {
        // SAFETY: the caller answers for eight writable values.
        unsafe { to.cast::<[f32; 8]>().write(x) }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each_lane!(i => a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each_lane!(i => a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each_lane!(i => a[i] * b[i])
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each_lane!(i => a[i] / b[i])
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each_lane!(i => if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        each_lane!(i => if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        each_lane!(i => a[i].sqrt())
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // A library call per lane where the target has no such instruction.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            each_lane!(i => a[i].mul_add(b[i], c[i]))
        } else {
            each_lane!(i => a[i] * b[i] + c[i])
        }
    }
    #[inline(always)]
    fn round(self, a: Self::V) -> Self::V {
        // Adding and taking away 1.5·2^23 leaves the nearest integer of any |a| < 2^22.
        const MAGIC: f32 = 12_582_912.0;
        each_lane!(i => (a[i] + MAGIC) - MAGIC)
    }
    #[inline(always)]
    fn pow2(self, a: Self::V) -> Self::V {
        each_lane!(i => f32::from_bits(((a[i] as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    fn lanes(self, a: Self::V) -> [f32; 16] {
        let mut lanes = [0.0; 16];
        lanes[..8].copy_from_slice(&a);
        lanes
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    //! The two x86-64 forms. A value of either type exists only where its instructions do: that is what the
    //! `SAFETY` of every intrinsic below rests on.
    use super::{Level, Simd};
    use std::arch::x86_64::{
        __m256, __m512, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_HINT_T1, _mm_add_ps, _mm_add_ss,
        _mm_cvtss_f32, _mm_max_ps, _mm_max_ss, _mm_movehdup_ps, _mm_movehl_ps, _mm_prefetch,
        _mm256_add_epi32, _mm256_add_ps, _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cvtps_epi32,
        _mm256_div_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps,
        _mm256_mul_ps, _mm256_round_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi32, _mm256_sqrt_ps,
        _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_castsi512_ps,
        _mm512_cvtps_epi32, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps,
        _mm512_mul_ps, _mm512_reduce_add_ps, _mm512_reduce_max_ps, _mm512_roundscale_ps, _mm512_set1_epi32,
        _mm512_set1_ps, _mm512_slli_epi32, _mm512_sqrt_ps, _mm512_storeu_ps, _mm512_sub_ps,
    };

    /// The sum of eight lanes, halves first.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn sum_of_8(a: __m256) -> f32 {
        let half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
        _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)))
    }

    /// The largest of eight lanes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn largest_of_8(a: __m256) -> f32 {
        let half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
        _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)))
    }

    macro_rules! implement {
        ($name:ident, $vector:ty, $lanes:literal, $rows:literal, $load:ident, $store:ident, $set1:ident, $add:ident,
         $sub:ident, $mul:ident, $div:ident, $max:ident, $min:ident, $sqrt:ident, $fma:ident, $round:expr,
         $set1i:ident, $addi:ident, $slli:ident, $cvt:ident, $cast:ident, $sum:expr, $largest:expr) => {
            #[derive(Clone, Copy)]
            pub(crate) struct $name(());

            impl $name {
                /// # Safety
                /// The processor must have the instructions.
                #[inline(always)]
                pub(crate) unsafe fn new() -> Self {
                    Self(())
                }
            }

            impl Simd for $name {
                type V = $vector;
                const LEVEL: Level = Level::$name;
                const N: usize = $lanes;
                const TILE_ROWS: usize = $rows;
                const TILE_VECTORS: usize = 2;

                #[inline(always)]
                fn splat(self, x: f32) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $set1(x) }
                }
                #[inline(always)]
                unsafe fn load_pointer(self, from: *const f32) -> Self::V {
                    // SAFETY: `self` proves the instructions; the caller answers for the pointer.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store_pointer(self, x: Self::V, to: *mut f32) {
                    // SAFETY: `self` proves the instructions; the caller answers for the pointer.
                    unsafe { $store(to, x) }
                }
                #[inline(always)]
                fn prefetch(self, at: *const f32) {
                    // SAFETY: `self` proves the instructions; a prefetch of any address is harmless.
                    unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
                }
                #[inline(always)]
                fn add(self, a: Self::V, b: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $add(a, b) }
                }
                #[inline(always)]
                fn sub(self, a: Self::V, b: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $sub(a, b) }
                }
                #[inline(always)]
                fn mul(self, a: Self::V, b: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $mul(a, b) }
                }
                #[inline(always)]
                fn div(self, a: Self::V, b: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $div(a, b) }
                }
                #[inline(always)]
                fn max(self, a: Self::V, b: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $max(a, b) }
                }
                #[inline(always)]
                fn min(self, a: Self::V, b: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $min(a, b) }
                }
                #[inline(always)]
                fn sqrt(self, a: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $sqrt(a) }
                }
                #[inline(always)]
                fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $fma(a, b, c) }
                }
                #[inline(always)]
                fn round(self, a: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $round(a) }
                }
                #[inline(always)]
                fn pow2(self, a: Self::V) -> Self::V {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $cast($slli::<23>($addi($cvt(a), $set1i(127)))) }
                }
                #[inline(always)]
                fn sum(self, a: Self::V) -> f32 {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $sum(a) }
                }
                #[inline(always)]
                fn largest(self, a: Self::V) -> f32 {
                    // SAFETY: `self` proves the instructions.
                    unsafe { $largest(a) }
                }
                #[inline(always)]
                fn lanes(self, a: Self::V) -> [f32; 16] {
                    let mut lanes = [0.0; 16];
                    // SAFETY: `self` proves the instructions; sixteen places hold any vector.
                    unsafe { $store(lanes.as_mut_ptr(), a) };
                    lanes
                }
            }
        };
    }

    implement!(
        Avx512,
        __m512,
        16,
        12,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_div_ps,
        _mm512_max_ps,
        _mm512_min_ps,
        _mm512_sqrt_ps,
        _mm512_fmadd_ps,
        _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>,
        _mm512_set1_epi32,
        _mm512_add_epi32,
        _mm512_slli_epi32,
        _mm512_cvtps_epi32,
        _mm512_castsi512_ps,
        _mm512_reduce_add_ps,
        _mm512_reduce_max_ps
    );
    implement!(
        Avx2,
        __m256,
        8,
        6,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_div_ps,
        _mm256_max_ps,
        _mm256_min_ps,
        _mm256_sqrt_ps,
        _mm256_fmadd_ps,
        _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>,
        _mm256_set1_epi32,
        _mm256_add_epi32,
        _mm256_slli_epi32,
        _mm256_cvtps_epi32,
        _mm256_castsi256_ps,
        sum_of_8,
        largest_of_8
    );
}
