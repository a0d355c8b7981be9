//! Calls put into a template's source where minijinja's fuel does not see what an operation costs.
//!
//! minijinja charges a list literal by its items and a comparison by the items of the outermost list, and it frees,
//! prints and compares values by recursion. A few lines of a hostile template can so build a value that is too deep for the
//! stack or, sharing its parts, larger than any memory. So whatever binds a new container to a name, and whatever
//! compares or sorts one, first weighs it: [`WEIGH`] charges for all it holds, refuses what is too large or too deep, and
//! returns it unchanged.

use std::fmt::Write as _;

use super::{
    TemplateError, TemplateErrorKind,
    tokens::{Kind, Node, depth, tree},
};

/// Returns its first argument, weighed.
pub(super) const WEIGH: &str = "__weigh__";
/// The same for the value of a namespace's attribute, which may not hold a namespace. The second argument is the
/// namespace, so that minijinja knows that a macro around it refers to it.
pub(super) const STORE: &str = "__store__";
/// Returns its argument if Python could iterate it.
pub(super) const EACH: &str = "__each__";
/// Fails as transformers' namespaces do for names that begin with an underscore.
pub(super) const PRIVATE: &str = "__private__";

/// Filters that compare what they are given.
const COMPARING: [&str; 10] =
    ["dictsort", "groupby", "max", "min", "reject", "rejectattr", "select", "selectattr", "sort", "unique"];

/// Tokens that may hang together in one tag: minijinja reads, compiles and frees an expression by recursion.
const MAX_TAG_DEPTH: usize = 600;

/// The tokens of a tag that is not too deep.
fn nodes(inner: &str) -> Result<Vec<Node<'_>>, TemplateError> {
    let Some(nodes) = tree(inner) else {
        let message = format!("the brackets of a tag do not match: {:.80}", inner.trim());
        return Err(TemplateError::new(TemplateErrorKind::Syntax, message));
    };
    if depth(&nodes) > MAX_TAG_DEPTH {
        let message = format!("a tag is nested or chained too deeply: {:.80}", inner.trim());
        return Err(TemplateError::new(TemplateErrorKind::Limit, message));
    }
    Ok(nodes)
}

/// The inside of a `{{ … }}` tag, guarded.
pub(super) fn expression(inner: &str) -> Result<String, TemplateError> {
    let mut out = String::new();
    write_expression(&mut out, &nodes(inner)?);
    out.push(' ');
    Ok(out)
}

/// The inside of a `{% … %}` tag, guarded.
pub(super) fn statement(inner: &str) -> Result<String, TemplateError> {
    let mut out = String::new();
    if let [keyword, rest @ ..] = nodes(inner)?.as_slice() {
        write_node(&mut out, keyword);
        match keyword.text() {
            "for" => write_for(&mut out, rest),
            "set" => write_set(&mut out, rest),
            "with" => write_items(&mut out, rest, Items::Arguments),
            "macro" | "call" => write_signature(&mut out, rest),
            _ => write_expression(&mut out, rest),
        }
    }
    out.push(' ');
    Ok(out)
}

fn write_for(out: &mut String, nodes: &[Node]) {
    let Some(keyword) = nodes.iter().position(|node| node.text() == "in") else {
        return write_raw(out, nodes);
    };
    let (target, rest) = nodes.split_at(keyword + 1);
    let end = rest.iter().position(|node| matches!(node.text(), "if" | "recursive")).unwrap_or(rest.len());
    let (iterable, rest) = rest.split_at(end);
    write_raw(out, target);
    write_call(out, EACH, iterable, "");
    write_expression(out, rest);
}

fn write_set(out: &mut String, nodes: &[Node]) {
    let Some(equals) = nodes.iter().position(|node| node.text() == "=") else {
        return write_raw(out, nodes);
    };
    let (target, value) = nodes.split_at(equals + 1);
    write_raw(out, target);
    match target {
        [_, dot, attribute, _] if dot.text() == "." && attribute.text().starts_with('_') => {
            let _ = write!(out, " {PRIVATE}('{}')", attribute.text());
        }
        [namespace, dot, ..] if dot.text() == "." => write_call(out, STORE, value, namespace.text()),
        _ => write_weighed(out, value),
    }
}

/// `name(parameters)`, then for a call block what it calls.
fn write_signature(out: &mut String, nodes: &[Node]) {
    let parameters = nodes.iter().take(2).position(|node| matches!(node, Node::Group { open: '(', .. }));
    let parameters = parameters.filter(|index| *index == 0 || nodes[0].is_name() && out.ends_with("macro"));
    let Some(index) = parameters else { return write_expression(out, nodes) };
    write_raw(out, &nodes[..index]);
    if let Node::Group { space, nodes: parameters, end, .. } = &nodes[index] {
        out.push_str(space);
        out.push('(');
        write_items(out, parameters, Items::Parameters);
        out.push_str(end);
    }
    write_expression(out, &nodes[index + 1..]);
}

/// What a list of items separated by commas is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Items {
    /// Arguments of a call or assignments of a `with`: each binds a value.
    Arguments,
    /// Parameters of a macro: only defaults are values.
    Parameters,
}

