//! Copies from file to file.

use super::*;
use crate::vfs::file::read_write::MAX_OFFSET;

/// `/p/f` holds `hello`, `/p/g` nothing.
fn pair() -> (FileStage, File, File) {
    let stage = FileStage::usual();
    stage.put("/p/g", b"");
    let from = stage.open("/p/f", OpenFlags::READ_WRITE);
    let to = stage.open("/p/g", OpenFlags::READ_WRITE);
    stage.take_events();
    (stage, from, to)
}

#[test]
fn a_copy_reports_each_side_once() {
    let (stage, from, to) = pair();
    assert_eq!(from.copy_file_range(None, &to, None, 3), Ok(3));
    stage.expect(&["P:ACCESS f", "F:ACCESS", "P:MODIFY g"]);
    assert_eq!(from.sendfile(None, &to, 100), Ok(2));
    stage.expect(&["P:ACCESS f", "F:ACCESS", "P:MODIFY g"]);
    assert_eq!(from.sendfile(None, &to, 100), Ok(0));
    assert_eq!(from.copy_file_range(None, &to, None, 0), Ok(0));
    stage.expect(&[]);
    let mut buf = [0; 9];
    assert_eq!((to.pread(&mut buf, 0), &buf[..5]), (Ok(5), &b"hello"[..]));
}

#[test]
fn a_copy_is_longer_than_its_buffer() {
    let (stage, _, to) = pair();
    let data: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    stage.put("/p/big", &data);
    let big = stage.open("/p/big", OpenFlags::READ);
    let (mut from_at, mut to_at) = (1, 2);
    assert_eq!(
        big.copy_file_range(Some(&mut from_at), &to, Some(&mut to_at), 300_000),
        Ok(199_999)
    );
    assert_eq!((from_at, to_at, big.position(), to.position()), (200_000, 200_001, Ok(0), Ok(0)));
    let mut copy = vec![0; 200_001];
    assert_eq!(to.pread(&mut copy, 0), Ok(200_001));
    assert_eq!(copy[2..], data[1..]);
}

/// Every row was seen on Linux 6.18 (tmpfs).
#[test]
fn copies_are_refused_as_on_linux() {
    let (stage, from, to) = pair();
    let dir = stage.open("/p", OpenFlags::READ);
    let reader = stage.open("/p/g", OpenFlags::READ);
    let appender = stage.open("/p/g", OpenFlags::WRITE | OpenFlags::APPEND);
    stage.take_events();
    let copy = |from: &File, at: u64, to: &File, to_at: u64, len| {
        from.copy_file_range(Some(&mut { at }), to, Some(&mut { to_at }), len)
    };
    assert_eq!(refusal(copy(&dir, 0, &to, 0, 1)), Errno::EISDIR);
    assert_eq!(refusal(copy(&from, 0, &reader, 0, 1)), Errno::EBADF);
    assert_eq!(refusal(copy(&from, 0, &appender, 0, 1)), Errno::EBADF);
    assert_eq!(refusal(copy(&from, 0, &from, 1, 3)), Errno::EINVAL);
    assert_eq!(refusal(copy(&from, 0, &to, MAX_OFFSET, 1)), Errno::EFBIG);
    assert_eq!(copy(&from, MAX_OFFSET, &to, 0, 1), Ok(0));
    assert_eq!(copy(&from, 50, &to, 0, 2), Ok(0));
    assert_eq!(refusal(from.sendfile(None, &reader, 1)), Errno::EBADF);
    assert_eq!(refusal(from.sendfile(None, &appender, 1)), Errno::EINVAL);
    assert_eq!(refusal(dir.sendfile(None, &to, 1)), Errno::EINVAL);
    assert_eq!(dir.sendfile(None, &to, 0), Ok(0));
    assert_eq!(refusal(appender.splice_from(b"x")), Errno::EINVAL);
    assert_eq!(refusal(reader.splice_from(b"x")), Errno::EBADF);
    assert_eq!(refusal(dir.splice_to(&mut [0])), Errno::EINVAL);
    stage.expect(&[]);
    assert_eq!(copy(&from, 0, &from, 3, 2), Ok(2));
    let mut buf = [0; 5];
    from.pread(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"helhe");
}
