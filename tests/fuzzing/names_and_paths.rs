//! No path, however it is made, leads above the caller's root, and none breaks an invariant.

use arbitrary::Arbitrary;
use vfsnotify::{MemFs, OpenFlags, RenameFlags, Vfs};

#[derive(Arbitrary, Debug)]
pub(crate) struct Input {
    ops: Vec<Op>,
}

#[derive(Arbitrary, Debug)]
enum Op {
    Mkdir(Vec<u8>),
    Symlink(Vec<u8>, Vec<u8>),
    Create(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Unlink(Vec<u8>),
    Rmdir(Vec<u8>),
    Chdir(Vec<u8>),
    Stat(Vec<u8>),
}

/// Few letters, many dots and slashes: paths that mean something.
fn path(bytes: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| match byte % 8 {
        0 | 1 => b'/',
        2..=4 => b'.',
        5 => b'a',
        6 => b'b',
        _ => *byte,
    };
    bytes.iter().map(letter).collect()
}

pub(crate) fn run(input: &Input) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let outside = vfs.context();
    vfs.mkdir(&outside, "/jail", 0o755).expect("a directory");
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    drop(vfs.open(&outside, "/secret", flags, 0o600).expect("a file"));
    let secret = vfs.stat(&outside, "/secret").expect("it is there").ino;
    let mut cx = outside.clone().with_root(&vfs, "/jail").expect("a root");
    cx.chdir(&vfs, "/").expect("the root");
    for op in &input.ops {
        let _ = match op {
            Op::Mkdir(at) => vfs.mkdir(&cx, path(at), 0o755),
            Op::Symlink(target, at) => vfs.symlink(&cx, path(target), path(at)),
            Op::Create(at) => vfs.open(&cx, path(at), flags, 0o644).map(drop),
            Op::Rename(from, to) => vfs.rename(&cx, path(from), path(to), RenameFlags::empty()),
            Op::Unlink(at) => vfs.unlink(&cx, path(at)),
            Op::Rmdir(at) => vfs.rmdir(&cx, path(at)),
            Op::Chdir(at) => cx.chdir(&vfs, path(at)),
            Op::Stat(at) => vfs.stat(&cx, path(at)).map(|found| {
                assert_ne!(found.ino, secret, "a path led above the root");
            }),
        };
    }
    vfs.verify().expect("the invariants");
    assert_eq!(vfs.list(&outside, "/").expect("the root").len(), 2, "something is outside");
}
