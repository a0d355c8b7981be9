//! DSML: functions in a `<｜DSML｜function_calls>`, each argument in a tag that says whether it is text or JSON.
//!
//! ```text
//! <｜DSML｜function_calls>
//! <｜DSML｜invoke name="NAME">
//! <｜DSML｜parameter name="KEY" string="true">TEXT</｜DSML｜parameter>
//! <｜DSML｜parameter name="KEY" string="false">JSON</｜DSML｜parameter>
//! </｜DSML｜invoke>
//! </｜DSML｜function_calls>
//! ```
//!
//! Written by `DeepSeek` V3.2; V4 says `tool_calls` for `function_calls`, which is read too. One tag holds all calls of a
//! turn. Where a parameter does not say what it is, its tool's schema does, and that is
//! [named](crate::Fault::UndeclaredType).
//!
//! To the letter: all closing tags there, nothing but whitespace between tags, `string` declared, its JSON valid.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Observed, Read, Scanner, Spec, Unit, Unwritable, Write,
    markup::{Markup, Values},
    write_function,
};
use crate::call::Draft;

const V3: (&str, &str) = ("<｜DSML｜function_calls>", "</｜DSML｜function_calls>");
const V4: (&str, &str) = ("<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>");

const MARKUP: Markup = Markup {
    id: "dsml",
    around: &[V3, V4],
    shared: true,
    function: "<｜DSML｜invoke name=\"",
    function_end: "</｜DSML｜invoke>",
    parameter: "<｜DSML｜parameter name=\"",
    parameter_end: "</｜DSML｜parameter>",
    quoted: true,
    values: Values::Declared,
};

pub(super) static SPEC: Spec = Spec {
    id: MARKUP.id,
    aliases: &[],
    families: "DeepSeek V3.2/V4",
    thinking: ("<think>", "</think>"),
    opens: &[V3.0, V3.1, V4.0, V4.1, MARKUP.function],
    closes: &[V3.1, V4.1, MARKUP.function_end, V3.0, V4.0],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    MARKUP.read(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    MARKUP.write(calls, out)
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    out.push_str("<function_results>");
    for Observed { content, .. } in observed {
        out.push_str("\n<result>");
        out.push_str(content);
        out.push_str("</result>");
    }
    out.push_str("\n</function_results>");
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<functions>");
    for tool in tools {
        out.push('\n');
        write_function(tool, out);
    }
    out.push_str("\n</functions>");
}
