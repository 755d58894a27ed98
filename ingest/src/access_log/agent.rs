//! Device, browser and system, from what a user agent says of itself.
//!
//! A short rule that knows what most visitors use and says nothing where it does not
//! know. Almost every browser names others that it wants to be taken for, so the order
//! of the names matters: who is named last in this chain of imitation is tried first.

use crate::bots::BotCheck;

/// What a user agent says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agent {
    /// `DESKTOP`, `MOBILE`, `TABLET` or `BOT`.
    pub(super) device: Option<&'static str>,
    pub(super) browser: Option<&'static str>,
    pub(super) os: Option<&'static str>,
}

/// What the user agent has in it, and which browser it is then.
const BROWSERS: [(&str, &str); 23] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPiOS/", "Opera"),
    ("Opera", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("UCBrowser/", "UC Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("SeaMonkey/", "SeaMonkey"),
    ("Iceweasel/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("MSIE ", "IE"),
    ("Trident/", "IE"),
    ("Konqueror/", "Konqueror"),
    ("Android", "Android Browser"),
    ("Safari/", "Safari"),
];

/// The same for systems.
const SYSTEMS: [(&str, &str); 13] = [
    ("Windows Phone", "Windows Phone"),
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iPod", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// Reads a user agent.
pub(super) fn read(user_agent: &str, bots: &mut BotCheck) -> Agent {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| user_agent.contains(part)).map(|(_, name)| *name)
    };
    let os = find(&SYSTEMS);
    let device =
        if bots.is_bot(shortened(user_agent)) { Some("BOT") } else { device(user_agent, os) };
    Agent { device, browser: find(&BROWSERS), os }
}

/// What the search for bots looks at: it takes time, and a longer one is no user agent.
fn shortened(user_agent: &str) -> &str {
    const MOST_BYTES: usize = 2048;
    &user_agent[..user_agent.floor_char_boundary(MOST_BYTES)]
}

fn device(user_agent: &str, os: Option<&str>) -> Option<&'static str> {
    let has = |part| user_agent.contains(part);
    let is_tablet = has("iPad")
        || has("Tablet")
        || has("Kindle")
        || has("Silk/")
        || (has("Android") && !has("Mobile"));
    if is_tablet && !has("Tablet PC") {
        return Some("TABLET");
    }
    if has("Mobile") || has("iPhone") || has("iPod") || has("Windows Phone") || has("Opera Mini") {
        return Some("MOBILE");
    }
    os.map(|_| "DESKTOP")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user_agent: &str, device: &str, browser: &str, os: &str) {
        let agent = read(user_agent, &mut BotCheck::default());
        let said = [agent.device, agent.browser, agent.os].map(|said| said.unwrap_or("-"));
        assert_eq!(said, [device, browser, os], "{user_agent}");
    }

    #[test]
    fn what_most_visitors_use() {
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (given, device, browser, os) in [
            (
                "(Windows NT 10.0; Win64; x64) W Chrome/120.0 Safari/537.36",
                "DESKTOP",
                "Chrome",
                "Windows",
            ),
            (
                "(Windows NT 10.0) W Chrome/120.0 Safari/537.36 Edg/120.0",
                "DESKTOP",
                "Edge",
                "Windows",
            ),
            (
                "(Windows NT 10.0) W Chrome/119.0 Safari/537.36 OPR/105.0",
                "DESKTOP",
                "Opera",
                "Windows",
            ),
            (
                "(X11; CrOS x86_64 14541.0.0) W Chrome/120.0 Safari/537.36",
                "DESKTOP",
                "Chrome",
                "ChromeOS",
            ),
            (
                "(X11; Linux x86_64) W Ubuntu Chromium/30.0 Chrome/30.0 Safari/537.36",
                "DESKTOP",
                "Chromium",
                "Linux",
            ),
            (
                "(Macintosh; Intel Mac OS X 10_15_7) W Version/17.2 Safari/605.1.15",
                "DESKTOP",
                "Safari",
                "macOS",
            ),
            (
                "(iPhone; CPU iPhone OS 17_2 like Mac OS X) W Version/17.2 Mobile/15E148 Safari/604.1",
                "MOBILE",
                "Safari",
                "iOS",
            ),
            (
                "(iPhone; CPU iPhone OS 17_2 like Mac OS X) W CriOS/120.0 Mobile/15E148 Safari/604.1",
                "MOBILE",
                "Chrome",
                "iOS",
            ),
            (
                "(iPad; CPU OS 16_6 like Mac OS X) W Version/16.6 Mobile/15E148 Safari/604.1",
                "TABLET",
                "Safari",
                "iOS",
            ),
            (
                "(Linux; Android 10; K) W Chrome/120.0 Mobile Safari/537.36",
                "MOBILE",
                "Chrome",
                "Android",
            ),
            (
                "(Linux; Android 13; SM-X200) W Chrome/120.0 Safari/537.36",
                "TABLET",
                "Chrome",
                "Android",
            ),
            (
                "(Linux; Android 13; SM-S918B) W SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36",
                "MOBILE",
                "Samsung Internet",
                "Android",
            ),
            (
                "(X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
                "DESKTOP",
                "Firefox",
                "Linux",
            ),
            (
                "(Android 13; Tablet; rv:121.0) Gecko/121.0 Firefox/121.0",
                "TABLET",
                "Firefox",
                "Android",
            ),
            (
                "(Windows NT 6.1; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
                "DESKTOP",
                "IE",
                "Windows",
            ),
            ("(compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)", "DESKTOP", "IE", "Windows"),
        ] {
            check(
                &format!("Mozilla/5.0 {}", given.replace(" W ", &format!(" {WEBKIT} "))),
                device,
                browser,
                os,
            );
        }
    }

    #[test]
    fn who_is_no_visitor_or_says_nothing() {
        check(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "BOT",
            "-",
            "-",
        );
        check("curl/8.5.0", "BOT", "-", "-");
        check("something of my own", "-", "-", "-");
        check(&"ä".repeat(5000), "-", "-", "-");
    }
}
