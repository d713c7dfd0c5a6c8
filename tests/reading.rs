//! Reading an instance: waiting, cancelling, sharing, buffers of every size, watches in the making.

/// The parts.
mod reading {
    mod buffers;
    mod descriptors;
    mod pending;
    mod waiting;
    mod world;
}
