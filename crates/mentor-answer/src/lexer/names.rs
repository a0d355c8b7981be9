//! The commands, characters and words the lexer knows.

/// Commands and names that stand for one character here.
#[rustfmt::skip]
pub(super) const MARKS: &[(&str, char)] = &[
    ("cdot", '*'), ("times", '*'), ("ast", '*'), ("div", '/'), ("colon", ':'), ("{", '⦃'), ("}", '⦄'),
    ("lbrace", '⦃'), ("rbrace", '⦄'), ("lvert", '|'), ("rvert", '|'), ("vert", '|'), ("%", '%'), ("$", '$'),
    ("circ", '°'), ("degree", '°'), ("infty", '∞'), ("approx", '≈'), ("simeq", '≈'), ("emptyset", '∅'),
    ("varnothing", '∅'), ("lbrack", '['), ("rbrack", ']'), ("mod", 'm'), ("bmod", 'm'), ("over", '÷'),
    ("dollar", '$'), ("pounds", '£'), ("euro", '€'), ("le", '≤'), ("leq", '≤'), ("leqslant", '≤'), ("ge", '≥'),
    ("geq", '≥'), ("geqslant", '≥'), ("lt", '<'), ("gt", '>'), ("ne", '≠'), ("neq", '≠'), ("in", '∈'), ("cup", '∪'),
    ("cap", '∩'), ("setminus", '∖'), ("backslash", '∖'), ("mid", '|'), ("pm", '±'), ("mp", '∓'), ("langle", '('),
    ("rangle", ')'), ("lfloor", '⌊'), ("rfloor", '⌋'), ("lceil", '⌈'), ("rceil", '⌉'), ("land", '∧'), ("wedge", '∧'),
    ("lor", '∨'), ("vee", '∨'), ("to", '→'), ("rightarrow", '→'), ("equiv", '='), ("&", '&'), ("\\", '⏎'), ("cr", '⏎'),
    ("choose", '⊚'), ("lgroup", '('), ("rgroup", ')'),
];

/// Characters of other scripts and their plain equals.
#[rustfmt::skip]
pub(super) const CHARACTERS: &[(char, char)] = &[
    ('−', '-'), ('–', '-'), ('×', '*'), ('·', '*'), ('⋅', '*'), ('∙', '*'), ('÷', '/'), ('∕', '/'),
    ('⁄', '/'), ('：', ':'), ('，', ','), ('；', ';'), ('（', '('), ('）', ')'), ('％', '%'), ('＝', '='),
    ('≡', '='), ('º', '°'), ('⩽', '≤'), ('⩾', '≥'), ('∨', '∨'), ('⟨', '('), ('⟩', ')'), ('’', '\''),
];

/// Commands without a meaning of their own: spaces, sizes, styles.
#[rustfmt::skip]
pub(super) const LOOKS: &[&str] = &[
    "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl",
    "biggr", "displaystyle", "textstyle", "scriptstyle", "quad", "qquad", "limits", "nolimits", "thinspace",
    "bf", "rm", "it", "sf", "tt", "large", "Large", "LARGE", "huge", "small", "normalsize", "scriptsize", "angle",
    ",", ";", ":", "!", " ", ">", "/", "(", ")", "[", "]",
];

/// Commands whose argument is read as it stands.
#[rustfmt::skip]
pub(super) const WRAPPERS: &[&str] = &[
    "boxed", "fbox", "mathbf", "boldsymbol", "bm", "ensuremath", "mathit", "mathnormal", "vec", "hat",
    "tilde", "widehat", "overrightarrow", "mathcal", "mathop", "mathrel", "underline",
];

/// Commands whose argument is words.
#[rustfmt::skip]
pub(super) const TEXT: &[&str] = &[
    "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mathrm", "mbox", "mathsf",
    "operatorname",
];

#[rustfmt::skip]
pub(super) const GREEK: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota",
    "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi",
    "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell",
];

#[rustfmt::skip]
pub(super) const GREEK_CHARACTERS: &[(char, &str)] = &[
    ('α', "alpha"), ('β', "beta"), ('γ', "gamma"), ('δ', "delta"), ('ε', "epsilon"), ('θ', "theta"),
    ('λ', "lambda"), ('μ', "mu"), ('π', "pi"), ('ρ', "rho"), ('σ', "sigma"), ('τ', "tau"), ('φ', "phi"),
    ('ω', "omega"), ('Δ', "Delta"),
];

/// Runs of letters that mean something in mathematics, whatever stands around them.
#[rustfmt::skip]
pub(crate) const MATH_WORDS: &[&str] = &[
    "sqrt", "pi", "and", "or", "infinity", "inf", "percent", "sin", "cos", "tan", "cot", "sec", "csc",
    "log", "ln", "exp", "max", "min", "gcd", "lcm", "mod", "abs", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "coth", "sech", "csch", "asin", "acos", "atan", "asinh", "acosh", "atanh", "arccot", "arcsec", "arccsc", "arcsinh",
    "arccosh", "arctanh", "floor", "ceil", "det",
];

/// Functions whose argument may follow without a space (`sinx`).
pub(super) const PREFIXES: &[&str] = &["sin", "cos", "tan", "cot", "log", "ln"];

/// Fractions that are one character.
#[rustfmt::skip]
pub(super) const FRACTIONS: &[(char, &str, &str)] = &[
    ('½', "1", "2"), ('⅓', "1", "3"), ('⅔', "2", "3"), ('¼', "1", "4"), ('¾', "3", "4"), ('⅕', "1", "5"), ('⅖', "2", "5"),
    ('⅗', "3", "5"), ('⅘', "4", "5"), ('⅙', "1", "6"), ('⅚', "5", "6"), ('⅛', "1", "8"), ('⅜', "3", "8"), ('⅝', "5", "8"),
    ('⅞', "7", "8"),
];

/// Lowered digits, in the order of what they stand for.
pub(super) const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉";

/// Raised digits, in the order of what they stand for.
pub(super) const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
