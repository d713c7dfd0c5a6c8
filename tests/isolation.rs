//! The knowledge of each side, and which object an id names.
//!
//! A guest has a context with a root and a user of its own. What its groups, its paths and its errors
//! tell it is compared with what there is outside: no name, and no sign whether a name exists. Where
//! Linux tells more, this does too, and the tests say exactly what and in which case. Ids and handles
//! of another `Vfs`, and those whose object is gone, are refused.

mod isolation {
    mod events;
    mod foreign;
    mod moves;
    mod paths;
    mod permission;
    pub(crate) mod stage;
    mod stale;
    mod walks;
}
