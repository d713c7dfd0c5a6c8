//! Fifos, devices, sockets.

use super::*;
use crate::base::kind::InodeKind;
use crate::fs::FallocateFlags;

fn with_fifo() -> FileStage {
    let stage = FileStage::new();
    stage.vfs.mkdir(&stage.cx, "/p", 0o777).unwrap();
    stage.vfs.mknod(&stage.cx, "/p/i", InodeKind::Fifo, 0o666, 0).unwrap();
    stage.watch("P", "/p").watch("I", "/p/i")
}

#[test]
fn a_fifo_tells_its_own_watchers_of_data() {
    let stage = with_fifo();
    let fifo = stage.open("/p/i", OpenFlags::READ_WRITE);
    assert_eq!(fifo.write(b"abc"), Ok(3));
    let mut buf = [0; 2];
    assert_eq!(fifo.read(&mut buf), Ok(2));
    drop(fifo);
    stage.expect(&[
        "P:OPEN i",
        "I:OPEN",
        "I:MODIFY",
        "I:ACCESS",
        "P:CLOSE_WRITE i",
        "I:CLOSE_WRITE",
    ]);
    assert_eq!(stage.open("/p/i", OpenFlags::READ).read(&mut buf), Ok(0));
}

#[test]
fn the_ends_of_a_fifo_are_those_of_its_inode() {
    let stage = with_fifo();
    stage.vfs.link(&stage.cx, "/p/i", "/p/j").unwrap();
    assert_eq!(stage.refused("/p/i", OpenFlags::WRITE), Errno::ENXIO);
    let reader = stage.open("/p/i", OpenFlags::READ);
    let writer = stage.open("/p/j", OpenFlags::WRITE);
    assert_eq!(refusal(reader.read(&mut [0])), Errno::EAGAIN);
    assert_eq!(writer.write(b"x"), Ok(1));
    stage.vfs.unlink(&stage.cx, "/p/i").unwrap();
    stage.vfs.unlink(&stage.cx, "/p/j").unwrap();
    assert_eq!(reader.read(&mut [0; 9]), Ok(1));
    drop(reader);
    assert_eq!(refusal(writer.write(b"x")), Errno::EPIPE);
    assert_eq!(writer.write(b""), Ok(0));
}

#[test]
fn a_fifo_has_no_positions() {
    let stage = with_fifo();
    let fifo = stage.open("/p/i", OpenFlags::READ_WRITE);
    stage.take_events();
    let not_seekable = [
        refusal(fifo.pread(&mut [0], 0)),
        refusal(fifo.pwrite(b"x", 0)),
        refusal(fifo.seek(std::io::SeekFrom::Start(0))),
        refusal(fifo.position()),
        refusal(fifo.fallocate(FallocateFlags::empty(), 0, 1)),
    ];
    assert_eq!(not_seekable, [Errno::ESPIPE; 5]);
    let invalid = [
        refusal(fifo.fsync()),
        refusal(fifo.truncate(0)),
        refusal(fifo.copy_file_range(None, &fifo, None, 1)),
        refusal(stage.vfs.truncate(&stage.cx, "/p/i", 0)),
    ];
    assert_eq!(invalid, [Errno::EINVAL; 4]);
    assert_eq!(refusal(fifo.read_dir(100)), Errno::ENOTDIR);
    stage.expect(&[]);
    fifo.chmod(&stage.cx, 0o600).unwrap();
    stage.expect(&["P:ATTRIB i", "I:ATTRIB"]);
}

#[test]
fn a_device_gives_nothing_and_takes_everything() {
    let stage = FileStage::new();
    stage.vfs.mknod(&stage.cx, "/null", InodeKind::CharDevice, 0o666, 0x103).unwrap();
    let stage = stage.watch("D", "/").watch("N", "/null");
    let null = stage.open("/null", OpenFlags::READ_WRITE | OpenFlags::TRUNC);
    assert_eq!(null.write(b"gone"), Ok(4));
    assert_eq!(null.read(&mut [0]), Ok(0));
    assert_eq!(refusal(null.fallocate(FallocateFlags::empty(), 0, 1)), Errno::ENODEV);
    drop(null);
    stage.expect(&["D:OPEN null", "N:OPEN", "N:MODIFY", "D:CLOSE_WRITE null", "N:CLOSE_WRITE"]);
    stage.vfs.mknod(&stage.cx, "/whiteout", InodeKind::CharDevice, 0, 0).unwrap();
    assert_eq!(stage.refused("/whiteout", OpenFlags::READ), Errno::ENXIO);
}

#[test]
fn data_goes_from_a_file_into_a_fifo() {
    let stage = with_fifo();
    stage.put("/p/f", &[7; 70_000]);
    let fifo = stage.open("/p/i", OpenFlags::READ_WRITE);
    let file = stage.open("/p/f", OpenFlags::READ);
    stage.take_events();
    assert_eq!(file.sendfile(None, &fifo, 70_000), Ok(65_536));
    assert_eq!(file.position(), Ok(65_536));
    stage.expect(&["P:ACCESS f", "I:MODIFY"]);
    assert_eq!(refusal(file.sendfile(None, &fifo, 1)), Errno::EAGAIN);
}

/// As readlinkat(2); anything else of an empty path is not found.
#[test]
fn a_symbolic_link_that_was_opened_itself_is_read_by_an_empty_path() {
    let stage = FileStage::new();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.symlink(cx, "target", "/link").unwrap();
    let link = stage.open("/link", OpenFlags::PATH | OpenFlags::NOFOLLOW);
    vfs.unlink(cx, "/link").unwrap();
    assert_eq!(vfs.readlink(cx, link.at("")).unwrap(), b"target");
    assert_eq!(refusal(vfs.readlink(cx, link.at("x"))), Errno::ENOTDIR);
    assert_eq!(refusal(vfs.stat(cx, link.at("").no_follow())), Errno::ENOENT);
    let root = stage.open("/", OpenFlags::PATH);
    assert_eq!(refusal(vfs.readlink(cx, root.at(""))), Errno::ENOENT);
    assert_eq!(refusal(vfs.readlink(cx, "")), Errno::ENOENT);
    let other = FileStage::new();
    let foreign = other.vfs.readlink(&other.cx, link.at(""));
    assert_eq!(refusal(foreign), Errno::EINVAL);
}

#[test]
fn a_full_fifo_takes_nothing_from_another_fifo() {
    let stage = with_fifo();
    stage.vfs.mknod(&stage.cx, "/p/other", InodeKind::Fifo, 0o666, 0).unwrap();
    let fifo = stage.open("/p/i", OpenFlags::READ_WRITE);
    let other = stage.open("/p/other", OpenFlags::READ_WRITE);
    assert_eq!(refusal(other.sendfile(None, &fifo, 3)), Errno::EINVAL);
    assert_eq!(other.sendfile(None, &fifo, 0), Ok(0));
    assert_eq!(fifo.write(&[0; 1 << 16]), Ok(1 << 16));
    for len in [0, 3] {
        assert_eq!(refusal(other.sendfile(None, &fifo, len)), Errno::EAGAIN);
    }
}
