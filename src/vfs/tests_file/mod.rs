//! The open-file half.
