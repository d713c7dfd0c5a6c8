//! The contents of a file are those of a vector.

use std::io::IoSlice;

use proptest::prelude::*;
use vfsnotify::fs::{FallocateFlags, FileSystem, MemFs, SeekTo, SetAttr, WriteData};

use super::{ME, NO, World};

const PAGE: u64 = 4096;
const ALLOCATE: FallocateFlags = FallocateFlags::empty();
const KEEP: FallocateFlags = FallocateFlags::KEEP_SIZE;
const PUNCH: FallocateFlags = FallocateFlags::PUNCH_HOLE;
const ZERO: FallocateFlags = FallocateFlags::ZERO_RANGE;

fn size(size: u64) -> SetAttr {
    SetAttr::default().with_size(size)
}

#[derive(Clone, Debug)]
enum Op {
    Write { at: u64, len: usize, byte: u8 },
    Append { len: usize, byte: u8 },
    Read { at: u64, len: usize },
    Resize(u64),
    Fallocate { mode: FallocateFlags, at: u64, len: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    // The borders of pages are where mistakes are, so half of the offsets are near one.
    let at = || prop_oneof![0..6 * PAGE, (0..6_u64, 0..4_u64).prop_map(|(p, d)| p * PAGE + d)];
    let len = || prop_oneof![0..50_usize, 0..3 * PAGE as usize, Just(PAGE as usize)];
    let modes = vec![ALLOCATE, KEEP, PUNCH | KEEP, ZERO, ZERO | KEEP];
    prop_oneof![
        3 => (at(), len(), 1..=255_u8).prop_map(|(at, len, byte)| Op::Write { at, len, byte }),
        1 => (len(), 1..=255_u8).prop_map(|(len, byte)| Op::Append { len, byte }),
        2 => (at(), len()).prop_map(|(at, len)| Op::Read { at, len }),
        1 => at().prop_map(Op::Resize),
        2 => (prop::sample::select(modes), at(), 1..3 * PAGE)
            .prop_map(|(mode, at, len)| Op::Fallocate { mode, at, len }),
    ]
}

fn model_write(model: &mut Vec<u8>, at: usize, len: usize, byte: u8) {
    if len > 0 {
        model.resize(model.len().max(at + len), 0);
        model[at..at + len].fill(byte);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn contents_are_those_of_a_vector(ops in prop::collection::vec(op(), 1..60)) {
        let world = World::new();
        let fs = &world.fs;
        let file = world.file("f");
        let mut model: Vec<u8> = Vec::new();
        for op in ops {
            match op {
                Op::Write { at, len, byte } => {
                    prop_assert_eq!(fs.write(ME, file, NO, at, WriteData::new(&vec![byte; len])).unwrap(), len);
                    model_write(&mut model, at as usize, len, byte);
                }
                Op::Append { len, byte } => {
                    let end = model.len();
                    let done = fs.append(ME, file, NO, WriteData::new(&vec![byte; len])).unwrap();
                    prop_assert_eq!(done, (end as u64, len));
                    model_write(&mut model, end, len, byte);
                }
                Op::Read { at, len } => {
                    let mut buf = vec![0xaa; len];
                    let count = fs.read(ME, file, NO, at, &mut buf).unwrap();
                    let from = model.len().min(at as usize);
                    let to = model.len().min(at as usize + len);
                    prop_assert_eq!(&buf[..count], &model[from..to]);
                    prop_assert!(buf[count..].iter().all(|byte| *byte == 0xaa));
                }
                Op::Resize(to) => {
                    fs.setattr(ME, file, None, &size(to)).unwrap();
                    model.resize(to as usize, 0);
                }
                Op::Fallocate { mode, at, len } => {
                    fs.fallocate(ME, file, NO, mode, at, len).unwrap();
                    if !mode.contains(KEEP) {
                        model.resize(model.len().max((at + len) as usize), 0);
                    }
                    if mode.intersects(PUNCH | ZERO) {
                        let end = model.len().min((at + len) as usize);
                        model[end.min(at as usize)..end].fill(0);
                    }
                }
            }
            let attr = world.attr(file);
            prop_assert_eq!(attr.size, model.len() as u64);
            prop_assert_eq!(attr.blocks * 512, world.stats().bytes);
        }
        prop_assert_eq!(&world.contents(file), &model);

        // Data and holes follow each other to the end; outside the data everything is zero.
        let (mut at, mut data) = (0, 0);
        while let Ok(start) = fs.seek(ME, file, NO, at, SeekTo::Data) {
            let end = fs.seek(ME, file, NO, start, SeekTo::Hole).unwrap();
            prop_assert!(at <= start && start < end);
            prop_assert!(model[at as usize..start as usize].iter().all(|byte| *byte == 0));
            data += end - start;
            at = end;
        }
        prop_assert!(model[at as usize..].iter().all(|byte| *byte == 0));
        prop_assert!(data <= world.stats().bytes);

        fs.unlink(ME, world.root, b"f").unwrap();
        fs.forget(file, 1);
        prop_assert_eq!(world.stats(), World::new().stats());
    }
}

proptest! {
    /// Wherever a limit cuts them short.
    #[test]
    fn several_buffers_are_written_as_one_that_holds_them_all(
        lengths in prop::collection::vec(prop_oneof![Just(0), 1..20_usize, 4000..9000_usize], 0..6),
        limit in 0..6_u64,
        start in prop_oneof![0..9000_u64, Just(i64::MAX as u64 - 5000), Just(u64::MAX)],
        there in 0..9000_usize,
        appends: bool,
    ) {
        let pieces: Vec<Vec<u8>> =
            lengths.iter().zip(1..).map(|(len, byte)| vec![byte; *len]).collect();
        let bufs: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let all = pieces.concat();
        let write = |vectored: bool| {
            let world = World::of(MemFs::builder().size_limit(limit * PAGE));
            let (fs, file) = (&world.fs, world.file("f"));
            let _ = fs.write(ME, file, NO, 0, WriteData::new(&vec![9; there]));
            let data = if vectored { WriteData::vectored(&bufs) } else { WriteData::new(&all) };
            let written = if appends {
                fs.append(ME, file, NO, data)
            } else {
                fs.write(ME, file, NO, start, data).map(|count| (start, count))
            };
            let mut tail = vec![0; 20_000];
            let at = world.attr(file).size.saturating_sub(20_000);
            fs.read(ME, file, NO, at, &mut tail).unwrap();
            (written.map_err(|error| error.errno()), world.attr(file), world.stats(), tail)
        };
        prop_assert_eq!(write(true), write(false));
    }
}
