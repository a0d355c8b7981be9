//! What can be wrong with the text of a call.

use mentor_trajectory::Reading;

use crate::Stage;

/// Declares the faults once: variant, name in [`mentor_trajectory::CallRecord::faults`], whether a reading is left.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident;)*) => {
        /// A deviation from the format, by name.
        ///
        /// A *repair* leaves exactly one reading, which an environment may execute; a *refusal* does not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }

        impl Fault {
            /// Every fault, repairs first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name it goes by in records, reports and logs.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Whether one reading is left all the same.
            pub fn is_repair(self) -> bool {
                match self {
                    $(Self::$variant => faults!(@ $kind),)*
                }
            }
        }
    };
    (@ repair) => { true };
    (@ refusal) => { false };
}

faults! {
    /// A comma before a closing bracket.
    TrailingComma = "trailing_comma", repair;
    /// A string or key in single quotes.
    SingleQuotes = "single_quotes", repair;
    /// `True`, `False` or `None`.
    PythonLiteral = "python_literal", repair;
    /// A key without quotes.
    UnquotedKey = "unquoted_key", repair;
    /// `+1`, `.5` or `5.`.
    NumberSpelling = "number_spelling", repair;
    /// A newline, tab or other control character that stands unescaped in a string.
    ControlCharacter = "control_character", repair;
    /// `\'`, which JSON does not know.
    EscapedSingleQuote = "escaped_single_quote", repair;
    /// An escape that the format's language does not know and another one has (`\/` in Python).
    ForeignEscape = "foreign_escape", repair;
    /// A key given twice in one object: the last value counts.
    DuplicateKey = "duplicate_key", repair;
    /// The JSON is complete, the closing marker is not there.
    MissingCloseTag = "missing_close_tag", repair;
    /// The closing marker stands after a complete value where closing brackets are due.
    MissingClosingBracket = "missing_closing_bracket", repair;
    /// More closing brackets than opening ones.
    ExtraClosingBracket = "extra_closing_bracket", repair;
    /// Something else than JSON beside it in the tag (a code fence, a remark).
    TextInTag = "text_in_tag", repair;
    /// Several objects in one tag: each is a call.
    SeveralCallsInTag = "several_calls_in_tag", repair;
    /// A list in the tag: each element is a call.
    ListInTag = "list_in_tag", repair;
    /// The arguments stand under `parameters`.
    ParametersKey = "parameters_key", repair;
    /// No arguments: read as none given.
    NoArguments = "no_arguments", repair;
    /// The arguments are `null`: read as none given.
    NullArguments = "null_arguments", repair;
    /// The arguments are a string that holds the object.
    StringEncodedArguments = "string_encoded_arguments", repair;
    /// A key besides `name` and `arguments`: ignored.
    ExtraKey = "extra_key", repair;
    /// A call where the format has a marker, or nothing but calls, before it.
    BareCall = "bare_call", repair;
    /// Calls that follow each other without what separates them in this format.
    GluedCalls = "glued_calls", repair;
    /// The arguments stand under `arguments` where the format says `parameters`.
    ArgumentsKey = "arguments_key", repair;
    /// `true`, `false` or `null` where the format is Python.
    JsonLiteral = "json_literal", repair;
    /// A tuple: read as a list.
    TupleAsList = "tuple_as_list", repair;
    /// One object where the format has a list of them.
    NoList = "no_list", repair;
    /// The arguments are an object where the format has a string that holds one.
    ArgumentsNotEncoded = "arguments_not_encoded", repair;
    /// What stands between the name and the arguments is not there.
    MissingArgumentsMarker = "missing_arguments_marker", repair;
    /// The call is written as another version of the format writes it.
    SiblingForm = "sibling_form", repair;
    /// The name or the call's identifier is not spelt as the format spells it, but clear.
    NameSpelling = "name_spelling", repair;
    /// A call in another channel than the one the format has for calls.
    WrongChannel = "wrong_channel", repair;
    /// A key in quotes where the format has none.
    QuotedKey = "quoted_key", repair;
    /// A string in JSON's quotes where the format has its own.
    JsonString = "json_string", repair;
    /// A parameter that does not say whether it is text or JSON, as its format does: read by the schema.
    UndeclaredType = "undeclared_type", repair;
    /// A value that is not of the type its parameter declares: kept as a string.
    UntypedValue = "untyped_value", repair;
    /// The text ends inside the call.
    CutOff = "cut_off", refusal;
    /// The closing marker stands where a key or a value is due, or in a string that is never closed.
    UnexpectedCloseTag = "unexpected_close_tag", refusal;
    /// Not JSON in a way that has no name of its own here (a quote inside a string, a missing comma or colon).
    SyntaxError = "syntax_error", refusal;
    /// A tag that opens the next argument stands in a value that nothing closes before it: whether it is text is open.
    TagInValue = "tag_in_value", refusal;
    /// A value that is neither a literal nor quoted.
    UnquotedValue = "unquoted_value", refusal;
    /// `NaN`, `Infinity` or `-Infinity`, which are not JSON and no argument a tool could be given.
    NanOrInfinity = "nan_or_infinity", refusal;
    /// A number too large for a double (`1e999`).
    NumberOutOfRange = "number_out_of_range", refusal;
    /// Something that begins like a number and is none (`007`, `1.2.3`, `1_000`, `3kg`).
    MalformedNumber = "malformed_number", refusal;
    /// An escape that JSON does not know: whether the backslash was meant is open.
    InvalidEscape = "invalid_escape", refusal;
    /// Half of a surrogate pair, which is no character.
    LoneSurrogate = "lone_surrogate", refusal;
    /// Brackets nested deeper than any tool's arguments.
    TooDeep = "too_deep", refusal;
    /// Nothing between the markers.
    EmptyTag = "empty_tag", refusal;
    /// No JSON object between the markers.
    NoObject = "no_object", refusal;
    /// No function between the markers.
    NoFunction = "no_function", refusal;
    /// An argument without a name.
    PositionalArgument = "positional_argument", refusal;
    /// A value that would have to be evaluated: an expression, a nested call, an f-string.
    Expression = "expression", refusal;
    /// A key of a dictionary that is no string.
    KeyNotString = "key_not_string", refusal;
    /// The object has no `name`.
    MissingName = "missing_name", refusal;
    /// The object has several keys where its one key is the name.
    AmbiguousName = "ambiguous_name", refusal;
    /// `name` is no string.
    NameNotString = "name_not_string", refusal;
    /// `name` is the empty string.
    EmptyName = "empty_name", refusal;
    /// The arguments are neither an object nor a string that holds one.
    ArgumentsNotObject = "arguments_not_object", refusal;
    /// Both `arguments` and `parameters` are given.
    ConflictingArguments = "conflicting_arguments", refusal;
    /// A closing marker without an opening one.
    MissingOpenTag = "missing_open_tag", refusal;
}

