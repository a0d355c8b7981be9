//! Prints what each objective does with one over-eager token: `cargo run --release -p mentor-optim --example objectives`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use mentor_optim::{
    AdvantageConfig, Columns, Error, Normalization, Objective, advantages, evaluate, per_token,
};

fn main() -> Result<(), Error> {
    // Four rollouts of one task; the third was right. Rewards of the `mentor` preset.
    let group = advantages(&[0.10, 0.16, 1.10, 0.10], 4, &AdvantageConfig::grpo());
    let sequences = [0, 2, 4, 9, 11];
    let tokens = per_token(&group.values, &sequences);
    let old: Vec<f32> = (0..11).map(|t| -0.3 - 0.1 * t as f32).collect();
    // The policy has moved: every token of the right rollout is likelier by now, its first one by far.
    let mut now = old.clone();
    for (t, logprob) in now[4..9].iter_mut().enumerate() {
        *logprob += if t == 0 { 0.25 } else { 0.05 };
    }
    println!("advantages {:.3?}, {} groups without variance\n", group.values, group.zero_variance_groups);
    println!("{:<14}{:>9}{:>9}  gradient of the right rollout's tokens", "objective", "loss", "clipped");
    let objectives = [
        ("mentor", Objective::mentor()),
        ("grpo", Objective::grpo()),
        ("dr_grpo", Objective::dr_grpo(8.0)),
        ("dapo", Objective::dapo()),
        ("gspo", Objective::gspo()),
        ("cispo_capped", Objective::cispo_capped(1.2)),
    ];
    for (name, objective) in objectives {
        let columns = Columns {
            logprobs: &now,
            old_logprobs: &old,
            reference: Some(&old),
            advantages: &tokens,
            sequences: &sequences,
        };
        let found = evaluate(&objective, &columns, &Normalization::of(&sequences))?;
        let (loss, clipped) = (found.loss, found.stats.clip_fraction);
        println!("{name:<14}{loss:>9.4}{:>8.0}%  {:.3?}", 100.0 * clipped, &found.d_logprobs[4..9]);
    }
    Ok(())
}
