//! Where a response keeps its answer.

/// The content of the last `\boxed{}` or `\fbox{}` of a text; none if there is no box or the last one is never closed.
///
/// The last box is the one that begins last, so of nested boxes it is the innermost. Braces inside it are balanced;
/// `\{` and `\}` are characters, not braces. A command without a brace is no box. The text is to be the final answer
/// alone: prompts, reasoning and observations can hold boxes, too.
pub fn last_boxed(text: &str) -> Option<&str> {
    let open = last_open(text)?;
    closing_brace(text.as_bytes(), open + 1).map(|close| &text[open + 1..close])
}

/// The position of the last opening brace that follows a command.
fn last_open(text: &str) -> Option<usize> {
    let mut before = text;
    while let Some(at) = before.rfind('\\') {
        let command = &text[at + 1..];
        let behind = command.strip_prefix("boxed").or_else(|| command.strip_prefix("fbox"));
        if let Some(behind) = behind.map(str::trim_start).filter(|behind| behind.starts_with('{')) {
            return Some(text.len() - behind.len());
        }
        before = &text[..at];
    }
    None
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
