//! The fields of an event that are read, and their types.
//!
//! This is the one list of names that mean anything; whatever else an event
//! carries is checked for its grammar and forgotten. Reading goes on after a
//! field of the wrong type, because a fault in the grammar further on outranks
//! it. What is missing, empty or out of range is not judged here.

use super::fault::Fault;
use super::json::{Name, Scanner};
use super::number;
use super::text::Text;

/// What was read of an event, before it is judged.
#[derive(Default)]
pub(super) struct Draft<'a> {
    pub(super) timestamp_ms: Option<i64>,
    pub(super) event_type: Option<Text<'a>>,
    pub(super) user: Option<Text<'a>>,
    pub(super) session: Option<Text<'a>>,
    pub(super) event_id: Option<Text<'a>>,
    pub(super) url: Option<Text<'a>>,
    pub(super) referrer: Option<Text<'a>>,
    /// A number's text, as `value` is.
    pub(super) load_time: Option<&'a str>,
    pub(super) country: Option<Text<'a>>,
    pub(super) city: Option<Text<'a>>,
    pub(super) device: Option<Text<'a>>,
    pub(super) browser: Option<Text<'a>>,
    pub(super) os: Option<Text<'a>>,
    pub(super) user_agent: Option<Text<'a>>,
    /// A number's text: its minor units depend on the currency.
    pub(super) value: Option<&'a str>,
    pub(super) currency: Option<Text<'a>>,
    /// Leaves of the three objects with the wrong type, so far.
    pub(super) bad_leaves: u32,
    /// The first field outside them with the wrong type.
    pub(super) wrong_type: Option<&'static str>,
}

/// Declares the names read in one kind of object.
macro_rules! names {
    ($(#[$doc:meta])* $set:ident { $($field:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        enum $set { $($field),+ }

        impl Name for $set {
            #[inline]
            fn find(name: &[u8]) -> Option<Self> {
                $(if name == $name.as_bytes() { return Some($set::$field); })+
                None
            }

            fn as_str(self) -> &'static str {
                match self { $($set::$field => $name),+ }
            }

            #[inline]
            fn bit(self) -> u8 {
                1 << self as u8
            }
        }
    };
}

names! {
    /// Fields of the event itself.
    Top {
        EventId = "eventId",
        Timestamp = "timestamp",
        EventType = "eventType",
        UserId = "userId",
        SessionId = "sessionId",
        PageViewData = "pageViewData",
        SessionData = "sessionData",
        ConversionData = "conversionData",
    }
}

names! {
    /// Leaves of `pageViewData`.
    PageLeaf { Url = "url", Referrer = "referrer", LoadTime = "pageLoadTime" }
}

names! {
    /// Leaves of `sessionData`.
    SessionLeaf {
        UserAgent = "userAgent",
        Country = "country",
        City = "city",
        Device = "deviceType",
        Browser = "browser",
        Os = "os",
    }
}

names! {
    /// Leaves of `conversionData`.
    MoneyLeaf { Value = "value", Currency = "currency" }
}

impl<'a> Draft<'a> {
    /// Reads the scanner's whole text as an event.
    ///
    /// # Errors
    /// A fault in the grammar, a read field twice, or half a surrogate pair in
    /// a read text; the scanner then stands at it.
    pub(super) fn read(&mut self, scan: &mut Scanner<'a, '_>) -> Result<(), Fault> {
        scan.document(|scan, field| self.top(scan, field))
    }

