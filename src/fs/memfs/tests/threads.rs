//! Many threads at once, without a layer above that serialises them.

use std::thread;

use super::*;

const THREADS: u64 = 4;
const STEPS: u64 = 3000;

/// Pseudo-random numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// One random operation; whatever it returns, it must leave everything consistent.
fn step(fs: &MemFs, dirs: &[u64], dice: &mut Dice) {
    let mut place = || (dirs[dice.roll(3) as usize], [b'a' + dice.roll(4) as u8]);
    let ((dir, name), (other, new_name)) = (place(), place());
    let made = match dice.roll(9) {
        0 => fs.create(ME, dir, &name, &new_node(InodeKind::Regular)).ok(),
        1 => fs.create(ME, dir, &name, &new_node(InodeKind::Directory)).ok(),
        2 => fs.lookup(ME, dir, &name).ok(),
        3 => fs.lookup(ME, dir, &name).ok().inspect(|node| {
            let _ = fs
                .link(ME, node.attr.ino, other, &new_name)
                .map(|same| fs.forget(same.attr.ino, 1));
        }),
        4 => fs.unlink(ME, dir, &name).err().and(None),
        5 => fs.rmdir(ME, dir, &name).err().and(None),
        6 => fs.rename(ME, dir, &name, other, &new_name, PLAIN).err().and(None),
        7 => fs.rename(ME, dir, &name, other, &new_name, RenameFlags::WHITEOUT).err().and(None),
        _ => fs.rename(ME, dir, &name, other, &new_name, RenameFlags::EXCHANGE).err().and(None),
    };
    if let Some(node) = made {
        let ino = node.attr.ino;
        let _ = fs.write(ME, ino, NO, dice.roll(9000), b"data".into());
        let _ = fs.setxattr(ME, ino, b"user.x", b"value", XattrMode::Set);
        fs.getattr(ME, ino, None).unwrap();
        fs.forget(ino, 1);
    }
}

#[test]
fn counts_add_up_after_racing_threads() {
    let world = MemFsWorld::new();
    let start = (world.stats(), world.fs.statfs(ME).unwrap());
    let dirs = ["x", "y", "z"].map(|name| world.dir(world.root, name));
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let fs = &world.fs;
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..STEPS {
                    step(fs, &dirs, &mut dice);
                }
            });
        }
    });

    for dir in dirs {
        let names = world.names(dir);
        let attr = world.attr(dir);
        assert_eq!(attr.size, 20 * (names.len() as u64 + 2));
        let mut subdirs = 0;
        for name in names {
            let inode = world.attr(world.peek(dir, &name).unwrap());
            if inode.kind.is_dir() {
                subdirs += 1;
                assert_eq!((inode.nlink, inode.size), (2, 40));
                world.fs.rmdir(ME, dir, name.as_bytes()).unwrap();
            } else {
                assert!(inode.nlink >= 1);
                world.fs.unlink(ME, dir, name.as_bytes()).unwrap();
            }
        }
        assert_eq!(attr.nlink, 2 + subdirs);
    }
    for (name, dir) in ["x", "y", "z"].into_iter().zip(dirs) {
        world.fs.rmdir(ME, world.root, name.as_bytes()).unwrap();
        world.fs.forget(dir, 1);
    }
    assert_eq!((world.stats(), world.fs.statfs(ME).unwrap()), start);
}

/// Runs `work` again and again while another thread does `disturb`.
fn disturbed(rounds: usize, work: impl Fn(), disturb: impl Fn() + Sync) {
    let stop = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Ordering::Relaxed) == 0 {
                disturb();
            }
        });
        // Also ends the other thread when `work` panics.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..rounds).for_each(|_| work());
        }));
        stop.store(1, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn an_inode_that_a_lookup_returned_exists() {
    let world = MemFsWorld::new();
    let (fs, root) = (&world.fs, world.root);
    let look = || {
        let found = std::iter::repeat_with(|| fs.lookup(ME, root, b"f").ok()).find_map(|node| node);
        let ino = found.unwrap().attr.ino;
        assert!(fs.getattr(ME, ino, None).is_ok());
        fs.forget(ino, 1);
    };
    let remake = || {
        fs.forget(world.file("f"), 1);
        fs.unlink(ME, root, b"f").unwrap();
    };
    disturbed(5_000, look, remake);
    assert_eq!(world.stats().inodes, 1);
}

#[test]
fn a_removal_beside_an_exchange_removes_the_right_directory() {
    let world = MemFsWorld::new();
    let (fs, root) = (&world.fs, world.root);
    let make = |name| fs.forget(world.dir(root, name), 1);
    make("a");
    make("b");
    let exchange = || drop(world.rename((root, "a"), (root, "b"), RenameFlags::EXCHANGE));
    // Both, by their numbers: the names change meanwhile.
    let check = || {
        let mut dirs = Vec::new();
        let mut emit = |entry: crate::fs::DirEntry<'_>| {
            dirs.push(entry.ino);
            true
        };
        fs.readdir(ME, root, NO, 0, &mut emit).unwrap();
        assert_eq!(dirs.len(), 2);
        for dir in dirs {
            assert_eq!(world.attr(dir).nlink, 2);
            let file = world.make(dir, "x", InodeKind::Regular).unwrap();
            fs.forget(file, 1);
            fs.unlink(ME, dir, b"x").unwrap();
        }
    };
    let remove = || {
        fs.rmdir(ME, root, b"a").unwrap();
        make("a");
        check();
    };
    disturbed(4_000, remove, exchange);
    let replace = || {
        make("c");
        world.rename((root, "c"), (root, "a"), PLAIN).unwrap();
        check();
    };
    disturbed(4_000, replace, exchange);
    assert_eq!((world.stats().inodes, world.attr(root).nlink), (3, 4));
}

#[test]
fn appends_do_not_overwrite_each_other() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    thread::scope(|scope| {
        for id in 1..=THREADS as u8 {
            let fs = &world.fs;
            scope.spawn(move || {
                for _ in 0..500 {
                    assert_eq!(fs.append(ME, file, NO, WriteData::new(&[id; 7])).unwrap().1, 7);
                }
            });
        }
    });
    let contents = world.contents(file);
    assert_eq!(contents.len() as u64, THREADS * 500 * 7);
    assert!(contents.chunks(7).all(|chunk| chunk.iter().all(|byte| *byte == chunk[0])));
}

#[test]
fn a_read_sees_all_of_a_write() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    world.fs.write(ME, file, NO, 0, WriteData::new(&[0; 20_000])).unwrap();
    thread::scope(|scope| {
        let fs = &world.fs;
        scope.spawn(move || {
            for byte in 1..=200 {
                fs.write(ME, file, NO, 0, WriteData::new(&[byte; 20_000])).unwrap();
            }
        });
        let mut buf = vec![0; 20_000];
        for _ in 0..200 {
            assert_eq!(fs.read(ME, file, NO, 0, &mut buf).unwrap(), 20_000);
            assert!(buf.iter().all(|byte| *byte == buf[0]));
        }
    });
}

#[test]
fn the_last_free_bytes_are_given_out_once() {
    let world = MemFsWorld::of(MemFs::builder().size_limit(100 * 4096));
    let files = [world.file("a"), world.file("b")];
    let written: u64 = thread::scope(|scope| {
        let writers = files.map(|file| {
            let fs = &world.fs;
            scope.spawn(move || {
                let pages = 0..200_u64;
                pages
                    .filter(|at| fs.write(ME, file, NO, at * 4096, WriteData::new(&[1])).is_ok())
                    .count() as u64
            })
        });
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!((written, world.stats().bytes), (100, 100 * 4096));
}
