//! Reading, writing, positions.

use std::io::{IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

use super::counting_fs::CountingFs;
use super::*;
use crate::base::sync::Ordering;
use crate::fs::FallocateFlags;
use crate::vfs::file::read_write::{MAX_COUNT, MAX_OFFSET};

const BOTH: OpenFlags = OpenFlags::READ_WRITE;

#[test]
fn reads_and_writes_report_as_on_linux() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", BOTH);
    stage.take_events();
    assert_eq!(file.read(&mut []), Ok(0));
    assert_eq!(file.pread(&mut [0; 4], 5), Ok(0));
    assert_eq!(file.write(b""), Ok(0));
    assert_eq!(file.writev(&[IoSlice::new(b""), IoSlice::new(b"")]), Ok(0));
    stage.expect(&[]);
    assert_eq!(file.pread(&mut [0; 4], 4), Ok(1));
    stage.expect(&["P:ACCESS f", "F:ACCESS"]);
    assert_eq!(file.preadv(&mut [IoSliceMut::new(&mut [0; 4])], 5), Ok(0));
    stage.expect(&["P:ACCESS f", "F:ACCESS"]);
    assert_eq!(file.readv(&mut []), Ok(0));
    stage.expect(&["P:ACCESS f", "F:ACCESS"]);
    assert_eq!(file.pwritev(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")], 1), Ok(4));
    stage.expect(&["P:MODIFY f", "F:MODIFY"]);
    file.truncate(5).unwrap();
    stage.expect(&["P:MODIFY f", "F:MODIFY"]);
    file.fallocate(FallocateFlags::KEEP_SIZE | FallocateFlags::PUNCH_HOLE, 0, 2).unwrap();
    stage.expect(&["P:MODIFY f", "F:MODIFY"]);
    let mut rest = Vec::new();
    (&file).read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"\0\0bcd");
}

#[test]
fn the_position_belongs_to_the_description() {
    let stage = FileStage::usual();
    let (file, other) = (stage.open("/p/f", BOTH), stage.open("/p/f", BOTH));
    let same = file.dup();
    let mut buf = [0; 2];
    file.read(&mut buf).unwrap();
    same.read(&mut buf).unwrap();
    assert_eq!((&buf, same.position(), other.position()), (b"ll", Ok(4), Ok(0)));
    assert_eq!(file.pwrite(b"J", 0), Ok(1));
    assert_eq!((&file).stream_position().unwrap(), 4);
    (&same).write_all(b"y!").unwrap();
    (&file).rewind().unwrap();
    let mut text = String::new();
    (&same).read_to_string(&mut text).unwrap();
    assert_eq!(text, "Jelly!");
}

#[test]
fn an_appending_file_writes_at_its_end_wherever_it_is() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", BOTH | OpenFlags::APPEND);
    assert_eq!((file.pwrite(b"1", 0), file.position()), (Ok(1), Ok(0)));
    assert_eq!((file.write(b"2"), file.position()), (Ok(1), Ok(7)));
    file.seek(SeekFrom::Start(1)).unwrap();
    assert_eq!((file.write(b""), file.position()), (Ok(0), Ok(1)));
    file.set_status(&stage.cx, OpenFlags::empty()).unwrap();
    assert_eq!(file.write(b"a"), Ok(1));
    let mut all = [0; 10];
    assert_eq!(file.pread(&mut all, 0), Ok(7));
    assert_eq!(&all[..7], b"hallo12");
}

#[test]
fn appends_of_many_threads_are_each_in_one_piece() {
    let stage = FileStage::usual();
    let log = stage.open("/p/log", OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::CREATE);
    std::thread::scope(|scope| {
        for letter in b'a'..b'e' {
            let own = stage.open("/p/log", OpenFlags::WRITE | OpenFlags::APPEND);
            let shared = log.dup();
            scope.spawn(move || {
                for n in 0..100 {
                    let file = if n % 2 == 0 { &own } else { &shared };
                    let line = [letter; 9];
                    file.writev(&[IoSlice::new(&line), IoSlice::new(b"\n")]).unwrap();
                }
            });
        }
    });
    let mut text = Vec::new();
    stage.open("/p/log", OpenFlags::READ).read_to_end(&mut text).unwrap();
    assert_eq!(text.len(), 4000);
    for line in text.chunks(10) {
        assert!(line[..9].iter().all(|byte| *byte == line[0]) && line[9] == b'\n');
    }
}

