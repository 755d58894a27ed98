//! The shop and the world around it: what a visitor can meet or be.
//!
//! Everything here is fixed once it is built: the catalogue by its size, the
//! rest as tables. Texts are kept as they stand in JSON, so that writing an
//! event is copying; none of them needs escaping, which a test holds.
//!
//! It does not decide anything: which of these a visitor gets is drawn in
//! `visitor` and `journey`.

mod catalogue;
mod devices;
mod places;
mod sources;

pub(crate) use catalogue::{Catalogue, Product};
pub(crate) use devices::{DEVICES, Device, FIRST_CRAWLER};
pub(crate) use places::{COUNTRIES, Country};
pub(crate) use sources::SOURCES;

use crate::weighted::Weighted;

/// The name in every title.
pub(crate) const SHOP: &str = "TechStore";

/// The tables with their distributions.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) catalogue: Catalogue,
    /// Product indices; the first is the most popular.
    pub(crate) popularity: Weighted,
    pub(crate) countries: Weighted,
    /// One per country, in the order of [`COUNTRIES`].
    pub(crate) cities: Vec<Weighted>,
    /// People's devices, crawlers left out.
    pub(crate) devices: Weighted,
    pub(crate) sources: Weighted,
}

impl Scenario {
    pub(crate) fn new(pages: u32, skew: f64) -> Self {
        // A city's inhabitants fall off with its place in the list.
        let cities = |country: &Country| {
            Weighted::new((1..=country.cities.len()).map(|rank| 1000 / (rank as u64 + 1)))
        };
        Scenario {
            catalogue: Catalogue::new(pages),
            popularity: Weighted::zipf(pages, skew),
            countries: Weighted::new(COUNTRIES.iter().map(|country| country.weight)),
            cities: COUNTRIES.iter().map(cities).collect(),
            devices: Weighted::new(DEVICES[..FIRST_CRAWLER].iter().map(|device| device.weight)),
            sources: Weighted::new(SOURCES.iter().map(|source| source.weight)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str]) {
        for text in texts {
            let escaped = |c| c == '"' || c == '\\' || u32::from(c) < 0x20;
            assert!(!text.contains(escaped), "{text:?} would need escaping in JSON");
        }
    }

    #[test]
    fn texts_need_no_escaping() {
        for country in COUNTRIES {
            check(&[country.code, country.language, country.timezone]);
            check(country.cities);
        }
        for device in DEVICES {
            check(&[device.user_agent, device.kind, device.browser, device.os]);
            check(&[device.connection, device.pixel_ratio]);
        }
        for source in SOURCES {
            check(&[source.referrer, source.campaign]);
        }
        let catalogue = Catalogue::new(50);
        for index in 0..50 {
            let product = catalogue.product(index);
            check(&[&product.slug, &product.name]);
            check(&[product.category.slug, product.category.name]);
            check(&product.category.queries);
        }
    }

    #[test]
    fn tables_fit_the_bytes_they_are_indexed_with() {
        assert!(COUNTRIES.len() <= 256 && DEVICES.len() <= 256 && SOURCES.len() <= 256);
        assert!(COUNTRIES.iter().all(|country| country.cities.len() <= 256));
        assert!(FIRST_CRAWLER < DEVICES.len());
    }
}
