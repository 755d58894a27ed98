//! How visitors found the shop: where a link was, and which campaign paid for it.

/// One way in.
#[derive(Debug)]
pub(crate) struct Source {
    /// What the browser says it came from; empty is a bookmark or the address
    /// bar.
    pub(crate) referrer: &'static str,
    pub(crate) weight: u64,
    /// The query added to the first page's address, without `?`; may be empty.
    pub(crate) campaign: &'static str,
}

const fn source(referrer: &'static str, weight: u64, campaign: &'static str) -> Source {
    Source { referrer, weight, campaign }
}

/// All ways in.
#[rustfmt::skip]
pub(crate) static SOURCES: &[Source] = &[
    source("", 260, ""),
    source("https://www.google.com/", 240, ""),
    source("https://www.google.com/search", 60, "utm_source=google&utm_medium=cpc&utm_campaign=winter-sale-2023&gclid=EAIaIQobChMIr6"),
    source("https://www.google.de/", 35, ""),
    source("https://www.bing.com/search", 32, ""),
    source("https://duckduckgo.com/", 24, ""),
    source("https://search.yahoo.co.jp/search", 9, ""),
    source("https://l.facebook.com/l.php", 40, "utm_source=facebook&utm_medium=paid-social&utm_campaign=gift-guide&fbclid=IwAR2x"),
    source("https://www.instagram.com/", 36, "utm_source=instagram&utm_medium=paid-social&utm_campaign=gift-guide"),
    source("https://www.youtube.com/", 30, "utm_source=youtube&utm_medium=video&utm_campaign=unboxed"),
    source("https://t.co/k3Vn0Qz7Lw", 22, ""),
    source("https://www.reddit.com/r/deals/", 22, ""),
    source("https://www.tiktok.com/", 18, "utm_source=tiktok&utm_medium=paid-social&utm_campaign=unboxed"),
    source("https://www.pinterest.com/", 10, ""),
    source("https://news.ycombinator.com/item?id=38717326", 6, ""),
    source("", 60, "utm_source=newsletter&utm_medium=email&utm_campaign=december-week-3"),
    source("android-app://com.google.android.gm/", 18, "utm_source=newsletter&utm_medium=email&utm_campaign=december-week-3"),
    source("https://mail.yahoo.com/d/folders/1", 8, "utm_source=newsletter&utm_medium=email&utm_campaign=december-week-3"),
    source("https://gadget-notes.example/best-laptops-of-the-year", 20, "utm_source=gadget-notes&utm_medium=affiliate&utm_campaign=partner-17"),
    source("https://prices.example/compare/headphones?sort=price", 26, "utm_source=prices&utm_medium=comparison&utm_campaign=feed"),
    source("https://www.coupons.example/techstore", 12, "utm_source=coupons&utm_medium=affiliate&utm_campaign=partner-4&code=XMAS10"),
    source("https://forum.cameras.example:8443/t/4711", 5, ""),
];
