//! The closed lists that names are made from, and drawing from a split's share of them.

use mentor_trajectory::Split;

use crate::rng::Rng;
use crate::split::split_of;

/// The syllables of made-up words, a closed set so that a small tokenizer holds them all.
pub const SYLLABLES: [&str; 40] = [
    "da", "di", "do", "du", "ka", "ki", "ko", "ku", "la", "li", "lo", "lu", "ma", "mi", "mo", "mu", "na",
    "ni", "no", "nu", "pa", "pi", "po", "pu", "ra", "ri", "ro", "ru", "sa", "si", "so", "su", "ta", "ti",
    "to", "tu", "va", "vi", "vo", "vu",
];

/// People of the word problems.
pub const PERSONS: [&str; 72] = [
    "Mia", "Tom", "Ana", "Ben", "Eva", "Leo", "Zoe", "Max", "Ida", "Sam", "Amy", "Jim", "Lea", "Dan", "Kim",
    "Ron", "Sue", "Ted", "Liz", "Bob", "Eve", "Ian", "Joy", "Ken", "Meg", "Ned", "Pam", "Ray", "Ruth", "Tim",
    "Una", "Vic", "Wim", "Yan", "Abe", "Bea", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hans", "Iris", "Jane",
    "Karl", "Lars", "Mary", "Noah", "Olga", "Paul", "Rosa", "Sven", "Tess", "Ugo", "Vera", "Walt", "Yuri",
    "Zack", "Alma", "Bert", "Carl", "Dina", "Ella", "Fred", "Gina", "Hugo", "Ines", "Jack", "Kate", "Luis",
    "Nell", "Otto",
];

/// Things that are counted in the word problems (plural).
pub const THINGS: [&str; 60] = [
    "apples", "pears", "books", "cards", "coins", "cups", "eggs", "pens", "nuts", "figs", "plums", "shells",
    "stones", "stamps", "rings", "beads", "balls", "boats", "keys", "hats", "bags", "bells", "bikes",
    "birds", "bolts", "bricks", "buns", "cakes", "cans", "caps", "chairs", "clips", "clocks", "coats",
    "combs", "crabs", "dolls", "drums", "ducks", "fans", "flags", "forks", "frogs", "gems", "goats", "jars",
    "kites", "lamps", "lemons", "limes", "maps", "mugs", "nails", "pies", "pins", "pots", "seeds", "socks",
    "spoons", "toys",
];

/// Words that repeat a syllable are left out, and these: a tool's name, and what means something rude somewhere.
const AVOIDED: [&str; 4] = ["modulo", "puta", "puto", "suka"];

/// An item of `list` that belongs to `split`.
pub(crate) fn listed(list: &'static [&'static str], split: Split, rng: &mut Rng) -> &'static str {
    let mine: Vec<&'static str> =
        list.iter().copied().filter(|word| split_of(&word.to_lowercase()) == split).collect();
    rng.choose(&mine).copied().unwrap_or(list[0])
}

/// A made-up word of `syllables` syllables that belongs to `split`.
pub(crate) fn made_up(syllables: usize, split: Split, rng: &mut Rng) -> String {
    loop {
        let parts: Vec<&str> = (0..syllables).map(|_| rng.pick(SYLLABLES)).collect();
        let word = parts.concat();
        let repeats = parts.windows(2).any(|pair| pair[0] == pair[1]);
        if !repeats && !AVOIDED.contains(&word.as_str()) && split_of(&word) == split {
            return word;
        }
    }
}

/// Draws words that are all different.
pub(crate) struct Names {
    split: Split,
    taken: Vec<String>,
}

impl Names {
    pub(crate) fn new(split: Split) -> Self {
        Self { split, taken: Vec::new() }
    }

    /// A made-up word of two syllables that was not drawn before.
    pub(crate) fn word(&mut self, rng: &mut Rng) -> String {
        self.fresh(2, rng)
    }

    /// A made-up proper name that was not drawn before: two syllables, now and then three.
    pub(crate) fn proper(&mut self, rng: &mut Rng) -> String {
        let syllables = if rng.chance(0.2) { 3 } else { 2 };
        capitalised(&self.fresh(syllables, rng))
    }

    fn fresh(&mut self, syllables: usize, rng: &mut Rng) -> String {
        loop {
            let word = made_up(syllables, self.split, rng);
            if !self.taken.contains(&word) {
                self.taken.push(word.clone());
                return word;
            }
        }
    }
}

/// `text` with its first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