    /// The wrong type outside the three objects is the event's fault.
    #[inline]
    fn top(&mut self, scan: &mut Scanner<'a, '_>, field: Top) -> Result<(), Fault> {
        let is_right = match field {
            Top::EventId => text_in(scan, &mut self.event_id)?,
            Top::Timestamp => integer_in(scan, &mut self.timestamp_ms)?,
            Top::EventType => text_in(scan, &mut self.event_type)?,
            Top::UserId => text_in(scan, &mut self.user)?,
            Top::SessionId => text_in(scan, &mut self.session)?,
            Top::PageViewData => object_in(scan, |scan, leaf| self.page(scan, leaf))?,
            Top::SessionData => object_in(scan, |scan, leaf| self.session(scan, leaf))?,
            Top::ConversionData => object_in(scan, |scan, leaf| self.money(scan, leaf))?,
        };
        if !is_right {
            self.wrong_type.get_or_insert(field.as_str());
        }
        Ok(())
    }

    /// The wrong type in one of the three objects is only counted, here and in
    /// the two functions below.
    #[inline]
    fn page(&mut self, scan: &mut Scanner<'a, '_>, leaf: PageLeaf) -> Result<(), Fault> {
        let is_right = match leaf {
            PageLeaf::Url => text_in(scan, &mut self.url)?,
            PageLeaf::Referrer => text_in(scan, &mut self.referrer)?,
            PageLeaf::LoadTime => number_in(scan, &mut self.load_time)?,
        };
        self.bad_leaves += u32::from(!is_right);
        Ok(())
    }

    #[inline]
    fn session(&mut self, scan: &mut Scanner<'a, '_>, leaf: SessionLeaf) -> Result<(), Fault> {
        let slot = match leaf {
            SessionLeaf::UserAgent => &mut self.user_agent,
            SessionLeaf::Country => &mut self.country,
            SessionLeaf::City => &mut self.city,
            SessionLeaf::Device => &mut self.device,
            SessionLeaf::Browser => &mut self.browser,
            SessionLeaf::Os => &mut self.os,
        };
        self.bad_leaves += u32::from(!text_in(scan, slot)?);
        Ok(())
    }

    #[inline]
    fn money(&mut self, scan: &mut Scanner<'a, '_>, leaf: MoneyLeaf) -> Result<(), Fault> {
        let is_right = match leaf {
            MoneyLeaf::Value => number_in(scan, &mut self.value)?,
            MoneyLeaf::Currency => text_in(scan, &mut self.currency)?,
        };
        self.bad_leaves += u32::from(!is_right);
        Ok(())
    }
}

// Each of the following gets past one value and says whether it is null or of
// the right type. What it finds it writes to `slot`: to return it would copy it
// several times over, on the hottest path there is.

#[inline]
fn text_in<'a>(scan: &mut Scanner<'a, '_>, slot: &mut Option<Text<'a>>) -> Result<bool, Fault> {
    if scan.peek() != b'"' {
        return skip_odd(scan);
    }
    scan.text(slot)?;
    Ok(true)
}

#[inline]
fn number_in<'a>(scan: &mut Scanner<'a, '_>, slot: &mut Option<&'a str>) -> Result<bool, Fault> {
    if !matches!(scan.peek(), b'-' | b'0'..=b'9') {
        return skip_odd(scan);
    }
    *slot = Some(scan.number()?);
    Ok(true)
}

#[inline]
fn integer_in(scan: &mut Scanner<'_, '_>, slot: &mut Option<i64>) -> Result<bool, Fault> {
    let mut number = None;
    let is_right = number_in(scan, &mut number)?;
    *slot = number.and_then(number::integer);
    Ok(is_right && slot.is_some() == number.is_some())
}

#[inline]
fn object_in<'a, 's, N: Name>(
    scan: &mut Scanner<'a, 's>,
    each: impl FnMut(&mut Scanner<'a, 's>, N) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    if scan.peek() != b'{' {
        return skip_odd(scan);
    }
    scan.object(each)?;
    Ok(true)
}

/// Gets past a value that is null, which is right anywhere, or of the wrong
/// type.
#[cold]
fn skip_odd(scan: &mut Scanner<'_, '_>) -> Result<bool, Fault> {
    let is_null = scan.peek() == b'n';
    scan.skip()?;
    Ok(is_null)
}
