//! The rules of the contract, by table, on whole records.

mod campaigns;
mod fields;
pub(super) mod grammar;
mod malformed;
mod reasons;
mod shapes;

use super::Decoder;

/// The reason and the key of a record, by their names; `"ok"` for an event.
fn judged(value: &[u8]) -> (&'static str, Option<String>) {
    let mut decoder = Decoder::new(1 << 20);
    match decoder.decode(value) {
        Ok(event) => ("ok", Some(event.user.to_owned())),
        Err(rejection) => (rejection.reason.as_str(), rejection.key.map(str::to_owned)),
    }
}

pub(super) fn check(value: impl AsRef<[u8]>, reason: &str, key: &str) {
    let value = value.as_ref();
    let key = (!key.is_empty()).then(|| key.to_owned());
    let shown = String::from_utf8_lossy(&value[..value.len().min(200)]);
    assert_eq!(judged(value), (reason, key), "{shown}");
}

/// An event of which `fields` is the rest.
fn event(fields: &str) -> String {
    format!(r#"{{"timestamp":1,"eventType":"PAGE_VIEW","userId":"u"{fields}}}"#)
}
