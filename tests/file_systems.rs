//! The calls that a file system gets, and the defaults of one that implements few: the rules of `FileSystem`.
//!
//! - `minimal.rs`: a file system of five methods, and each default; `layers.rs`: forwarding.
//! - `asked.rs`: the caller of a call, by which handle, with which flags; `caching.rs`: what is asked again.
//! - `attaching.rs`: the sink; `memfs.rs`: what `MemFs` says of itself.

/// The parts.
mod file_systems {
    mod asked;
    mod attaching;
    mod caching;
    mod layers;
    mod memfs;
    mod minimal;
    mod recorder;
}
