//! What can make a value malformed.
//!
//! The words are for whoever reads a dead letter and has to find the producer
//! at fault; nothing is decided by them.

/// Why a value is not an event's JSON, before its fields are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotAnObject,
    Value,
    Name,
    Colon,
    ObjectEnd,
    ArrayEnd,
    Number,
    Literal,
    Control,
    Escape,
    OpenString,
    Trailing,
    Twice,
    HalfPair,
}

impl Fault {
    /// A phrase to be followed by the place.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Fault::NotAnObject => "not a JSON object",
            Fault::Value => "no value where one is due",
            Fault::Name => "no field name where one is due",
            Fault::Colon => "no colon after a field name",
            Fault::ObjectEnd => "neither a comma nor a closing brace after a field",
            Fault::ArrayEnd => "neither a comma nor a closing bracket after an element",
            Fault::Number => "a number without the digits it needs",
            Fault::Literal => "an unknown word",
            Fault::Control => "a bare control character in a string",
            Fault::Escape => "an escape that JSON does not have",
            Fault::OpenString => "a string without its closing quote",
            Fault::Trailing => "something after the object",
            Fault::Twice => "a field twice in its object",
            Fault::HalfPair => "half a surrogate pair",
        }
    }
}