fn write_items(out: &mut String, nodes: &[Node], items: Items) {
    for (index, item) in nodes.split(|node| node.text() == ",").enumerate() {
        if index > 0 {
            out.push(',');
        }
        match item {
            [name, equals, value @ ..] if name.is_name() && equals.text() == "=" => {
                write_raw(out, &item[..2]);
                write_weighed(out, value);
            }
            [star, value @ ..] if matches!(star.text(), "*" | "**") => {
                write_node(out, star);
                write_expression(out, value);
            }
            _ if items == Items::Parameters => write_raw(out, item),
            _ => write_weighed(out, item),
        }
    }
}

/// A value that is about to be bound to a name; one that has a name already was weighed then.
fn write_weighed(out: &mut String, nodes: &[Node]) {
    match nodes {
        [] => {}
        [Node::Token { .. }] => write_raw(out, nodes),
        // A list or dict that stands alone is weighed as such.
        [Node::Group { open: '[' | '{', .. }] => write_expression(out, nodes),
        _ if nodes.iter().all(Node::is_constant) => write_raw(out, nodes),
        _ => write_call(out, WEIGH, nodes, ""),
    }
}

fn write_call(out: &mut String, function: &str, value: &[Node], more: &str) {
    out.push(' ');
    out.push_str(function);
    out.push_str("((");
    write_expression(out, value);
    out.push(')');
    if !more.is_empty() {
        out.push_str(", ");
        out.push_str(more);
    }
    out.push(')');
}

fn is_comparison(node: &Node) -> bool {
    matches!(node.text(), "==" | "!=" | "<" | ">" | "<=" | ">=" | "in")
}

/// Whether a token at this place parts two operands, as against being the name of a test.
fn parts(nodes: &[Node], index: usize) -> bool {
    let before = index.checked_sub(1).map_or("", |before| nodes[before].text());
    let is_test_name = before == "is"
        || before == "not" && index.checked_sub(2).is_some_and(|before| nodes[before].text() == "is");
    let separates = matches!(nodes[index].text(), "," | ":" | "=" | "and" | "or" | "not" | "if" | "else");
    (separates || is_comparison(&nodes[index])) && !is_test_name
}

/// An expression, or several between commas, colons and keywords: the operands of comparisons are weighed.
fn write_expression(out: &mut String, nodes: &[Node]) {
    let mut start = 0;
    let mut compared = false;
    while start <= nodes.len() {
        let end = (start..nodes.len()).find(|index| parts(nodes, *index)).unwrap_or(nodes.len());
        let operand = &nodes[start..end];
        let compares = nodes.get(end).is_some_and(is_comparison);
        let against_literal = |index: usize| nodes.get(index).is_some_and(Node::is_constant);
        let cheap = operand.is_empty()
            || operand.iter().all(Node::is_constant)
            || compares && against_literal(end + 1)
            || compared && start >= 2 && against_literal(start - 2);
        if (compared || compares) && !cheap {
            let _ = write!(out, " {WEIGH}((");
            write_operand(out, operand);
            out.push_str("))");
        } else {
            write_operand(out, operand);
        }
        if let Some(separator) = nodes.get(end) {
            write_node(out, separator);
        }
        compared = compares;
        start = end + 1;
    }
}

fn write_operand(out: &mut String, nodes: &[Node]) {
    for (index, node) in nodes.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &nodes[before]);
        let Node::Group { space, open, nodes: inner, end } = node else {
            if COMPARING.contains(&node.text()) && before.is_some_and(|before| before.text() == "|") {
                let _ = write!(out, " {WEIGH} |");
            }
            write_node(out, node);
            continue;
        };
        let follows_operand = before.is_some_and(|before| match before {
            Node::Token { kind, .. } => *kind != Kind::Operator,
            Node::Group { .. } => true,
        });
        let is_test_argument = *open != '(' && is_test_name(nodes, index);
        let is_tuple = inner.iter().any(|node| node.text() == ",");
        let builds = !follows_operand && (*open != '(' || is_tuple);
        let weigh = builds && !is_test_argument && !node.is_constant();
        if weigh {
            let _ = write!(out, " {WEIGH}(");
        }
        out.push_str(space);
        out.push(*open);
        if follows_operand && *open == '(' {
            write_items(out, inner, Items::Arguments);
        } else {
            write_expression(out, inner);
        }
        out.push_str(end);
        if weigh {
            out.push(')');
        }
    }
}

/// Whether the node at an index is the argument of a test: `is NAME …`.
fn is_test_name(nodes: &[Node], index: usize) -> bool {
    let text = |back: usize| index.checked_sub(back).map_or("", |at| nodes[at].text());
    text(2) == "is" || text(3) == "is" && text(2) == "not"
}

fn write_raw(out: &mut String, nodes: &[Node]) {
    for node in nodes {
        write_node(out, node);
    }
}

fn write_node(out: &mut String, node: &Node) {
    match node {
        Node::Token { space, text, .. } => {
            out.push_str(space);
            out.push_str(text);
        }
        Node::Group { space, open, nodes, end } => {
            out.push_str(space);
            out.push(*open);
            write_raw(out, nodes);
            out.push_str(end);
        }
    }
}
