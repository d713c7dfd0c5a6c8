//! The table of guarantees, row by row. The README names these tests.
//!
//! - `flags.rs`: G1, G2, G4, G5, G8; `bounds.rs`: G3, G11; `events.rs`: G6, G7, G9, G10, G12.
//! - `endings.rs`: G13; `code.rs`: G14, and that the lock order is checked.

/// The parts.
mod guarantees {
    mod bounds;
    mod code;
    mod endings;
    mod events;
    mod flags;
    mod world;
}
