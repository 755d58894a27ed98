//! What the shop sells: categories, and products made from brands and nouns.
//!
//! Products are numbered by popularity and dealt to the categories in turn, so
//! that a category's size follows from the number of products alone.

use crate::random::mix;

/// One department.
#[derive(Debug)]
pub(crate) struct Category {
    /// Its place in the path, as in `/products/laptops`.
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    noun: &'static str,
    /// Prices, US cents, from and to.
    prices: (u64, u64),
    /// What people type to find it, percent-encoded.
    pub(crate) queries: [&'static str; 4],
}

/// One thing on sale, with its own page.
#[derive(Debug)]
pub(crate) struct Product {
    /// The last part of its path.
    pub(crate) slug: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) category: &'static Category,
    /// US cents.
    pub(crate) price: u64,
}

/// All products, by popularity.
#[derive(Debug)]
pub(crate) struct Catalogue {
    products: Vec<Product>,
}

impl Catalogue {
    pub(crate) fn new(pages: u32) -> Self {
        Catalogue { products: (0..pages as usize).map(product).collect() }
    }

    /// `index` is below the number of products.
    pub(crate) fn product(&self, index: u32) -> &Product {
        &self.products[index as usize]
    }
}

fn product(index: usize) -> Product {
    let category = &CATEGORIES[index % CATEGORIES.len()];
    let brand = BRANDS[index / CATEGORIES.len() % BRANDS.len()];
    // The model number makes names unique.
    let name = format!("{brand} {} {}", category.noun, 100 + index);
    let slug = name.to_ascii_lowercase().replace(' ', "-");
    let (low, high) = category.prices;
    // Prices end in 99 or 49 cents, as in any shop.
    let steps = low + mix(index as u64) % (high - low);
    let price = steps / 50 * 50 + 49;
    Product { slug: slug.into(), name: name.into(), category, price }
}

const BRANDS: [&str; 16] = [
    "Aurora", "Nimbus", "Corvus", "Halden", "Okami", "Vireo", "Tessel", "Quanta", "Lumen", "Brisk",
    "Norrland", "Pico", "Ardent", "Kestrel", "Zephyr", "Meridian",
];

const fn category(
    slug: &'static str,
    name: &'static str,
    noun: &'static str,
    prices: (u64, u64),
    queries: [&'static str; 4],
) -> Category {
    Category { slug, name, noun, prices, queries }
}

const CATEGORIES: [Category; 12] = [
    category(
        "laptops",
        "Laptops",
        "Ultrabook",
        (49_900, 229_900),
        ["laptop", "gaming%20laptop", "laptop%2016gb%20ram", "ultrabook%2014%22"],
    ),
    category(
        "phones",
        "Phones",
        "Smartphone",
        (19_900, 129_900),
        ["smartphone", "5g%20phone", "dual%20sim", "phone%20with%20good%20camera"],
    ),
    category(
        "audio",
        "Audio",
        "Headphones",
        (2_900, 39_900),
        ["headphones", "noise%20cancelling", "wireless%20earbuds", "soundbar"],
    ),
    category(
        "tablets",
        "Tablets",
        "Tablet",
        (14_900, 109_900),
        ["tablet", "tablet%20with%20pen", "10%20inch%20tablet", "kids%20tablet"],
    ),
    category(
        "monitors",
        "Monitors",
        "Display",
        (12_900, 89_900),
        ["monitor", "4k%20monitor", "27%20inch%20144hz", "curved%20monitor"],
    ),
    category(
        "cameras",
        "Cameras",
        "Camera",
        (24_900, 249_900),
        ["camera", "mirrorless", "action%20cam", "50mm%20lens"],
    ),
    category(
        "gaming",
        "Gaming",
        "Controller",
        (3_900, 54_900),
        ["controller", "gaming%20chair", "console", "racing%20wheel"],
    ),
    category(
        "accessories",
        "Accessories",
        "Charger",
        (900, 9_900),
        ["usb-c%20cable", "charger%2065w", "phone%20case", "hdmi%202.1"],
    ),
    category(
        "smart-home",
        "Smart Home",
        "Thermostat",
        (1_900, 29_900),
        ["smart%20bulb", "doorbell%20camera", "thermostat", "robot%20vacuum"],
    ),
    category(
        "wearables",
        "Wearables",
        "Watch",
        (4_900, 69_900),
        ["smartwatch", "fitness%20tracker", "running%20watch", "watch%20strap"],
    ),
    category(
        "networking",
        "Networking",
        "Router",
        (3_900, 44_900),
        ["wifi%206%20router", "mesh", "network%20switch", "powerline"],
    ),
    category(
        "storage",
        "Storage",
        "Drive",
        (3_900, 39_900),
        ["ssd%202tb", "external%20drive", "nas", "micro%20sd%20512"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn products_have_unique_paths_and_sane_prices() {
        let catalogue = Catalogue::new(2_000);
        let slugs: BTreeSet<&str> = catalogue.products.iter().map(|p| &*p.slug).collect();
        assert_eq!(slugs.len(), 2_000);
        assert_eq!(&*catalogue.product(0).slug, "aurora-ultrabook-100");
        for product in &catalogue.products {
            let (low, high) = product.category.prices;
            assert!((low..high + 50).contains(&product.price), "{product:?}");
            assert_eq!(product.price % 50, 49);
        }
    }
}
