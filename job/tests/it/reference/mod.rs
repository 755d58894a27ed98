//! Plain references beside the operators that are written by hand.
