//! The sizes of the types with millions of instances, as a table: every change of a size must be
//! intended.

use crate::base::name::Name;
use crate::notify::connector::ConnectorSlot;
use crate::notify::mark::MarkSlot;
use crate::notify::record::inotify::InotifyRecord;
use crate::tree::children::Positive;
use crate::tree::dentry_page::DentryPage;
use crate::tree::directory::DirSlot;
use crate::tree::inode_page::InodePage;

/// A slab's entry: the value, or the index of the next free one and a tag. A type with a niche outside
/// the index, such as a name, needs no tag.
enum SlabEntry<T> {
    #[expect(dead_code, reason = "only its size is looked at")]
    Vacant(usize),
    #[expect(dead_code, reason = "only its size is looked at")]
    Occupied(T),
}

#[test]
fn sizes_are_those_of_the_documentation() {
    // Without the VFS, its locks in an inode are left out.
    let inode = if cfg!(feature = "vfs") { 62 } else { 49 };
    let table: [(&str, usize, usize); 12] = [
        ("a name, inline or not", size_of::<Name>(), 24),
        ("a queued event", size_of::<InotifyRecord>(), 40),
        ("a negative dentry, beside the index", size_of::<Name>(), 24),
        ("a positive entry, beside its dentry's index", size_of::<Positive>(), 32),
        ("a dentry's hot words", DentryPage::default().bytes_per_slot(), 26),
        ("a dentry's place in its slab", size_of::<SlabEntry<()>>(), 16),
        ("an inode's hot words", InodePage::default().bytes_per_slot(), inode),
        ("a mark's hot words", size_of::<MarkSlot>(), 24),
        ("a mark's place in its slab", size_of::<SlabEntry<()>>(), 16),
        ("a connector", size_of::<ConnectorSlot>(), 48),
        ("a connector's place in its slab", size_of::<SlabEntry<()>>(), 16),
        ("a directory's slot", size_of::<DirSlot>(), 320),
    ];
    for (what, size, wanted) in table {
        assert_eq!(size, wanted, "{what}");
    }
}
