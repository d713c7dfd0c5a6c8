//! Listings in pages of any size.

use arbitrary::Arbitrary;
use vfsnotify::{DirEntryBuf, Errno, File, MemFs, OpenFlags, Vfs};

use super::names::NameSpec;

#[derive(Arbitrary, Debug)]
pub(crate) struct Input {
    names: Vec<NameSpec>,
    budgets: Vec<u16>,
    /// Which entry to go back to.
    again: u8,
}

/// `struct linux_dirent64`: a number and an offset of 8 bytes, a length of 2, a type of 1, the name
/// and a NUL, rounded up to 8.
fn size(entry: &DirEntryBuf) -> usize {
    (8 + 8 + 2 + 1 + entry.name.len() + 1).div_ceil(8) * 8
}

/// A page of a listing: it fits the budget, and what comes next would not.
fn page(dir: &File, budget: usize) -> Option<Vec<DirEntryBuf>> {
    let before = dir.position().expect("a directory has one");
    let result = dir.read_dir(budget);
    let after = dir.position().expect("a directory has one");
    let page = match result {
        Ok(page) => page,
        Err(error) => {
            assert_eq!(error.errno(), Errno::EINVAL);
            assert_eq!(before, after, "a budget that is too small moves nothing");
            let next = dir.read_dir(usize::MAX).expect("there is more");
            assert!(size(&next[0]) > budget, "{} bytes are enough for {:?}", budget, next[0]);
            dir.seek(std::io::SeekFrom::Start(before)).expect("back");
            return None;
        }
    };
    let taken: usize = page.iter().map(size).sum();
    assert!(page.iter().all(|entry| entry.size() == size(entry)));
    assert!(taken <= budget, "{taken} of {budget} bytes");
    let rest = dir.read_dir(usize::MAX).expect("to the end");
    if let Some(next) = rest.first() {
        assert!(taken + size(next) > budget, "{taken} of {budget} bytes, and room for {next:?}");
    }
    dir.seek(std::io::SeekFrom::Start(after)).expect("back");
    Some(page)
}

pub(crate) fn check(input: &Input) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let mut made = std::collections::BTreeSet::new();
    for name in input.names.iter().take(40) {
        let name = name.bytes();
        if vfs.mkdir(&cx, &name, 0o755).is_ok() {
            made.insert(name);
        }
    }
    let dir = vfs.open(&cx, "/", OpenFlags::DIRECTORY, 0).expect("the root");
    let whole = dir.read_dir(usize::MAX).expect("all of it");
    let listed = whole.iter().map(|entry| entry.name.clone());
    let dots = [b".".to_vec(), b"..".to_vec()];
    assert!(listed.clone().take(2).eq(dots), "the dots come first");
    assert_eq!(listed.skip(2).collect::<std::collections::BTreeSet<_>>(), made);

    dir.seek(std::io::SeekFrom::Start(0)).expect("the beginning");
    let mut paged = Vec::new();
    // Each budget once, then one that a name of any length fits into.
    let mut budgets = input.budgets.iter().take(60).map(|budget| usize::from(*budget) % 700);
    loop {
        let budget = budgets.next();
        match page(&dir, budget.unwrap_or(280)) {
            Some(page) if page.is_empty() && budget.is_none() => break,
            page => paged.extend(page.unwrap_or_default()),
        }
    }
    assert_eq!(paged, whole, "all of it, once, in order");
    let again = usize::from(input.again) % whole.len();
    dir.seek(std::io::SeekFrom::Start(whole[again].cursor)).expect("a cursor");
    assert_eq!(dir.read_dir(usize::MAX).expect("the rest"), whole[again + 1..]);
}
