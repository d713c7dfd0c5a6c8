//! Contents, modes and times of files, where Linux (6.18, tmpfs) was asked.

use std::io::IoSlice;
use std::time::Duration;

use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Context, Credentials, Errno, FallocateFlags, File, InodeKind, MemFs, OpenFlags, Result,
    TimeSetting, Timestamp, Vfs, XattrMode,
};

/// The most that one call moves.
const MAX_COUNT: usize = 0x7fff_f000;

const NEW: OpenFlags = OpenFlags::READ_WRITE.union(OpenFlags::CREATE);

fn world() -> (Vfs, Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    (vfs, cx)
}

fn special(vfs: &Vfs, cx: &Context, path: &str, kind: InodeKind) -> File {
    vfs.mknod(cx, path, kind, 0o666, 0x103).expect("a special file");
    vfs.open(cx, path, OpenFlags::READ_WRITE, 0).expect("it is there")
}

fn kind<T>(result: Result<T>) -> Option<Errno> {
    result.err().map(|error| error.errno())
}

/// It went on for as long as the file was: years, for one that is all hole.
#[test]
fn one_call_moves_no_more_than_linux_moves() {
    let (vfs, cx) = world();
    let file = vfs.open(&cx, "/f", NEW, 0o644).expect("a file");
    file.truncate(1 << 40).expect("a hole");
    let device = special(&vfs, &cx, "/null", InodeKind::CharDevice);
    assert_eq!(file.sendfile(None, &device, 1 << 40).expect("a part"), MAX_COUNT);
    assert_eq!(file.position().expect("a position"), MAX_COUNT as u64);
}

/// All that the buffers named was copied first, a terabyte if they were the same gigabyte again and again.
#[test]
fn a_gathering_write_copies_no_more_than_it_can_write() {
    let (vfs, cx) = world();
    let fifo = special(&vfs, &cx, "/fifo", InodeKind::Fifo);
    let data = vec![0; 1 << 30];
    let all = vec![IoSlice::new(&data); 1024];
    assert_eq!(fifo.writev(&all).expect("there is room"), 64 << 10);
    assert_eq!(kind(fifo.writev(&all)), Some(Errno::EAGAIN));
}

/// The bits were gone and ATTRIB was queued, though nothing had been done.
#[test]
fn a_failed_allocation_leaves_set_id_bits() {
    let vfs = Vfs::new(MemFs::builder().size_limit(8192).build()).expect("a VFS");
    let cx = vfs.context();
    vfs.mknod(&cx, "/f", InodeKind::Regular, 0o777, 0).expect("a file");
    vfs.chmod(&cx, "/f", 0o4777).expect("a mode");
    let bob = vfs.context().with_credentials(Credentials::new(1000, 1000));
    let file = vfs.open(&bob, "/f", OpenFlags::READ_WRITE, 0).expect("it is there");
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/f", WatchMask::ALL_EVENTS).expect("a watch");
    let allocate = |len| file.fallocate(FallocateFlags::empty(), 0, len);
    assert_eq!(kind(allocate(65_536)), Some(Errno::ENOSPC));
    assert_eq!((file.stat().expect("attributes").mode.bits(), inotify.len()), (0o4777, 0));
    allocate(4096).expect("it fits");
    assert_eq!((file.stat().expect("attributes").mode.bits(), inotify.len()), (0o777, 2));
}

/// The umask took the bit away that says what set-group-id means, before it was looked at.
#[test]
fn a_umask_does_not_let_a_stranger_keep_set_group_id() {
    let (vfs, cx) = world();
    vfs.mkdir(&cx, "/d", 0o777).expect("a directory");
    vfs.chown(&cx, "/d", None, Some(7777)).expect("a group");
    vfs.chmod(&cx, "/d", 0o2777).expect("a mode");
    let bob = vfs.context().with_credentials(Credentials::new(1000, 1000)).with_umask(0o010);
    let file = vfs.open(&bob, "/d/f", NEW, 0o2770).expect("a file");
    let stat = file.stat().expect("attributes");
    assert_eq!((stat.mode.bits(), stat.gid), (0o760, 7777));
    vfs.mknod(&bob, "/d/fifo", InodeKind::Fifo, 0o2770, 0).expect("a fifo");
    assert_eq!(vfs.stat(&cx, "/d/fifo").expect("attributes").mode, 0o760);
}