/// Faults in the order they were met, each kind once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults(Vec<Fault>);

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// Takes back what is none in a format that allows it.
    pub(crate) fn forgive(&mut self, fault: Fault) {
        self.0.retain(|other| *other != fault);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        for fault in &other.0 {
            self.add(*fault);
        }
    }

    /// How far a call with these faults follows its format; `readable` says whether a name or an argument was read.
    pub(crate) fn reading(&self, readable: bool) -> Reading {
        if self.0.is_empty() {
            Reading::Strict
        } else if self.0.iter().all(|fault| fault.is_repair()) {
            Reading::Repaired
        } else if readable {
            Reading::Recoverable
        } else {
            Reading::Unusable
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// Whether reading stopped before the end of the call.
    pub(crate) fn halted(&self) -> bool {
        use Fault::{
            AmbiguousName, ArgumentsNotObject, ConflictingArguments, EmptyName, MissingName, NameNotString,
        };
        let of_the_whole =
            [AmbiguousName, ArgumentsNotObject, ConflictingArguments, EmptyName, MissingName, NameNotString];
        self.0.iter().any(|fault| !fault.is_repair() && !of_the_whole.contains(fault))
    }

    /// How far a call with these faults came, without a look at any tool.
    pub(crate) fn stage(&self, named: bool) -> Stage {
        if self.halted() {
            Stage::Marker
        } else if named {
            Stage::Name
        } else {
            Stage::Syntax
        }
    }

    pub(crate) fn list(self) -> Vec<Fault> {
        self.0
    }
}
