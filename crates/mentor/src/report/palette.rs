//! One look an arm, the same in every figure.
//!
//! Colours are CSS variables, so that the page's stylesheet gives them a light and a dark form. They were chosen to
//! stay apart under simulated protanopia, deuteranopia and tritanopia; shapes and labels carry the same
//! information again.

/// Colours for reward parts and kinds of failure.
const CATEGORY_COLORS: usize = 9;

/// The shape of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle pointing up.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A triangle pointing down.
    Wedge,
}

/// How an arm looks.
#[derive(Clone, Debug)]
pub struct Look {
    /// A CSS colour.
    pub color: String,
    /// The shape of its points.
    pub shape: Shape,
}

/// The look of an arm among all arms of the experiment: an untrained one and `mentor` always look the same, the
/// others take theirs by position.
pub fn arm(arms: &[String], name: &str) -> Look {
    const COLORS: [usize; 8] = [1, 2, 4, 5, 6, 7, 8, 9];
    const SHAPES: [Shape; 4] = [Shape::Square, Shape::Triangle, Shape::Wedge, Shape::Circle];
    let fixed = |name: &str| match name {
        "vanilla" | "base" => Some((0, Shape::Circle)),
        "mentor" => Some((3, Shape::Diamond)),
        _ => None,
    };
    let (color, shape) = fixed(name).unwrap_or_else(|| {
        let place = arms.iter().filter(|arm| fixed(arm).is_none()).position(|arm| arm == name).unwrap_or(0);
        (COLORS[place % COLORS.len()], SHAPES[place % SHAPES.len()])
    });
    Look { color: format!("var(--arm-{color})"), shape }
}

/// The colour of the `i`-th reward part or kind of failure.
pub fn category(i: usize) -> String {
    format!("var(--category-{})", i % CATEGORY_COLORS)
}

/// The colour of text on top of it.
pub fn on_category(i: usize) -> String {
    format!("var(--on-category-{})", i % CATEGORY_COLORS)
}
