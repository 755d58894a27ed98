//! The page of a page view, out of its `url`.
//!
//! Page counts would be useless if every query string were a page of its own
//! and if the same page had one name with its host and another without it.
//! Only these two are taken away: the origin, and all from the first `?` or
//! `#` on. Case, `//`, dots and percent-encoding stay as they are. The result
//! is always a part of the text, or `/`.

/// What a page view without a `url` is counted as.
pub(super) const UNKNOWN: &str = "(unknown)";

/// The page that `url` names.
pub(super) fn normalise(url: &str) -> &str {
    let path = without_origin(url);
    let end = path.bytes().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(path.len());
    if end == 0 { "/" } else { &path[..end] }
}

/// `url` from the end of its `letters://host` on; all of it where it does not
/// begin like this.
fn without_origin(url: &str) -> &str {
    let letters = url.bytes().take_while(u8::is_ascii_alphabetic).count();
    if letters == 0 {
        return url;
    }
    let Some(rest) = url[letters..].strip_prefix("://") else {
        return url;
    };
    let host =
        rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    if host == 0 { url } else { &rest[host..] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        for (url, page) in [
            ("", "/"),
            ("/", "/"),
            ("/products/laptops", "/products/laptops"),
            ("/a?b", "/a"),
            ("/a#b?c", "/a"),
            ("?q", "/"),
            ("#top", "/"),
            ("//host.example/x", "//host.example/x"),
            ("mailto:a@b.example", "mailto:a@b.example"),
            ("products/1", "products/1"),
            ("a://b", "/"),
            ("https://h.example/y", "/y"),
            ("HTTPS://h.example:8/y?z", "/y"),
            ("https://h.example?x=/y", "/"),
            ("https://h.example#x", "/"),
            ("https:///x", "https:///x"),
            ("https://", "https://"),
            ("https://?x", "https://"),
            ("file:///x?y", "file:///x"),
            ("android-app://com.example/x", "android-app://com.example/x"),
            ("h2://host/y", "h2://host/y"),
            ("ä://host/y", "ä://host/y"),
            ("://host/y", "://host/y"),
            (" https://h.example/y", " https://h.example/y"),
            ("https://ä/ö?ü", "/ö"),
            ("https:/h/y", "https:/h/y"),
        ] {
            assert_eq!(normalise(url), page, "{url}");
        }
    }
}
