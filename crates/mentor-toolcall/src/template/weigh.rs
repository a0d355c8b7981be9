//! What a value holds in all: the measure by which a hostile template is stopped; see [`super::guard`].

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{DynObject, Rest, ValueKind},
};

/// Containers within containers that a template may build or be given.
const MAX_DEPTH: usize = 160;

/// Values within a value, counted as often as they occur in it, and 64 bytes of text as one.
const MAX_WEIGHT: usize = 1_000_000;

/// What one unit of fuel pays for.
pub(super) const PER_FUEL: usize = 4;

/// Returns the value after charging for all it holds; what is computed item by item becomes a list.
pub(super) fn weigh(state: &State, value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => {
            let mut left = MAX_WEIGHT;
            take(&value, 0, &mut left)?;
            state.consume_fuel(((MAX_WEIGHT - left) / PER_FUEL) as u64)?;
            let lazy = value.kind() != ValueKind::Map
                && !value.is_tuple()
                && value.downcast_object_ref::<Vec<Value>>().is_none();
            if lazy {
                Ok(Value::from(value.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?))
            } else {
                Ok(value)
            }
        }
        _ => Ok(value),
    }
}

/// [`weigh`], and no namespace: one that held itself would have no end.
pub(super) fn store(state: &State, value: Value, _namespace: Rest<Value>) -> Result<Value, Error> {
    if is_namespace(&value) {
        return Err(inside_namespace());
    }
    weigh(state, value)
}

fn take(value: &Value, depth: usize, left: &mut usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::OutOfFuel, "a value is nested too deeply"));
    }
    if depth > 0 && is_namespace(value) {
        return Err(inside_namespace());
    }
    let cost = 1 + value.as_str().map_or(0, |text| text.len() / 64);
    *left = left.checked_sub(cost).ok_or_else(|| Error::new(ErrorKind::OutOfFuel, "a value is too large"))?;
    match value.kind() {
        ValueKind::Map => {
            for (key, item) in value.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten() {
                take(&key, depth + 1, left)?;
                take(&item, depth + 1, left)?;
            }
        }
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()?.checked() {
                take(&item?, depth + 1, left)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

fn inside_namespace() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a namespace may hold no namespace, nor may a list or dict")
}
