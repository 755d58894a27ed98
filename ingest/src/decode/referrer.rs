//! The site a visitor came from, out of `referrer`.
//!
//! Only the host is kept: it is what a site owner asks for, it is few values,
//! and a whole referrer can carry somebody's search or session. What is not
//! plainly a host is put under one name, so that junk cannot fill the lists.
//! A host is not checked against any further rule of DNS.

/// What a missing or empty referrer is counted as.
pub(super) const DIRECT: &str = "(direct)";
/// What a referrer without a usable host is counted as.
pub(super) const OTHER: &str = "(other)";

/// The host that `referrer` names, lower-cased and without `www.`.
///
/// `lowered` is written only where the host has to be changed; otherwise the
/// result is a part of `referrer`.
pub(super) fn normalise<'a>(referrer: &'a str, lowered: &'a mut String) -> &'a str {
    if referrer.is_empty() {
        return DIRECT;
    }
    let Some(host) = authority(referrer).map(host) else {
        return OTHER;
    };
    if host.bytes().any(is_forbidden) {
        return OTHER;
    }
    let host = if host.bytes().all(is_lower) { host } else { lower_into(host, lowered) };
    match host.strip_prefix("www.").unwrap_or(host) {
        "" => OTHER,
        host => host,
    }
}

/// What stands between `scheme://` and the next `/`, `?` or `#`.
fn authority(referrer: &str) -> Option<&str> {
    let colon = referrer.bytes().position(|byte| byte == b':')?;
    let (scheme, rest) = referrer.split_at(colon);
    if !is_scheme(scheme.as_bytes()) {
        return None;
    }
    let rest = rest.strip_prefix("://")?;
    let end =
        rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// A letter, then letters, digits, `+`, `-` and `.` (RFC 3986, 3.1).
fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// An authority without its userinfo and its port.
fn host(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let digits = host.bytes().rev().take_while(u8::is_ascii_digit).count();
    host[..host.len() - digits].strip_suffix(':').unwrap_or(host)
}

fn is_forbidden(byte: u8) -> bool {
    matches!(byte, b' ' | b'\\' | b'<' | b'>' | b'^' | b'{' | b'|' | b'}' | b'"' | b'%')
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_uppercase()
}

/// Lower-casing beyond ASCII depends on the neighbours of a letter and may
/// change its length, so it is left to the standard library as a whole.
fn lower_into<'a>(host: &str, lowered: &'a mut String) -> &'a str {
    lowered.clear();
    if host.is_ascii() {
        lowered.push_str(host);
        lowered.make_ascii_lowercase();
    } else {
        lowered.push_str(&host.to_lowercase());
    }
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (referrer, expected) in [
            ("", DIRECT),
            ("https://google.com/search", "google.com"),
            ("https://www.Google.com/search?q=x", "google.com"),
            ("http://google.com:80/", "google.com"),
            ("https://www.H.example:/", "h.example"),
            ("http://h.example", "h.example"),
            ("http://h.example?@x/", "h.example"),
            ("http://h.example#@x/", "h.example"),
            ("https://a b@c.example/", "c.example"),
            ("https://a@b:c@d.example:8/", "d.example"),
            ("https://a:b@/", OTHER),
            ("//google.com/x", OTHER),
            ("google.com", OTHER),
            ("1http://h.example/", OTHER),
            ("://h.example/", OTHER),
            ("ä://h.example/", OTHER),
            ("x_y://h.example/", OTHER),
            ("http:/h.example/", OTHER),
            ("mailto:a@b.example", OTHER),
            ("android-app://com.example/x", "com.example"),
            ("svn+ssh://WWW.h.example/x", "h.example"),
            ("h2.x://h/", "h"),
            ("https:///x", OTHER),
            ("file:///x", OTHER),
            ("http://:80/", OTHER),
            ("http://www./", OTHER),
            ("http://www.:80/", OTHER),
            ("http://WWW./", OTHER),
            ("http://www", "www"),
            ("http://www.www.x/", "www.x"),
            ("http://a:b/", "a:b"),
            ("http://a:1:2/", "a:1"),
            ("http://a1/", "a1"),
            ("http://[::1]:80/", "[::1]"),
            ("http://[::1]/", "[::1]"),
            ("http://::1/", ":"),
            ("http://a:٣/", "a:٣"),
            ("http://h.example:80\n/", "h.example:80\n"),
            ("http://a\tb/", "a\tb"),
            ("http://a b/", OTHER),
            ("http://a%20b/", OTHER),
            ("http://\\xe4.\\xf0/", OTHER),
            ("http://a<b/", OTHER),
            ("http://a>b/", OTHER),
            ("http://a^b/", OTHER),
            ("http://a{b/", OTHER),
            ("http://a|b/", OTHER),
            ("http://a}b/", OTHER),
            ("http://a\"b/", OTHER),
            ("https://MÜNCHEN.example/", "münchen.example"),
            ("https://ΟΔΟΣ/", "οδος"),
            ("https://ΟΔΟΣ:8/", "οδος"),
            ("https://İ.example/", "i\u{307}.example"),
            ("https://www.ü/", "ü"),
        ] {
            let mut lowered = String::from("left over");
            assert_eq!(normalise(referrer, &mut lowered), expected, "{referrer}");
        }
    }
}
