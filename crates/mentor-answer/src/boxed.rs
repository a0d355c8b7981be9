//! Where a response keeps its answer.

/// The content of the last `\boxed{}` or `\fbox{}` of a text; none if there is no box or the last one is never closed.
///
/// The last box is the one that begins last, so of nested boxes it is the innermost. Braces inside it are balanced;
/// `\{` and `\}` are characters, not braces. A command without a brace is no box. The text is to be the final answer
/// alone: prompts, reasoning and observations can hold boxes, too.
pub fn last_boxed(text: &str) -> Option<&str> {
    let open = ["\\boxed", "\\fbox"].into_iter().filter_map(|command| last_open(text, command)).max()?;
    closing_brace(text.as_bytes(), open + 1).map(|close| &text[open + 1..close])
}

/// The position of the last opening brace that follows a command.
fn last_open(text: &str, command: &str) -> Option<usize> {
    text.rmatch_indices(command).find_map(|(at, _)| {
        let after = text[at + command.len()..].trim_start();
        after.starts_with('{').then(|| text.len() - after.len())
    })
}

/// The position of the brace that closes one opened just before `at`.
fn closing_brace(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}
