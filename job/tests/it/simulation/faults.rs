//! Invariants that can be switched off, each where its guard is.

/// What is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Off {
    Nothing,
    /// I1: effects leave before the bindings of their epochs.
    BindFirst,
    /// I2: an older writer goes on beside the newer one.
    OneWriter,
    /// I3: what is computed depends on the number of workers.
    Function,
    /// I4: effects and progress are kept one after the other.
    Together,
    /// I5: a checkpoint is used whether its epoch is committed or not.
    Committed,
    /// I6: the log forgets what a checkpoint needs, and nobody is told.
    StillHeld,
    /// I7: a record is read twice.
    EachOnce,
}

impl Off {
    pub(super) const ALL: [Self; 7] = [
        Self::BindFirst,
        Self::OneWriter,
        Self::Function,
        Self::Together,
        Self::Committed,
        Self::StillHeld,
        Self::EachOnce,
    ];
}
