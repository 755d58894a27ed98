//! The fields of an event that are read.
//!
//! This is the one list of names that mean anything; whatever else an event
//! carries is checked for its grammar and forgotten. How they are read is told
//! in [`draft`](super::draft).

/// The names that are read in one kind of object.
pub(super) trait Name: Copy {
    /// The field of this name, if it is one that is read.
    fn find(name: &[u8]) -> Option<Self>;
    /// The name again.
    fn as_str(self) -> &'static str;
    /// A bit of its own for each name.
    fn bit(self) -> u8;
    /// What its value has to be, and where it goes.
    fn target(self) -> Target;
}

/// What a field's value has to be, if it is not null, and where it goes.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Timestamp,
    Text(TextSlot),
    Number(NumberSlot),
    Object(Group),
}

/// The texts that are read, of the event itself and of its three objects.
#[derive(Clone, Copy, Debug)]
pub(super) enum TextSlot {
    EventId,
    EventType,
    User,
    Session,
    Url,
    Referrer,
    UserAgent,
    Country,
    City,
    Device,
    Browser,
    Os,
    Currency,
}

impl TextSlot {
    pub(super) const COUNT: usize = TextSlot::Currency as usize + 1;
}

/// The numbers that are kept as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum NumberSlot {
    LoadTime,
    /// Its minor units depend on the currency.
    Value,
}

impl NumberSlot {
    pub(super) const COUNT: usize = NumberSlot::Value as usize + 1;
}

/// The objects in an event whose fields are read.
#[derive(Clone, Copy)]
pub(super) enum Group {
    Page,
    Session,
    Money,
}

/// Declares the names read in one kind of object.
macro_rules! names {
    ($(#[$doc:meta])* $set:ident { $($field:ident = $name:literal: $kind:ident$(($slot:expr))?),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) enum $set { $($field),+ }

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

            #[inline]
            fn target(self) -> Target {
                match self { $($set::$field => Target::$kind$(($slot))?),+ }
            }
        }
    };
}

names! {
    /// Fields of the event itself.
    Top {
        EventId = "eventId": Text(TextSlot::EventId),
        Timestamp = "timestamp": Timestamp,
        EventType = "eventType": Text(TextSlot::EventType),
        UserId = "userId": Text(TextSlot::User),
        SessionId = "sessionId": Text(TextSlot::Session),
        PageViewData = "pageViewData": Object(Group::Page),
        SessionData = "sessionData": Object(Group::Session),
        ConversionData = "conversionData": Object(Group::Money),
    }
}

names! {
    /// Leaves of `pageViewData`.
    PageLeaf {
        Url = "url": Text(TextSlot::Url),
        Referrer = "referrer": Text(TextSlot::Referrer),
        LoadTime = "pageLoadTime": Number(NumberSlot::LoadTime),
    }
}

names! {
    /// Leaves of `sessionData`.
    SessionLeaf {
        UserAgent = "userAgent": Text(TextSlot::UserAgent),
        Country = "country": Text(TextSlot::Country),
        City = "city": Text(TextSlot::City),
        Device = "deviceType": Text(TextSlot::Device),
        Browser = "browser": Text(TextSlot::Browser),
        Os = "os": Text(TextSlot::Os),
    }
}

names! {
    /// Leaves of `conversionData`.
    MoneyLeaf {
        Value = "value": Number(NumberSlot::Value),
        Currency = "currency": Text(TextSlot::Currency),
    }
}