/// It stayed as it was.
#[test]
fn a_chown_to_the_same_owner_changes_ctime_and_sends_no_event() {
    let (vfs, cx) = world();
    let file = vfs.open(&cx, "/f", NEW, 0o644).expect("a file");
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/f", WatchMask::ALL_EVENTS).expect("a watch");
    let before = file.stat().expect("attributes");
    std::thread::sleep(Duration::from_millis(20));
    file.chown(&cx, None, None).expect("nothing is asked");
    let after = file.stat().expect("attributes");
    assert!(after.ctime > before.ctime && after.mtime == before.mtime);
    assert!(inotify.is_empty());
}

/// A range that was never written was taken for data.
#[test]
fn allocated_unwritten_ranges_are_holes() {
    let (vfs, cx) = world();
    let file = vfs.open(&cx, "/f", NEW, 0o644).expect("a file");
    file.fallocate(FallocateFlags::empty(), 0, 8192).expect("space");
    assert_eq!(file.stat().expect("attributes").blocks, 16);
    assert_eq!(kind(file.seek_data(0)), Some(Errno::ENXIO));
    assert_eq!(file.seek_hole(0).expect("a hole"), 0);
    file.pwrite(b"x", 5000).expect("a write");
    assert_eq!((file.seek_data(0).expect("data"), file.seek_hole(0).expect("a hole")), (4096, 0));
    let mut contents = [1; 8192];
    assert_eq!(file.pread(&mut contents, 0).expect("contents"), 8192);
    assert!(contents.iter().enumerate().all(|(at, byte)| (*byte == b'x') == (at == 5000)));
    assert_eq!(file.stat().expect("attributes").blocks, 16);
}

#[test]
fn impossible_moves_are_refused_as_on_linux() {
    let (vfs, cx) = world();
    let from = vfs.open(&cx, "/from", NEW, 0o644).expect("a file");
    from.write(b"hello").expect("contents");
    let to = vfs.open(&cx, "/to", NEW, 0o644).expect("a file");
    let fifo = special(&vfs, &cx, "/fifo", InodeKind::Fifo);
    let invalid = Some(Errno::EINVAL);
    assert_eq!(kind(from.sendfile(None, &to, usize::MAX)), invalid);
    assert_eq!(kind(from.sendfile(Some(&mut 3), &to, i64::MAX as usize)), invalid);
    assert_eq!(kind(fifo.sendfile(Some(&mut 0), &to, 5)), Some(Errno::ESPIPE));
    let mut end = i64::MAX as u64;
    let copied = from.copy_file_range(None, &to, Some(&mut end), 0);
    assert_eq!(kind(copied), Some(Errno::EFBIG));
    fifo.write(&[1; 70_000]).expect("a part");
    for len in [0, 5] {
        // At the end of the file.
        assert_eq!(kind(from.sendfile(None, &fifo, len)), Some(Errno::EAGAIN));
    }
    let write_only = vfs.open(&cx, "/fifo", OpenFlags::WRITE, 0).expect("a reader is there");
    drop(fifo);
    assert_eq!(kind(from.sendfile(None, &write_only, 5)), Some(Errno::EPIPE));
}

/// All of them were returned.
#[test]
fn names_of_attributes_beyond_64_kib_are_not_listed() {
    let (vfs, cx) = world();
    let file = vfs.open(&cx, "/f", NEW, 0o644).expect("a file");
    let set = |nth: usize| {
        let name = format!("user.{nth:03}{}", "n".repeat(240));
        file.setxattr(&cx, name, b"", XattrMode::Set).expect("an attribute");
    };
    // 249 bytes each, with the zero behind it.
    (0..263).for_each(set);
    assert_eq!(file.listxattr(&cx).expect("65,487 bytes").len(), 263);
    set(263);
    assert_eq!(kind(file.listxattr(&cx)), Some(Errno::E2BIG));
}

