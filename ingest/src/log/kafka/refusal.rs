//! What a client says when brokers do not let it in, or it does not trust them, and what is
//! to be done about it.
//!
//! Clients say it in words: the codes tell neither which side it is nor what is wrong.

/// What is to be done about it.
const USER: &str = "see whether `kafka.username` and `kafka.password` are right, and the user was made for `kafka.mechanism`";
const MECHANISM: &str = "take one of these as `kafka.mechanism`";
const BROKER: &str = "`kafka.ca_file` must have the authority of the brokers' certificates, and these the hosts by which brokers are reached";
const CLIENT: &str = "the brokers want a certificate of an authority that they trust: see `kafka.cert_file` and `kafka.key_file`";
const PROTOCOL: &str = "if brokers run, see whether `kafka.security` is what they want there";
const OTHER: &str = "see `kafka.security`, and what it needs";

/// What a client has said, with what to do about it, and whether a broker was there and one
/// of the two refused the other; `is_coded` if the client's code says so.
///
/// Who closes a connection without a word may want another protocol, or just end.
pub(super) fn told(text: &str, is_coded: bool) -> (String, bool) {
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let (advice, is_refusal) = if has(&["transport failure", "timed out"]) && has(&["SASL"]) {
        // It was lost on the way, and nobody refused anything.
        (PROTOCOL, false)
    } else if has(&["mechanism handshake failed"]) {
        (MECHANISM, true)
    } else if has(&["uthentication", "SASL"]) {
        (USER, true)
    } else if has(&["SSL alert", "client SSL authentication"]) {
        (CLIENT, true)
    } else if has(&["verif", "hostname mismatch"]) {
        (BROKER, true)
    } else if is_without_a_word(text) || has(&["PLAINTEXT broker listener"]) {
        (PROTOCOL, false)
    } else if is_coded {
        (OTHER, true)
    } else {
        return (text.to_owned(), false);
    };
    // The client goes on with its own names of settings.
    let text = text.split_once(", verify that ssl").map_or(text, |(text, _)| text);
    (format!("{text}: {advice}"), is_refusal)
}

/// Whether it is said of a broker that it closed a connection, and not why.
pub(super) fn is_without_a_word(text: &str) -> bool {
    let starts = ["Send failed", "Receive failed", "Disconnected"];
    text.ends_with("brokers are down") || starts.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_let_in_is_told_what_to_do() {
        let check = |text: &str, advice: &str, is_refusal| {
            assert_eq!(told(text, false), (format!("{text}: {advice}"), is_refusal));
        };
        let lost = "SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported mechanisms: (n/a)";
        check(lost, PROTOCOL, false);
        check(
            "SASL authentication error: Authentication failed: Invalid username or password",
            USER,
            true,
        );
        check(
            "SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN",
            MECHANISM,
            true,
        );
        check("error:0A000086:SSL routines::certificate verify failed", BROKER, true);
        check(
            "Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42",
            CLIENT,
            true,
        );
        check(
            "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?",
            PROTOCOL,
            false,
        );
        check("1/1 brokers are down", PROTOCOL, false);
        check("Send failed: Broken pipe", PROTOCOL, false);
    }

    #[test]
    fn a_broker_that_is_away_is_no_refusal() {
        let text = "Connect to ipv4#127.0.0.1:1 failed: Connection refused";
        assert_eq!(told(text, false), (text.to_owned(), false));
        assert!(told("what no version has said yet", true).1);
    }

    #[test]
    fn the_names_of_others_settings_are_left_out() {
        let (text, _) =
            told("certificate verify failed: it is, verify that ssl.ca.location is", true);
        assert_eq!(text, format!("certificate verify failed: it is: {BROKER}"));
    }
}
