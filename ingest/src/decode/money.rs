//! Amounts of money: the currency, and the value in its minor units.
//!
//! Sums must be exact and the same everywhere, so a value becomes an integer
//! number of minor units here, straight from its decimal text, and no float
//! ever holds money. How many digits a minor unit has is ISO 4217's list, as
//! far as it departs from two. A code need not exist to be a currency.

use super::number::Decimal;

/// What a missing or bad `currency` counts as.
pub(super) const DEFAULT_CURRENCY: [u8; 3] = *b"USD";

/// Three ASCII letters, upper-cased; `None` for any other text.
pub(super) fn currency(text: &str) -> Option<[u8; 3]> {
    let code = <[u8; 3]>::try_from(text.as_bytes()).ok()?;
    code.iter().all(u8::is_ascii_alphabetic).then(|| code.map(|letter| letter.to_ascii_uppercase()))
}

/// A JSON number in minor units of `currency` (upper-case), rounded half away
/// from zero; `None` beyond 64 bits.
pub(super) fn minor_units(number: &str, currency: [u8; 3]) -> Option<i64> {
    Decimal::new(number).scaled(minor_digits(currency))
}

/// The decimal digits between a currency's major and minor unit.
#[must_use]
pub fn minor_digits(currency: [u8; 3]) -> u8 {
    match &currency {
        b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
        | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
        b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
        b"CLF" | b"UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies() {
        for (text, expected) in [
            ("USD", Some(*b"USD")),
            ("eur", Some(*b"EUR")),
            ("XyZ", Some(*b"XYZ")),
            ("", None),
            (" EUR", None),
            ("EURO", None),
            ("EU", None),
            ("E1R", None),
            ("ÄÖÜ", None),
            ("ßa", None),
            ("E\u{212a}", None),
        ] {
            assert_eq!(currency(text), expected, "{text}");
        }
    }

    #[test]
    fn values_in_minor_units() {
        for (number, currency, expected) in [
            ("59.90", b"USD", Some(5990)),
            ("59.9", b"JPY", Some(60)),
            ("1.005", b"KWD", Some(1005)),
            ("-1.00005", b"UYI", Some(-1)),
            ("-1.00005", b"CLF", Some(-10_001)),
            ("-1.00005", b"UYW", Some(-10_001)),
            ("-1.00005", b"TND", Some(-1000)),
            ("-1.00005", b"HUF", Some(-100)),
            ("-1.00005", b"XXX", Some(-100)),
            ("92233720368547758.08", b"USD", None),
            ("92233720368547758.08", b"XPF", Some(92_233_720_368_547_758)),
            ("1e30", b"USD", None),
        ] {
            let actual = minor_units(number, *currency);
            assert_eq!(actual, expected, "{number} {currency:?}");
        }
    }

    #[test]
    fn every_listed_currency_has_its_digits() {
        let listed = [
            (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
            (3, "BHD IQD JOD KWD LYD OMR TND"),
            (4, "CLF UYW"),
            (2, "USD EUR GBP XXX AAA ZZZ CHF HUF"),
        ];
        for (digits, codes) in listed {
            for code in codes.split(' ') {
                assert_eq!(minor_digits(currency(code).unwrap()), digits, "{code}");
            }
        }
    }
}
