//! JSON as models write it: read with every deviation named, kept without loss, spelt as Python spells it.

mod build;
mod read;
mod skim;
mod value;
mod write;

pub(crate) use build::build_object;
pub(crate) use read::{
    Halt, MAX_DEPTH, Markers, Members, Reader, SPACE, is_nan_or_infinity, is_word, number,
};
pub(crate) use skim::{Skimmed, skim_call, skim_object};
pub use value::Json;
pub use write::write_json;
pub(crate) use write::{write_object, write_string, write_value};
