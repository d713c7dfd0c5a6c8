//! The same operations on a real directory and on the VFS: results, errnos and event streams must be
//! equal, and the VFS is left whole and empty.
//!
//! The operations, the worlds and the comparison are those of `tests/differential`.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::kernel::KernelWorld;
use crate::kernel::folder::{Folder, base};
use crate::random_ops::draw;
use crate::random_ops::profile::Profile;
use crate::random_ops::sequence::Sequence;
use crate::vfs_world::VfsWorld;

#[derive(Debug)]
pub struct Input {
    sequence: Sequence,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Input> {
        draw::sequence(bytes).map(|sequence| Input { sequence })
    }
}

/// The state that all runs of a thread share.
struct Ground {
    /// Where the kernel's worlds are made, each anew.
    folder: Folder,
    /// The operations that are possible there.
    profile: Profile,
}

impl Ground {
    fn new() -> std::io::Result<Ground> {
        let folder = Folder::new(&base())?;
        let profile = Profile::of(&[&KernelWorld::new(folder.path())?, &VfsWorld::beside_kernel()]);
        Ok(Ground { folder, profile })
    }
}

thread_local! {
    /// Removed when the thread ends; after a crash, by the next process.
    static GROUND: std::io::Result<Ground> = Ground::new();
}

/// Why there is no kernel to compare with, or which operations are left out with it.
pub fn skipped() -> std::result::Result<Vec<&'static str>, String> {
    GROUND.with(|ground| match ground {
        Ok(ground) => Ok(ground.profile.lacking().to_vec()),
        Err(error) => Err(format!("no world in {}: {error}", base().display())),
    })
}

pub fn run(input: &Input) {
    let difference = GROUND.with(|ground| {
        let Ground { folder, profile } = ground.as_ref().expect("a kernel to compare with");
        let mut kernel = KernelWorld::new(folder.path()).expect("a directory");
        let mut ours = VfsWorld::beside_kernel();
        let difference = input.sequence.difference(profile, &mut kernel, &mut ours);
        difference.or_else(|| ours.end().err())
    });
    // Outside, so that the directory has gone.
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
}
