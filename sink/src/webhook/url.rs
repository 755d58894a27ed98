//! The address of a webhook, checked.

use ureq::http::Uri;

/// Where to send to: `http` or `https`, a host, and nothing that is never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

/// Why an address is refused, and the nearest that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlRefusal {
    /// The reason, as a lower-case fragment.
    pub reason: &'static str,
    /// What was probably meant.
    pub nearest: Option<String>,
}

impl Url {
    /// Reads an address.
    ///
    /// # Errors
    /// If nothing can be sent there, or it has something that would not be sent.
    pub fn parse(text: &str) -> Result<Self, UrlRefusal> {
        let refused = |reason, nearest: Option<String>| {
            // What is said to be valid is valid, and not the same.
            let nearest = nearest.filter(|n| n != text && Self::parse(n).is_ok());
            Err(UrlRefusal { reason, nearest })
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            let plain: String = text.split_whitespace().collect();
            return refused(
                "it has blanks, or characters that must be percent-encoded",
                Some(plain),
            );
        }
        if let Some((before, _)) = text.split_once('#') {
            return refused("what follows `#` is never sent", Some(before.to_owned()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let rest = text.trim_start_matches(['/', ':']);
            return refused(
                "it does not begin with https:// or http://",
                Some(format!("https://{rest}")),
            );
        };
        if !matches!(scheme, "http" | "https") {
            let meant = if scheme.eq_ignore_ascii_case("http") { "http" } else { "https" };
            return refused(
                "it does not begin with https:// or http://",
                Some(format!("{meant}://{rest}")),
            );
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if let Some((_, host)) = authority.rsplit_once('@') {
            let plain = format!("{scheme}://{host}{}", &rest[authority.len()..]);
            return refused("a user or password in it would be shown: use `secret`", Some(plain));
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return refused("it is not a URL such as https://example.com/alerts", None);
        };
        if uri.host().is_none_or(|host| host.is_empty() || host == "[]") {
            return refused("it has no host", None);
        }
        let after_host = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
        if after_host.contains(':') && uri.port_u16().is_none_or(|port| port == 0) {
            return refused("its port is no number from 1 to 65535", None);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its scheme, host and port: what may be told, as paths can be secret.
    #[must_use]
    pub fn origin(&self) -> &str {
        let from = self.0.find("://").map_or(0, |at| at + 3);
        let until = self.0[from..].find(['/', '?']).map_or(self.0.len(), |at| from + at);
        &self.0[..until]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused_with_the_nearest() {
        let good = |text: &str, origin: &str| {
            let url = Url::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!((url.as_str(), url.origin()), (text, origin));
        };
        good("https://example.com", "https://example.com");
        good("http://127.0.0.1:8080/a?b=c", "http://127.0.0.1:8080");
        good("http://[::1]:9/x", "http://[::1]:9");
        good("https://hooks.example.com?key=1", "https://hooks.example.com");
        let bad = |text: &str, reason: &str, nearest: Option<&str>| {
            let refusal = Url::parse(text).expect_err(text);
            assert!(refusal.reason.contains(reason), "{text}: {refusal:?}");
            assert_eq!(refusal.nearest.as_deref(), nearest, "{text}");
        };
        bad("", "does not begin", None);
        bad("example.com/x", "does not begin", Some("https://example.com/x"));
        bad("//example.com", "does not begin", Some("https://example.com"));
        bad("ftp://example.com/x", "does not begin", Some("https://example.com/x"));
        bad("HTTP://example.com", "does not begin", Some("http://example.com"));
        bad("https://", "not a URL", None);
        bad("https:///path", "not a URL", None);
        bad("https://exa mple.com", "blanks", Some("https://example.com"));
        bad(" https://example.com\n", "blanks", Some("https://example.com"));
        bad("https://exämple.com", "percent-encoded", None);
        bad("https://example.com/#x", "never sent", Some("https://example.com/"));
        bad("https://u:p@example.com/x", "secret", Some("https://example.com/x"));
        bad("https://example.com:0/", "port", None);
        bad("https://example.com:99999/", "", None);
        bad("https://example.com:/", "port", None);
    }
}
