//! What the words of the page mean.

/// Terms with their definitions, in the order of the page.
pub const DEFINITIONS: &[(&str, &str)] = &[
    (
        "sampled accuracy",
        "Share of rollouts judged correct when tokens are sampled at the evaluation temperature, mean over the samples of \
         each task. The main measure: greedy decoding of a small model hides or exaggerates a habit.",
    ),
    (
        "greedy accuracy",
        "Share of tasks whose one rollout with the most likely token at each place is judged correct.",
    ),
    (
        "correct",
        "Tasks with an answer: the last boxed answer of the final turn equals the expected one. Tasks judged by calls: \
         the executed calls form one of the valid plans and the attempt ended by itself.",
    ),
    (
        "policy-correct",
        "The executed calls form a valid plan for the task, whatever answer was copied from them. Every valid plan \
         counts, not only the teacher’s.",
    ),
    ("generalization", "Unweighted mean of sampled accuracy over the out-of-domain suites."),
    (
        "pass@k",
        "Chance that at least one of k samples of a task is correct, by the unbiased estimator (Chen et al., 2021).",
    ),
    (
        "tool similarity",
        "1 − Jensen–Shannon divergence, base 2, between the counts of called tools of student and teacher, pooled over \
         the samples of a suite, failed ones included; “no call” is a category. 1 is the teacher’s distribution.",
    ),
    ("tool F1", "F1 of the multisets of tool names of student and teacher, mean over samples."),
    (
        "interval",
        "Percentile bootstrap, 95 %: each resample draws seeds and tasks with replacement, the same tasks for every seed. \
         With one seed it is over tasks alone. For generalization tasks are drawn within each suite.",
    ),
    (
        "difference",
        "First arm minus second, paired by task and seed. “No difference shown” means that its interval covers zero, \
         not that the arms are equal.",
    ),
    (
        "p",
        "Two-sided exact sign-flip test over the differences of the seeds; not given with fewer than six seeds.",
    ),
    (
        "share of |advantage|",
        "The part of the learning signal that a reward part is responsible for: its absolute deviations from the group \
         mean, scaled as the group’s advantages are, over the sum for all parts.",
    ),
    (
        "group without variance",
        "All rollouts of a task got the same reward, so none of its tokens is pushed anywhere.",
    ),
    ("KL", "k3 estimate of the divergence from the untrained model, per sampled token, in nats."),
    ("entropy", "Entropy of the policy at the sampled tokens, mean, in nats."),
    (
        "floating-point operations",
        "Estimated from the model’s shape for sampling, reference and training passes; all seeds.",
    ),
];
