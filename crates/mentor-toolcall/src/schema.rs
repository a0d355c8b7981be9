//! A call's arguments against its tool's JSON Schema.

use jsonschema::{Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::{ParsedCall, Stage};

/// Objections that are still named one by one.
const MOST_NAMED: usize = 16;

/// Sets the stage of a call of a known tool, and names what the schema objects to.
pub(crate) fn check(validator: &Validator, call: &mut ParsedCall) {
    let arguments = Value::Object(call.arguments().to_map());
    call.stage = Stage::Values;
    for error in validator.iter_errors(&arguments).take(MOST_NAMED) {
        let stage = if is_about_a_value(error.kind()) { Stage::Schema } else { Stage::KnownTool };
        call.stage = call.stage.min(stage);
        call.violations.push(match error.instance_path().as_str() {
            "" => error.to_string(),
            place => format!("{place}: {error}"),
        });
    }
}

/// Whether the value alone is not allowed: its name and type are.
fn is_about_a_value(kind: &ValidationErrorKind) -> bool {
    use ValidationErrorKind as Kind;
    matches!(
        kind,
        Kind::Constant { .. }
            | Kind::Enum { .. }
            | Kind::ExclusiveMaximum { .. }
            | Kind::ExclusiveMinimum { .. }
            | Kind::Format { .. }
            | Kind::MaxItems { .. }
            | Kind::Maximum { .. }
            | Kind::MaxLength { .. }
            | Kind::MinItems { .. }
            | Kind::Minimum { .. }
            | Kind::MinLength { .. }
            | Kind::MultipleOf { .. }
            | Kind::Pattern { .. }
            | Kind::UniqueItems
    )
}
