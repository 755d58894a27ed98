//! What a tracker sends along with every event and nobody here reads: the
//! screen, the language, consent, experiments.

use super::choice;
use super::text::{number, text};
use crate::event::Event;
use crate::random::mix;

pub(super) fn write_context(event: &Event, out: &mut Vec<u8>) {
    let (country, device) = (event.visitor.country(), event.visitor.device());
    let (width, height) = device.screen;
    // The window is smaller than the screen by the browser's own bars.
    let bars = 62 + mix(u64::from(event.session)) % 80;
    text(out, ",\"context\":{\"pixelRatio\":");
    text(out, device.pixel_ratio);
    let fields: [(&str, u64); 5] = [
        (",\"screen\":{\"width\":", width),
        (",\"height\":", height),
        (",\"colorDepth\":24},\"viewport\":{\"width\":", width),
        (",\"height\":", height - bars),
        ("},\"clientHints\":{\"version\":", device.version),
    ];
    for (name, value) in fields {
        text(out, name);
        number(out, value);
    }
    text(out, ",\"mobile\":");
    text(out, if device.kind == "MOBILE" { "true" } else { "false" });
    text(out, ",\"platform\":\"");
    text(out, device.os);
    text(out, "\"},\"language\":\"");
    text(out, country.language);
    text(out, "\",\"timezone\":\"");
    text(out, country.timezone);
    text(out, "\",\"connection\":\"");
    text(out, device.connection);
    text(
        out,
        "\",\"colorScheme\":\"light\",\"reducedMotion\":false,\"consent\":{\"analytics\":true,\"marketing\":",
    );
    text(out, if choice(event) & 1 == 0 { "true" } else { "false" });
    text(out, ",\"version\":\"2023-11\"}},\"experiments\":[");
    for (index, name) in EXPERIMENTS.into_iter().enumerate() {
        text(out, if index == 0 { "{\"name\":\"" } else { ",{\"name\":\"" });
        text(out, name);
        text(out, "\",\"variant\":\"");
        text(out, ["control", "treatment"][choice(event) >> (index + 1) & 1]);
        text(out, "\"}");
    }
    text(out, "]");
}

const EXPERIMENTS: [&str; 5] = [
    "checkout-one-page",
    "free-shipping-banner",
    "recommendations-v3",
    "search-autocomplete",
    "product-video",
];
