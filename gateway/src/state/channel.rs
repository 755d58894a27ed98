//! What clients subscribe to: a closed set, so that anything by channel is an array.

/// What clients subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// All single values.
    Metrics,
    /// The most viewed pages.
    TopContent,
    /// Alerts, as a log.
    Alerts,
    /// How the job does.
    Pipeline,
}

impl Channel {
    /// All channels.
    pub(crate) const ALL: [Self; 4] =
        [Self::Metrics, Self::TopContent, Self::Alerts, Self::Pipeline];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::TopContent => "top_content",
            Self::Alerts => "alerts",
            Self::Pipeline => "pipeline",
        }
    }

    /// The channel of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

/// Something for each channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerChannel<T>([T; 4]);

impl<T> PerChannel<T> {
    /// Made for each.
    pub(crate) fn new(mut make: impl FnMut(Channel) -> T) -> Self {
        Self(Channel::ALL.map(&mut make))
    }

    /// That of a channel.
    pub(crate) fn get(&self, channel: Channel) -> &T {
        &self.0[channel as usize]
    }

    /// That of a channel.
    pub(crate) fn get_mut(&mut self, channel: Channel) -> &mut T {
        &mut self.0[channel as usize]
    }
}
