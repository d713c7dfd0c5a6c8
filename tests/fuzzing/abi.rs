//! Encoded events decode to the typed ones, for any buffer size; arbitrary bytes never panic.

use arbitrary::Arbitrary;
use vfsnotify::inotify::{WatchMask, decode};
use vfsnotify::{ErrorKind, MemFs, Vfs};

#[derive(Arbitrary, Debug)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    names: Vec<[u8; 3]>,
    len: u8,
    sizes: Vec<u16>,
}

pub(crate) fn run(input: &Input) {
    let _ = decode(&input.bytes);

    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let (bytes, typed) = (vfs.inotify(&cx).expect("one"), vfs.inotify(&cx).expect("two"));
    for inotify in [&bytes, &typed] {
        vfs.add_watch(&cx, inotify, "/", WatchMask::ALL_EVENTS).expect("a watch");
    }
    for name in &input.names {
        let path: Vec<u8> = name.iter().cycle().take(usize::from(input.len)).copied().collect();
        let _ = vfs.mkdir(&cx, &path, 0o755);
    }
    let mut decoded = Vec::new();
    let mut sizes = input.sizes.iter().copied().chain(std::iter::repeat(u16::MAX));
    loop {
        let size = sizes.next().map_or(usize::from(u16::MAX), usize::from);
        let mut buf = vec![0; size];
        match bytes.read(&mut buf) {
            Ok(len) => decoded.extend(decode(&buf[..len]).expect("whole events")),
            Err(error) if error.kind() == ErrorKind::Invalid => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    }
    let typed = typed.drain();
    assert_eq!(decoded.len(), typed.len());
    for (decoded, typed) in decoded.iter().zip(&typed) {
        let typed = typed.happened().expect("no overflow");
        assert_eq!(decoded.name, typed.name);
        assert_eq!((decoded.wd, decoded.mask), (typed.wd.as_raw(), typed.mask));
    }
}
