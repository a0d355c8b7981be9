//! Several teachers' attempts at one task.

use mentor_trajectory::Trajectory;

use crate::{Case, Part, Reward, Score, Teachers, TurnShare, score};

/// The score against the case's teacher and others of the same task, as [`Reward::teachers`] says; against the case's alone
/// if it says nothing.
///
/// The mean keeps a score's form: each part has its mean value (a part that some teachers' scores lack counts as 0
/// there), the first teacher's reason, and the mean of its shares.
pub fn score_with_teachers(reward: &Reward, case: &Case, others: &[Trajectory]) -> Score {
    let first = score(reward, case);
    let Some(teachers) = reward.teachers.filter(|_| !others.is_empty()) else { return first };
    let rest = others.iter().map(|teacher| score(reward, &Case { teacher, ..*case }));
    match teachers {
        Teachers::Best => rest.fold(first, |best, score| if score.total > best.total { score } else { best }),
        Teachers::Mean => mean(&std::iter::once(first).chain(rest).collect::<Vec<_>>()),
    }
}

fn mean(scores: &[Score]) -> Score {
    let mut parts: Vec<Part> = Vec::new();
    for part in scores.iter().flat_map(|score| &score.parts) {
        let share = 1.0 / scores.len() as f64;
        let place = parts.iter().position(|mean| mean.name == part.name).unwrap_or_else(|| {
            parts.push(Part { value: 0.0, shares: Vec::new(), ..part.clone() });
            parts.len() - 1
        });
        let mean = &mut parts[place];
        mean.value += part.value * share;
        for of_turn in &part.shares {
            match mean.shares.iter_mut().find(|known| known.turn == of_turn.turn) {
                Some(known) => known.value += of_turn.value * share,
                None => mean.shares.push(TurnShare { value: of_turn.value * share, ..*of_turn }),
            }
        }
        mean.shares.sort_by_key(|share| share.turn);
    }
    Score::of(parts)
}
