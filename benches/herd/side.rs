//! The operations that the herd needs of a file system.

/// How many threads there are, and files that they open: one each.
pub(crate) const HERD: usize = 10;

/// How large the directory is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// How many names are known to be missing.
    pub(crate) negatives: usize,
    /// How many files there are beside those of the herd.
    pub(crate) children: usize,
}

/// A directory of one of the two sides.
pub(crate) trait Side: Sync {
    /// Its name in the report.
    fn name(&self) -> &str;

    /// How many negative dentries the directory has.
    fn negatives(&self) -> usize;

    /// Opens and closes a file of the herd.
    fn open_close(&self, file: usize);

    /// Lets a watch come, report, and go.
    ///
    /// # Panics
    /// If it did not report what it should, or reported anything else.
    fn watch(&self);

    /// Checks that the directory is as it should be when all is over.
    ///
    /// # Panics
    /// If it is not.
    fn check(&self);
}

/// The names of the herd's files.
pub(crate) fn herd_names() -> Vec<String> {
    (0..HERD).map(|file| format!("herd-{file}")).collect()
}

/// The name of the file that the watch is tried on.
pub(crate) const PROBE: &str = "probe";

/// The name of another file.
pub(crate) fn child_name(number: usize) -> String {
    format!("child-{number}")
}

/// The name, of 20 bytes, of a file that does not exist.
pub(crate) fn missing_name(number: usize) -> String {
    format!("negative-{number:011}")
}
