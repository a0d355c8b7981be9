use proptest::prelude::*;

use super::{Admission, First, PARKING_SLOTS, Queue};

/// One episode for each entry; the prompt of an episode is its group's number.
fn queue(groups: &[usize], slots: usize) -> Queue {
    let prompts: Vec<[u32; 1]> = groups.iter().map(|&group| [group as u32]).collect();
    let playable = groups.iter().zip(&prompts).enumerate();
    Queue::new(playable.map(|(episode, (&group, prompt))| (episode, group, prompt.as_slice())), slots)
}

fn seats(admission: &Admission) -> Vec<(usize, usize, usize)> {
    admission.newcomers.iter().map(|n| (n.episode, n.slot, n.home)).collect()
}

#[test]
fn a_group_is_forked_from_one_home_which_its_last_member_takes_over() {
    let mut queue = queue(&[5, 5, 5], 8);
    let admission = queue.admit();
    assert_eq!(admission.prefills, [(0, 0)]);
    assert_eq!(seats(&admission), [(0, 1, 0), (1, 2, 0), (2, 0, 0)]);
    assert!(queue.admit().newcomers.is_empty());
}

#[test]
fn a_prompt_stays_parked_while_its_group_waits() {
    let mut queue = queue(&[1; 10], 8);
    let admission = queue.admit();
    assert_eq!((admission.newcomers.len(), queue.parked()), (7, Some(0)));
    queue.leave(3);
    let admission = queue.admit();
    assert!(admission.prefills.is_empty());
    assert_eq!(seats(&admission), [(7, 3, 0)]);
    assert_eq!(admission.newcomers[0].first, First::Parked);
    queue.leave(4);
    queue.leave(3);
    let admission = queue.admit();
    assert_eq!(seats(&admission), [(8, 3, 0), (9, 0, 0)], "the last one takes the home");
    assert_eq!(queue.parked(), None);
}

#[test]
fn with_few_slots_every_slot_plays() {
    let mut queue = queue(&[1; 3], 1);
    for member in 0..3 {
        let admission = queue.admit();
        assert_eq!(admission.prefills, [(0, member)]);
        assert_eq!(seats(&admission), [(member, 0, 0)]);
        queue.leave(0);
    }
}

#[test]
fn equal_groups_with_different_prompts_share_nothing() {
    let admission = Queue::new([(0, 1, &[7][..]), (1, 1, &[8])].into_iter(), 8).admit();
    assert_eq!(admission.prefills, [(0, 0), (1, 1)]);
}

proptest! {
    /// Whatever leaves when, every episode is seated once, in a slot nobody holds, with its prompt at home.
    #[test]
    fn everybody_is_seated_once_and_nobody_shares_a_slot(
        groups in prop::collection::vec(0_usize..5, 0..40),
        slots in 1_usize..20,
        leaving in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
            let mut queue = queue(&groups, slots);
        let mut holder: Vec<Option<usize>> = vec![None; slots];
        let mut seated: Vec<usize> = Vec::new();
        let mut sitting: Vec<usize> = Vec::new();
        let mut leaving = leaving.iter().cycle();
        loop {
            let admission = queue.admit();
            for (slot, episode) in &admission.prefills {
                prop_assert!(!sitting.contains(slot));
                holder[*slot] = Some(groups[*episode]);
            }
            for newcomer in &admission.newcomers {
                prop_assert!(!sitting.contains(&newcomer.slot));
                prop_assert_eq!(holder[newcomer.home], Some(groups[newcomer.episode]));
                holder[newcomer.slot] = holder[newcomer.home];
                sitting.push(newcomer.slot);
                seated.push(newcomer.episode);
            }
            if let Some(parked) = queue.parked() {
                prop_assert!(!sitting.contains(&parked) && slots >= PARKING_SLOTS);
            }
            if sitting.is_empty() {
                break;
            }
            let waits = seated.len() < groups.len();
            prop_assert!(!waits || sitting.len() + usize::from(queue.parked().is_some()) == slots);
            let slot = sitting.swap_remove(leaving.next().unwrap().index(sitting.len()));
            queue.leave(slot);
        }
        seated.sort_unstable();
        prop_assert_eq!(seated, (0..groups.len()).collect::<Vec<_>>());
    }
}