#[test]
fn a_shared_position_moves_by_what_each_thread_read() {
    let stage = FileStage::usual();
    stage.put("/p/n", &(0..=255).collect::<Vec<u8>>());
    let file = stage.open("/p/n", OpenFlags::READ);
    let mut seen: Vec<u8> = std::thread::scope(|scope| {
        let read = || {
            let mut own = Vec::new();
            let mut byte = [0];
            while file.read(&mut byte).unwrap() == 1 {
                own.push(byte[0]);
            }
            own
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    seen.sort_unstable();
    assert_eq!(seen, (0..=255).collect::<Vec<u8>>());
}

/// Every row was seen on Linux 6.18 (tmpfs).
#[test]
fn offsets_end_where_they_end_on_linux() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", BOTH);
    let invalid = Errno::EINVAL;
    assert_eq!(refusal(file.pread(&mut [0], MAX_OFFSET)), invalid);
    assert_eq!(file.pread(&mut [], MAX_OFFSET), Ok(0));
    assert_eq!(refusal(file.pread(&mut [0; 10], MAX_OFFSET - 5)), invalid);
    assert_eq!(refusal(file.pread(&mut [], MAX_OFFSET + 1)), invalid);
    assert_eq!(refusal(file.pwrite(b"x", MAX_OFFSET)), invalid);
    assert_eq!(file.pwrite(b"", MAX_OFFSET), Ok(0));
    assert_eq!(refusal(file.pwrite(b"0123456789", MAX_OFFSET - 5)), invalid);
    assert_eq!(file.seek(SeekFrom::Start(MAX_OFFSET)), Ok(MAX_OFFSET));
    assert_eq!(refusal(file.write(b"x")), invalid);
    assert_eq!(refusal(file.read(&mut [0])), invalid);
    assert_eq!(refusal(file.seek(SeekFrom::Current(1))), invalid);
    assert_eq!(file.seek(SeekFrom::End(-5)), Ok(0));
    assert_eq!(refusal(file.seek(SeekFrom::End(-6))), invalid);
    assert_eq!(refusal(file.seek(SeekFrom::Start(u64::MAX))), invalid);
    assert_eq!(refusal(file.seek_data(u64::MAX)), Errno::ENXIO);
    assert_eq!(refusal(file.seek_hole(5)), Errno::ENXIO);
    assert_eq!((file.seek_hole(1), file.position()), (Ok(5), Ok(5)));
    assert_eq!(refusal(file.truncate(u64::MAX)), invalid);
    file.truncate(MAX_OFFSET).unwrap();
    assert_eq!(refusal(file.seek(SeekFrom::End(1))), invalid);
    let none = FallocateFlags::empty();
    assert_eq!(refusal(file.fallocate(none, 0, 0)), invalid);
    assert_eq!(refusal(file.fallocate(none, MAX_OFFSET - 5, 10)), Errno::EFBIG);
    let punch = FallocateFlags::PUNCH_HOLE;
    assert_eq!(refusal(file.fallocate(punch, 0, 10)), Errno::EOPNOTSUPP);
    let unknown = FallocateFlags::from_bits_retain(0x400);
    assert_eq!(refusal(file.fallocate(unknown, 0, 10)), Errno::EOPNOTSUPP);
}

#[test]
fn the_access_mode_is_kept() {
    let stage = FileStage::usual();
    let (reader, writer) =
        (stage.open("/p/f", OpenFlags::READ), stage.open("/p/f", OpenFlags::WRITE));
    let dir = stage.open("/p", OpenFlags::READ);
    stage.take_events();
    let bad = Errno::EBADF;
    assert_eq!([refusal(reader.write(b"")), refusal(reader.pwrite(b"x", 0))], [bad, bad]);
    assert_eq!([refusal(writer.read(&mut [])), refusal(writer.pread(&mut [0], 0))], [bad, bad]);
    assert_eq!(refusal(reader.truncate(0)), Errno::EINVAL);
    assert_eq!(refusal(reader.fallocate(FallocateFlags::empty(), 0, 1)), bad);
    assert_eq!(refusal(dir.write(b"x")), bad);
    for result in [dir.read(&mut [0]), dir.read(&mut []), dir.pread(&mut [0], 0)] {
        assert_eq!(refusal(result), Errno::EISDIR);
    }
    assert_eq!(refusal(dir.truncate(0)), Errno::EINVAL);
    assert_eq!(refusal(dir.seek(SeekFrom::End(0))), Errno::EINVAL);
    dir.fsync().unwrap();
    stage.expect(&[]);
}

#[test]
fn a_writer_looks_for_set_id_bits_only_where_some_may_have_come() {
    let fs = CountingFs::default();
    let counts = fs.counts.clone();
    let stage = FileStage::of(fs);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    stage.put("/f", b"hello");
    vfs.chmod(cx, "/f", 0o666).unwrap();
    let file = vfs.open(&stage.user(1000), "/f", OpenFlags::WRITE, 0).unwrap();
    let looks = || counts.getattrs.load(Ordering::Relaxed);
    file.write(b"x").unwrap();
    let before = looks();
    file.write(b"x").unwrap();
    file.pwrite(b"x", 0).unwrap();
    assert_eq!(looks(), before);
    vfs.chmod(cx, "/f", 0o6777).unwrap();
    file.write(b"x").unwrap();
    assert_eq!(stage.mode("/f"), 0o777);
    let privileged = stage.open("/f", OpenFlags::WRITE);
    let before = looks();
    privileged.write(b"x").unwrap();
    assert_eq!(looks(), before);
}

/// A file system that takes one buffer gets at most 1 MiB of several; the rest is a short write.
#[test]
fn several_buffers_are_one_write_of_a_file_system_that_takes_one() {
    let stage = FileStage::of(CountingFs::default());
    stage.put("/f", b"");
    let data = vec![7; 700 << 10];
    let bufs = [IoSlice::new(b"a"), IoSlice::new(&data), IoSlice::new(&[]), IoSlice::new(&data)];
    let file = stage.open("/f", OpenFlags::READ_WRITE);
    assert_eq!(file.writev(&bufs), Ok(1 << 20));
    assert_eq!(file.position(), Ok(1 << 20));
    assert_eq!(file.writev(&bufs[..2]), Ok(1 + (700 << 10)));
    let appending = stage.open("/f", OpenFlags::WRITE | OpenFlags::APPEND);
    let size = file.stat().unwrap().size;
    assert_eq!(appending.writev(&bufs), Ok(1 << 20));
    let mut first = [0; 2];
    file.pread(&mut first, size).unwrap();
    assert_eq!((first, file.stat().unwrap().size), ([b'a', 7], size + (1 << 20)));
    // One buffer is handed on whole.
    assert_eq!(file.pwritev(&[IoSlice::new(&[]), IoSlice::new(&vec![1; 3 << 20])], 0), Ok(3 << 20));
}

/// Each buffer was bounded, and all of them together were not.
#[test]
fn a_vectored_read_reads_no_more_than_one_call_may() {
    let fs = CountingFs::default();
    fs.counts.endless.store(true, Ordering::Relaxed);
    let vfs = Vfs::new(fs).unwrap();
    let file = vfs.open(&vfs.context(), "/f", BOTH | OpenFlags::CREATE, 0o644).unwrap();
    // Nothing is written to them: they take addresses, and no memory.
    let mut bufs: [Vec<u8>; 3] = std::array::from_fn(|_| vec![0; 3 << 28]);
    let mut slices = bufs.each_mut().map(|buf| IoSliceMut::new(buf));
    assert_eq!(file.readv(&mut slices), Ok(MAX_COUNT));
    assert_eq!(file.position(), Ok(MAX_COUNT as u64));
    assert_eq!(file.preadv(&mut slices, 0), Ok(MAX_COUNT));
    let last = MAX_OFFSET - MAX_COUNT as u64;
    assert_eq!(file.preadv(&mut slices, last), Ok(MAX_COUNT), "what is not read does not count");
    assert_eq!(refusal(file.preadv(&mut slices, last + 1)), Errno::EINVAL);
}

/// It depended on whether there was a second buffer.
#[test]
fn what_a_vectored_write_does_not_write_does_not_count() {
    let vfs = Vfs::new(MemFs::builder().size_limit(4096).build()).unwrap();
    let file = vfs.open(&vfs.context(), "/f", BOTH | OpenFlags::CREATE, 0o644).unwrap();
    // Nearly all of it is never looked at: it takes addresses, and no memory.
    let data = vec![0; MAX_COUNT + 4096];
    let last = MAX_OFFSET - MAX_COUNT as u64;
    let (one, two) = ([IoSlice::new(&data)], [IoSlice::new(&data[..1]), IoSlice::new(&data)]);
    for bufs in [&one[..], &two] {
        assert!(file.pwritev(bufs, last).unwrap() > 0);
        assert_eq!(refusal(file.pwritev(bufs, last + 1)), Errno::EINVAL);
    }
    assert_eq!(refusal(file.pwrite(&data, last)), Errno::EINVAL, "of one write all counts");
}
