//! Finding the answer of a response.

use mentor_answer::last_boxed;

#[test]
fn the_last_box_is_the_answer() {
    let cases = [
        (r"It is \boxed{42}.", Some("42")),
        (r"\boxed{1} or rather \boxed{2}", Some("2")),
        (r"\boxed{1} or rather \fbox{2}", Some("2")),
        (r"\fbox{1} or rather \boxed{2}", Some("2")),
        (r"\boxed{\frac{1}{2}}", Some(r"\frac{1}{2}")),
        (r"\boxed{\{1, 2\}}", Some(r"\{1, 2\}")),
        (r"\boxed{\{ x}", Some(r"\{ x")),
        (r"\boxed{a\\}", Some(r"a\\")),
        (r"\boxed{}", Some("")),
        (r"\boxed { 5 }", Some(" 5 ")),
        (r"$$\boxed{5}$$", Some("5")),
        (r"\\boxed{5}", Some("5")),
        (r"\boxed{\boxed{5}}", Some("5")),
        (r"\boxed{größer}", Some("größer")),
        (r"\boxed{5} as \boxed demands", Some("5")),
        (r"\boxed{1} and \boxed{2", None),
        (r"\boxed{1\}", None),
        (r"\boxed 5", None),
        ("boxed{5}", None),
        ("no box", None),
        ("", None),
        ("\\", None),
    ];
    for (text, expected) in cases {
        assert_eq!(last_boxed(text), expected, "{text}");
    }
}
