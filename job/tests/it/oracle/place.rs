//! Where a visitor is and comes from: the page of a `url`, the host of a `referrer`.
//!
//! Nothing is normalised but what is written here: no percent-decoding, no `..`, no default ports.

/// The page that a `url` names.
pub(super) fn page(url: &str) -> String {
    let mut path = url;
    if let Some((scheme, rest)) = url.split_once("://") {
        let letters = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphabetic());
        let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if letters && authority_len > 0 {
            path = &rest[authority_len..];
        }
    }
    let path = before(path, &['?', '#']);
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

/// The host that a `referrer` names, `(direct)` or `(other)`.
pub(super) fn referrer(referrer: &str) -> String {
    if referrer.is_empty() {
        return "(direct)".to_owned();
    }
    host(referrer).unwrap_or_else(|| "(other)".to_owned())
}

fn host(referrer: &str) -> Option<String> {
    let (scheme, rest) = referrer.split_once("://")?;
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !well_formed {
        return None;
    }
    let authority = before(rest, &['/', '?', '#']);
    let after_user = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let without_port = match after_user.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => after_user,
    };
    let lower = without_port.to_lowercase();
    let host = lower.strip_prefix("www.").unwrap_or(&lower);
    let allowed =
        !host.is_empty() && !host.contains([' ', '\\', '<', '>', '^', '{', '|', '}', '"', '%']);
    allowed.then(|| host.to_owned())
}

/// What stands before the first of `ends`, or all of it.
fn before<'a>(text: &'a str, ends: &[char]) -> &'a str {
    text.find(ends).map_or(text, |end| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let check = |url: &str, expected: &str| assert_eq!(page(url), expected, "{url}");
        check("/products/laptops", "/products/laptops");
        check("/a?b#c", "/a");
        check("/a#b?c", "/a");
        check("", "/");
        check("?q", "/");
        check("https://shop.example/cart?x", "/cart");
        check("HTTPS://shop.example", "/");
        check("https://shop.example?x", "/");
        check("https:///cart", "https:///cart");
        check("http2://shop.example/cart", "http2://shop.example/cart");
        check("://x/y", "://x/y");
        check("//x/y", "//x/y");
        check("/a?u=http://b/c", "/a");
        check("app://a://b/c", "//b/c");
    }

    #[test]
    fn referrers() {
        let check = |text: &str, expected: &str| assert_eq!(referrer(text), expected, "{text}");
        check("", "(direct)");
        check("https://www.Google.com/search", "google.com");
        check("android-app://com.example", "com.example");
        check("https://user:pw@a@host.example:8080/x", "host.example");
        check("https://host:", "host");
        check("https://host:80:90", "host:80");
        check("https://[::1]:80/", "[::1]");
        check("https://www.www.x", "www.x");
        check("https://www.", "(other)");
        check("https://www", "www");
        check("https://:80", "(other)");
        check("https:///x", "(other)");
        check("https://a b/", "(other)");
        check("https://a%20b/", "(other)");
        check("1http://a", "(other)");
        check("google.com", "(other)");
        check("https://ÄÖ.example", "äö.example");
    }
}
