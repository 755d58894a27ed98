//! What visitors hold in their hands, and the crawlers that hold nothing.

/// A device with its browser.
#[derive(Debug)]
pub(crate) struct Device {
    /// Its share among people's devices; crawlers are drawn evenly.
    pub(crate) weight: u64,
    /// `DESKTOP`, `MOBILE` or `TABLET`.
    pub(crate) kind: &'static str,
    pub(crate) browser: &'static str,
    /// The browser's major version, as the client hints say it.
    pub(crate) version: u64,
    pub(crate) os: &'static str,
    pub(crate) user_agent: &'static str,
    /// The screen's width and height, in CSS pixels.
    pub(crate) screen: (u64, u64),
    /// Device pixels for one of them.
    pub(crate) pixel_ratio: &'static str,
    pub(crate) connection: &'static str,
    /// The median time a page takes to load, ms.
    pub(crate) load_ms: u32,
}

/// The first entry of [`DEVICES`] that is no person's.
pub(crate) const FIRST_CRAWLER: usize = 18;

macro_rules! device {
    ($weight:literal $kind:ident $browser:literal $version:literal on $os:literal,
     $width:literal x $height:literal @ $ratio:literal, $connection:literal $load:literal ms,
     $agent:literal) => {
        Device {
            weight: $weight,
            kind: stringify!($kind),
            browser: $browser,
            version: $version,
            os: $os,
            user_agent: concat!("Mozilla/5.0 ", $agent),
            screen: ($width, $height),
            pixel_ratio: $ratio,
            connection: $connection,
            load_ms: $load,
        }
    };
}

/// What was in use in December 2023: people's first, then crawlers.
#[rustfmt::skip]
pub(crate) static DEVICES: &[Device] = &[
    device!(230 DESKTOP "Chrome" 120 on "Windows", 1920 x 1080 @ "1", "wifi" 820 ms, "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"),
    device!(70 DESKTOP "Chrome" 120 on "macOS", 1728 x 1117 @ "2", "wifi" 740 ms, "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"),
    device!(16 DESKTOP "Chrome" 119 on "Linux", 2560 x 1440 @ "1", "ethernet" 690 ms, "(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36"),
    device!(60 DESKTOP "Edge" 120 on "Windows", 1536 x 864 @ "1.25", "wifi" 860 ms, "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91"),
    device!(34 DESKTOP "Firefox" 121 on "Windows", 1920 x 1080 @ "1", "ethernet" 840 ms, "(Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0"),
    device!(10 DESKTOP "Firefox" 121 on "Linux", 1920 x 1200 @ "1", "ethernet" 770 ms, "(X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"),
    device!(52 DESKTOP "Safari" 17 on "macOS", 1512 x 982 @ "2", "wifi" 700 ms, "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15"),
    device!(14 DESKTOP "Opera" 105 on "Windows", 1366 x 768 @ "1", "wifi" 980 ms, "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0"),
    device!(170 MOBILE "Safari" 17 on "iOS", 390 x 844 @ "3", "5g" 1150 ms, "(iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1"),
    device!(60 MOBILE "Safari" 16 on "iOS", 375 x 667 @ "2", "4g" 1420 ms, "(iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"),
    device!(24 MOBILE "Chrome" 120 on "iOS", 393 x 852 @ "3", "5g" 1210 ms, "(iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1"),
    device!(150 MOBILE "Chrome" 120 on "Android", 412 x 915 @ "2.625", "4g" 1480 ms, "(Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"),
    device!(38 MOBILE "Chrome" 118 on "Android", 360 x 800 @ "2", "3g" 2350 ms, "(Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Mobile Safari/537.36"),
    device!(36 MOBILE "Samsung Internet" 23 on "Android", 384 x 854 @ "2.8125", "4g" 1520 ms, "(Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36"),
    device!(10 MOBILE "Firefox" 121 on "Android", 412 x 892 @ "2.625", "4g" 1390 ms, "(Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0"),
    device!(34 TABLET "Safari" 17 on "iPadOS", 820 x 1180 @ "2", "wifi" 950 ms, "(iPad; CPU OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1"),
    device!(16 TABLET "Chrome" 120 on "Android", 800 x 1280 @ "1.5", "wifi" 1340 ms, "(Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"),
    device!(8 TABLET "Silk" 112 on "Fire OS", 800 x 1280 @ "1.331", "wifi" 1710 ms, "(Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/112.5.1 like Chrome/112.0.5615.213 Safari/537.36"),
    device!(3 MOBILE "Chrome" 120 on "Android", 412 x 732 @ "2.625", "ethernet" 610 ms, "(Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.109 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    device!(2 DESKTOP "Chrome" 116 on "Windows", 1024 x 768 @ "1", "ethernet" 640 ms, "AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36"),
    device!(1 DESKTOP "Chrome" 119 on "Linux", 1280 x 1024 @ "1", "ethernet" 660 ms, "(compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_come_last() {
        for (index, device) in DEVICES.iter().enumerate() {
            let crawler = device.user_agent.to_ascii_lowercase().contains("bot");
            assert_eq!(crawler, index >= FIRST_CRAWLER, "{}", device.user_agent);
        }
    }
}
