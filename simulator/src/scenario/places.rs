//! Where visitors live: countries with their cities, money, language and clock.

/// Money as a shop writes it.
#[derive(Debug)]
pub(crate) struct Currency {
    pub(crate) code: &'static str,
    /// Digits after the point.
    pub(crate) digits: usize,
    /// Thousandths of its minor unit for one US cent.
    pub(crate) minor_per_cent: u64,
}

/// A country and what goes with it.
#[derive(Debug)]
pub(crate) struct Country {
    pub(crate) code: &'static str,
    /// Its share of all visitors, relative to the others.
    pub(crate) weight: u64,
    pub(crate) currency: Currency,
    pub(crate) language: &'static str,
    pub(crate) timezone: &'static str,
    /// By size.
    pub(crate) cities: &'static [&'static str],
}

const fn money(code: &'static str, digits: usize, minor_per_cent: u64) -> Currency {
    Currency { code, digits, minor_per_cent }
}

const USD: Currency = money("USD", 2, 1_000);
const EUR: Currency = money("EUR", 2, 920);
const GBP: Currency = money("GBP", 2, 790);
const JPY: Currency = money("JPY", 0, 1_420);
const INR: Currency = money("INR", 2, 83_100);
const BRL: Currency = money("BRL", 2, 4_900);
const CAD: Currency = money("CAD", 2, 1_340);
const AUD: Currency = money("AUD", 2, 1_490);
const MXN: Currency = money("MXN", 2, 17_100);
const KRW: Currency = money("KRW", 0, 13_000);
const PLN: Currency = money("PLN", 2, 3_980);
const SEK: Currency = money("SEK", 2, 10_200);
const NOK: Currency = money("NOK", 2, 10_300);
const DKK: Currency = money("DKK", 2, 6_830);
const CHF: Currency = money("CHF", 2, 860);
const TRY: Currency = money("TRY", 2, 29_100);
const ZAR: Currency = money("ZAR", 2, 18_400);
const SGD: Currency = money("SGD", 2, 1_330);
const NZD: Currency = money("NZD", 2, 1_610);
const KWD: Currency = money("KWD", 3, 3_070);
const AED: Currency = money("AED", 2, 3_670);
const CLP: Currency = money("CLP", 0, 8_850);
const NGN: Currency = money("NGN", 2, 905_000);
const TWD: Currency = money("TWD", 2, 31_200);

const fn country(
    code: &'static str,
    weight: u64,
    currency: Currency,
    language: &'static str,
    timezone: &'static str,
    cities: &'static [&'static str],
) -> Country {
    Country { code, weight, currency, language, timezone, cities }
}

/// By weight, roughly as a shop that ships everywhere sees them.
#[rustfmt::skip]
pub(crate) static COUNTRIES: &[Country] = &[
    country("US", 300, USD, "en-US", "America/New_York", &["New York", "Los Angeles", "Chicago", "Houston", "Phoenix", "Seattle", "Denver", "Boston", "Austin", "Miami"]),
    country("DE", 95, EUR, "de-DE", "Europe/Berlin", &["Berlin", "Hamburg", "München", "Köln", "Frankfurt am Main", "Leipzig"]),
    country("GB", 85, GBP, "en-GB", "Europe/London", &["London", "Manchester", "Birmingham", "Glasgow", "Leeds", "Bristol"]),
    country("FR", 65, EUR, "fr-FR", "Europe/Paris", &["Paris", "Lyon", "Marseille", "Toulouse", "Nantes"]),
    country("IN", 60, INR, "en-IN", "Asia/Kolkata", &["Mumbai", "Bengaluru", "Delhi", "Hyderabad", "Chennai", "Pune"]),
    country("JP", 45, JPY, "ja-JP", "Asia/Tokyo", &["Tokyo", "Osaka", "Nagoya", "Fukuoka", "Sapporo"]),
    country("BR", 45, BRL, "pt-BR", "America/Sao_Paulo", &["São Paulo", "Rio de Janeiro", "Brasília", "Belo Horizonte"]),
    country("CA", 42, CAD, "en-CA", "America/Toronto", &["Toronto", "Montréal", "Vancouver", "Calgary"]),
    country("AU", 34, AUD, "en-AU", "Australia/Sydney", &["Sydney", "Melbourne", "Brisbane", "Perth"]),
    country("ES", 32, EUR, "es-ES", "Europe/Madrid", &["Madrid", "Barcelona", "Valencia", "Málaga"]),
    country("IT", 31, EUR, "it-IT", "Europe/Rome", &["Roma", "Milano", "Napoli", "Torino"]),
    country("NL", 28, EUR, "nl-NL", "Europe/Amsterdam", &["Amsterdam", "Rotterdam", "Utrecht"]),
    country("MX", 26, MXN, "es-MX", "America/Mexico_City", &["Ciudad de México", "Guadalajara", "Monterrey"]),
    country("KR", 24, KRW, "ko-KR", "Asia/Seoul", &["Seoul", "Busan", "Incheon"]),
    country("PL", 22, PLN, "pl-PL", "Europe/Warsaw", &["Warszawa", "Kraków", "Wrocław", "Gdańsk"]),
    country("SE", 17, SEK, "sv-SE", "Europe/Stockholm", &["Stockholm", "Göteborg", "Malmö"]),
    country("CH", 14, CHF, "de-CH", "Europe/Zurich", &["Zürich", "Genève", "Basel", "Bern"]),
    country("TR", 14, TRY, "tr-TR", "Europe/Istanbul", &["İstanbul", "Ankara", "İzmir"]),
    country("AT", 12, EUR, "de-AT", "Europe/Vienna", &["Wien", "Graz", "Linz"]),
    country("BE", 12, EUR, "nl-BE", "Europe/Brussels", &["Bruxelles", "Antwerpen", "Gent"]),
    country("ZA", 11, ZAR, "en-ZA", "Africa/Johannesburg", &["Johannesburg", "Cape Town", "Durban"]),
    country("DK", 10, DKK, "da-DK", "Europe/Copenhagen", &["København", "Aarhus"]),
    country("NO", 10, NOK, "nb-NO", "Europe/Oslo", &["Oslo", "Bergen", "Trondheim"]),
    country("SG", 10, SGD, "en-SG", "Asia/Singapore", &["Singapore"]),
    country("TW", 9, TWD, "zh-TW", "Asia/Taipei", &["Taipei", "Kaohsiung"]),
    country("PT", 9, EUR, "pt-PT", "Europe/Lisbon", &["Lisboa", "Porto"]),
    country("FI", 8, EUR, "fi-FI", "Europe/Helsinki", &["Helsinki", "Tampere"]),
    country("IE", 8, EUR, "en-IE", "Europe/Dublin", &["Dublin", "Cork"]),
    country("AE", 7, AED, "ar-AE", "Asia/Dubai", &["Dubai", "Abu Dhabi"]),
    country("NZ", 7, NZD, "en-NZ", "Pacific/Auckland", &["Auckland", "Wellington"]),
    country("CL", 6, CLP, "es-CL", "America/Santiago", &["Santiago", "Valparaíso"]),
    country("NG", 6, NGN, "en-NG", "Africa/Lagos", &["Lagos", "Abuja"]),
    country("GR", 5, EUR, "el-GR", "Europe/Athens", &["Athina", "Thessaloniki"]),
    country("CZ", 5, EUR, "cs-CZ", "Europe/Prague", &["Praha", "Brno"]),
    country("KW", 3, KWD, "ar-KW", "Asia/Kuwait", &["Kuwait City"]),
    country("IS", 2, EUR, "is-IS", "Atlantic/Reykjavik", &["Reykjavík"]),
];
