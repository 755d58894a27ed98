//! The page of a view: its address, its title, where the visitor came from and
//! how long it took.

use super::choice;
use super::text::{number, text};
use crate::event::{Action, Event};
use crate::journey::Place;
use crate::random::Random;
use crate::scenario::{Product, SHOP, SOURCES};

pub(super) fn write_page(
    event: &Event,
    product: &Product,
    details: &mut Random,
    out: &mut Vec<u8>,
) {
    let source = &SOURCES[usize::from(event.source)];
    text(out, ",\"pageViewData\":{\"url\":\"");
    write_address(event, product, out);
    if event.action == (Action::View { landing: true }) && !source.campaign.is_empty() {
        text(out, if event.place == Place::Search { "&" } else { "?" });
        text(out, source.campaign);
    }
    text(out, "\",\"title\":\"");
    write_title(event, product, out);
    text(out, "\"");
    // The shop is one page to the browser, so its referrer stays the first.
    if !source.referrer.is_empty() {
        text(out, ",\"referrer\":\"");
        text(out, source.referrer);
        text(out, "\"");
    }
    let load_ms = details.log_normal(f64::from(event.visitor.device().load_ms), 0.45);
    // Some browsers keep their timings to themselves.
    if details.below(100) >= 3 {
        text(out, ",\"pageLoadTime\":");
        number(out, load_ms);
    }
    text(out, "}");
}

fn write_address(event: &Event, product: &Product, out: &mut Vec<u8>) {
    let parts: [&str; 4] = match event.place {
        Place::Home => ["/", "", "", ""],
        Place::Category => ["/products/", product.category.slug, "", ""],
        Place::Product => ["/products/", product.category.slug, "/", &product.slug],
        Place::Search => ["/search?q=", product.category.queries[choice(event) & 3], "", ""],
        Place::Article => ["/blog/", article(event).0, "", ""],
        Place::Cart => ["/cart", "", "", ""],
        Place::Checkout => ["/checkout", "", "", ""],
        Place::Confirmation => ["/checkout/confirmation", "", "", ""],
        Place::Register => ["/account/register", "", "", ""],
    };
    parts.into_iter().for_each(|part| text(out, part));
}

fn write_title(event: &Event, product: &Product, out: &mut Vec<u8>) {
    let title: &str = match event.place {
        Place::Home => "Electronics for everyone",
        Place::Category => product.category.name,
        Place::Product => &product.name,
        Place::Search => "Search results",
        Place::Article => article(event).1,
        Place::Cart => "Your cart",
        Place::Checkout => "Checkout",
        Place::Confirmation => "Thank you for your order",
        Place::Register => "Create an account",
    };
    text(out, title);
    text(out, " - ");
    text(out, SHOP);
}

pub(super) fn write_performance(event: &Event, details: &mut Random, out: &mut Vec<u8>) {
    let base = u64::from(event.visitor.device().load_ms);
    let first_byte = base / 6 + details.below(base / 5);
    let first_paint = first_byte + base / 8 + details.below(base / 6);
    let largest_paint = first_paint + base / 6 + details.below(base / 3);
    let fields: [(&str, u64); 10] = [
        (",\"performance\":{\"dnsLookup\":", details.below(40)),
        (",\"tcpConnect\":", 4 + details.below(60)),
        (",\"tlsHandshake\":", 8 + details.below(80)),
        (",\"timeToFirstByte\":", first_byte),
        (",\"firstContentfulPaint\":", first_paint),
        (",\"largestContentfulPaint\":", largest_paint),
        (",\"domInteractive\":", largest_paint + details.below(base / 4)),
        (",\"longTasks\":", details.below(7)),
        (",\"resources\":", 28 + details.below(60)),
        (",\"transferBytes\":", 180_000 + details.below(1_400_000)),
    ];
    for (name, value) in fields {
        text(out, name);
        number(out, value);
    }
    text(out, "}");
}

/// Whoever reads on reads another one.
fn article(event: &Event) -> (&'static str, &'static str) {
    ARTICLES[(choice(event) + usize::from(event.sequence)) % ARTICLES.len()]
}

/// Names and titles.
const ARTICLES: [(&str, &str); 8] = [
    ("how-to-choose-a-laptop", "How to choose a laptop"),
    ("gift-guide-2023", "Gift guide 2023"),
    ("oled-or-mini-led", "OLED or mini LED?"),
    ("repair-or-replace", "Repair or replace?"),
    ("wifi-6-explained", "Wi-Fi 6 explained"),
    ("headphones-compared", "Seven headphones compared"),
    ("first-camera", "Your first camera"),
    ("quiet-home-office", "A quiet home office"),
];