/// A time that is none was found before the path was looked up, and before the handle was looked at.
#[test]
fn an_invalid_time_fails_after_the_path_and_the_handle() {
    let (vfs, cx) = world();
    let bad = Some(TimeSetting::At(Timestamp { seconds: 0, nanoseconds: 1_000_000_000 }));
    assert_eq!(kind(vfs.utimens(&cx, "/missing", bad, None)), Some(Errno::ENOENT));
    assert_eq!(kind(vfs.utimens(&cx, "/", bad, None)), Some(Errno::EINVAL));
    let named = vfs.open(&cx, "/", OpenFlags::PATH, 0).expect("a directory");
    assert_eq!(kind(named.utimens(&cx, bad, None)), Some(Errno::EBADF));
    let open = vfs.open(&cx, "/", OpenFlags::READ, 0).expect("a directory");
    assert_eq!(kind(open.utimens(&cx, None, bad)), Some(Errno::EINVAL));
}

/// Only regular files asked whether offset and length together are an offset.
#[test]
fn a_range_that_ends_at_no_offset_is_invalid_whatever_is_read() {
    let (vfs, cx) = world();
    let last = i64::MAX as u64;
    let dir = vfs.open(&cx, "/", OpenFlags::READ, 0).expect("a directory");
    assert_eq!(kind(dir.pread(&mut [0; 3], last - 3)), Some(Errno::EISDIR));
    assert_eq!(kind(dir.pread(&mut [0; 3], last - 2)), Some(Errno::EINVAL));
    let device = special(&vfs, &cx, "/null", InodeKind::CharDevice);
    assert_eq!(kind(device.pread(&mut [0; 3], last - 2)), Some(Errno::EINVAL));
    assert_eq!(kind(device.pwrite(&[0; 3], last - 2)), Some(Errno::EINVAL));
    assert_eq!(device.pwrite(&[0; 3], last - 3).expect("room"), 3);
    assert_eq!(device.seek_hole(5).expect("as any seek"), 0);
}

/// -1, which chown(2) leaves an id alone for, became the owner.
#[test]
fn an_owner_of_minus_one_is_none() {
    let (vfs, cx) = world();
    let file = vfs.open(&cx, "/f", NEW, 0o644).expect("a file");
    vfs.chown(&cx, "/f", Some(u32::MAX), Some(8)).expect("root may");
    file.chown(&cx, Some(7), Some(u32::MAX)).expect("root may");
    let attr = file.stat().expect("attributes").attr;
    assert_eq!((attr.uid, attr.gid), (7, 8));
    let bob = cx.with_credentials(Credentials::new(1, 1));
    vfs.chown(&bob, "/f", Some(u32::MAX), Some(u32::MAX)).expect("there is nothing to change");
}

/// The file system was given a name with a NUL, which came back as two.
#[test]
fn the_name_of_an_attribute_has_no_nul() {
    let (vfs, cx) = world();
    let file = vfs.open(&cx, "/f", NEW, 0o644).expect("a file");
    let name = "user.a\0b";
    let set = XattrMode::Set;
    let refused = [
        kind(vfs.setxattr(&cx, "/f", name, b"x", set)),
        kind(vfs.getxattr(&cx, "/f", name)),
        kind(vfs.removexattr(&cx, "/f", name)),
        kind(file.setxattr(&cx, name, b"x", set)),
        kind(file.getxattr(&cx, name)),
        kind(file.removexattr(&cx, name)),
    ];
    assert_eq!(refused, [Some(Errno::EINVAL); 6]);
    assert!(file.listxattr(&cx).expect("names").is_empty());
}

/// Bits that have no name went to the file system, behind all other checks.
#[test]
fn unknown_bits_of_fallocate_are_refused_first() {
    let (vfs, cx) = world();
    vfs.mknod(&cx, "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    let file = vfs.open(&cx, "/f", OpenFlags::READ, 0).expect("it is there");
    let unknown = FallocateFlags::from_bits_retain(0x8000);
    assert_eq!(kind(file.fallocate(unknown, 0, 1)), Some(Errno::EOPNOTSUPP));
    let empty = FallocateFlags::empty();
    assert_eq!(kind(file.fallocate(empty, 0, 1)), Some(Errno::EBADF));
}

/// As tmpfs says it: 20 for each entry, `.` and `..` among them, which were left out.
#[test]
fn a_directory_has_the_size_that_it_has_on_tmpfs() {
    let (vfs, cx) = world();
    let size = || vfs.stat(&cx, "/d").expect("a directory").attr.size;
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    assert_eq!(size(), 40);
    vfs.mkdir(&cx, "/d/e", 0o755).expect("a directory");
    assert_eq!(size(), 60);
    vfs.rmdir(&cx, "/d/e").expect("it is empty");
    assert_eq!(size(), 40);
}
