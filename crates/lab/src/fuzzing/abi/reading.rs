//! Two instances that get the same events: one read as bytes and in batches, one event by event.

use std::time::Duration;

use arbitrary::Arbitrary;
use vfsnotify::inotify::{Cancel, Event, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Context, Errno, MemFs, OpenFlags, RenameFlags, Vfs};

use super::names::NameSpec;
use super::{bits, wire};

#[derive(Arbitrary, Debug)]
pub(crate) struct Input {
    /// How long the queues are; 0 stands for long ones.
    limit: u8,
    steps: Vec<Step>,
    damage: (u16, u16, u8),
    /// How it ends: with the instance closed, or with the VFS gone.
    outlive: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Dir {
    Root,
    Sub,
    /// The mounts.
    Mounted,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Watch(Dir, u32, bool),
    Unwatch(i32),
    NextWd(i32),
    Mkdir(Dir, NameSpec),
    Touch(Dir, NameSpec),
    Remove(Dir, NameSpec),
    Rename(Dir, NameSpec, Dir, NameSpec),
    Chmod(Dir),
    Remount,
    Read(u16),
    /// One byte too few for the first event, and then exactly enough, or less by so much.
    ReadAround(u8),
    ReadWait(u16, bool),
    Next,
    Drain,
    DrainInto(u8),
}

struct World {
    vfs: Vfs,
    cx: Context,
    /// Read in all ways.
    bytes: Inotify,
    /// Read by `next` alone, as many events as came out of `bytes`.
    typed: Inotify,
    damage: (u16, u16, u8),
}

impl World {
    fn new(input: &Input) -> Self {
        let mut limits = Limits::default();
        if input.limit > 0 {
            limits.max_queued_events = usize::from(input.limit);
        }
        let notify = NotifyConfig::default().with_limits(limits);
        let vfs = Vfs::builder().notify(notify).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        for dir in ["/d", "/m"] {
            vfs.mkdir(&cx, dir, 0o755).expect("a directory");
        }
        vfs.mount(&cx, "/m", MemFs::new()).expect("a mount");
        let bytes = vfs.inotify(&cx).expect("an instance");
        let typed = vfs.inotify(&cx).expect("an instance");
        let world = Self { vfs, cx, bytes, typed, damage: input.damage };
        for dir in [Dir::Root, Dir::Mounted] {
            world.watch(dir, WatchMask::ALL_EVENTS.bits());
        }
        world
    }

    fn path(dir: Dir) -> &'static [u8] {
        match dir {
            Dir::Root => b"/",
            Dir::Sub => b"/d",
            Dir::Mounted => b"/m",
        }
    }

    fn child(dir: Dir, name: NameSpec) -> Vec<u8> {
        let mut path = Self::path(dir).to_vec();
        path.push(b'/');
        path.extend(name.bytes());
        path
    }

    /// Whether it is the directory that every step takes to be there. What is mounted stays by itself.
    fn stays(path: &[u8]) -> bool {
        path == b"//d"
    }

    /// The same watch in both.
    fn watch(&self, dir: Dir, mask: u32) {
        let wanted = WatchMask::from_bits_retain(mask);
        let [one, two] = [&self.bytes, &self.typed]
            .map(|inotify| self.vfs.add_watch(&self.cx, inotify, Self::path(dir), wanted));
        let (one, two) = (one.map_err(|error| error.errno()), two.map_err(|error| error.errno()));
        assert_eq!(one, two);
        if !bits::is_watch_mask(mask) {
            assert_eq!(one, Err(Errno::EINVAL), "{mask:x}");
            return;
        }
        let Ok(wd) = one else {
            // All three are directories and may be read.
            assert_eq!((one, mask & 0x1000_0000), (Err(Errno::EEXIST), 0x1000_0000));
            return;
        };
        let watches = self.bytes.watches();
        assert_eq!(watches, self.typed.watches());
        let info = watches.iter().find(|info| info.wd == wd).expect("it is listed");
        let found = self.vfs.stat(&self.cx, Self::path(dir)).expect("it is there");
        assert_eq!(info.ino, found.ino);
        let added = mask & 0x2000_0000 != 0;
        let shown = info.mask.bits();
        assert_eq!(shown & bits::shown(mask), bits::shown(mask), "{shown:x} after {mask:x}");
        assert!(added || shown == bits::shown(mask), "{shown:x} after {mask:x}");
        bits::check_line(info, found.device);
        assert_eq!(watches.len(), self.bytes.watch_count());
        assert!(watches.is_sorted_by(|one, two| one.wd < two.wd));
    }

    fn run(&mut self, step: Step) {
        let (vfs, cx) = (&self.vfs, &self.cx);
        match step {
            Step::Watch(dir, bits, tame) => {
                // So that many a mask is a good one.
                self.watch(dir, if tame { bits & 0xe700_efff | 0x100 } else { bits });
            }
            Step::Unwatch(wd) => {
                let known = self.bytes.watches();
                let wd = match known.get(wd.unsigned_abs() as usize % 8) {
                    Some(info) => info.wd,
                    None => WatchDescriptor::from_raw(wd),
                };
                let known = known.iter().any(|info| info.wd == wd);
                for inotify in [&self.bytes, &self.typed] {
                    let removed = inotify.rm_watch(wd).map_err(|error| error.errno());
                    assert_eq!(removed, if known { Ok(()) } else { Err(Errno::EINVAL) });
                }
            }
            Step::NextWd(wd) => {
                for inotify in [&self.bytes, &self.typed] {
                    let set = inotify.set_next_wd(WatchDescriptor::from_raw(wd));
                    assert_eq!(set.is_ok(), wd > 0 && !inotify.is_closed());
                }
            }
            Step::Mkdir(dir, name) => drop(vfs.mkdir(cx, Self::child(dir, name), 0o755)),
            Step::Touch(dir, name) => {
                let flags = OpenFlags::WRITE | OpenFlags::CREATE;
                if let Ok(file) = vfs.open(cx, Self::child(dir, name), flags, 0o644) {
                    file.write(b"x").expect("a write");
                }
            }
            Step::Remove(dir, name) => {
                let path = Self::child(dir, name);
                if Self::stays(&path) {
                    return;
                }
                let _ = vfs.unlink(cx, &path).or_else(|_| vfs.rmdir(cx, &path));
            }
            Step::Rename(from, old, to, new) => {
                let (old, new) = (Self::child(from, old), Self::child(to, new));
                if Self::stays(&old) {
                    return;
                }
                let _ = vfs.rename(cx, old, new, RenameFlags::empty());
            }
            Step::Chmod(dir) => vfs.chmod(cx, Self::path(dir), 0o755).expect("it is there"),
            Step::Remount => {
                vfs.unmount(cx, "/m").expect("nothing is open");
                vfs.mount(cx, "/m", MemFs::new()).expect("a mount");
            }
            Step::Read(size) => self.read(usize::from(size)),
            Step::ReadAround(less) => self.read_around(usize::from(less)),
            Step::ReadWait(size, cancelled) => self.read_wait(usize::from(size), cancelled),
            Step::Next => {
                let event = self.bytes.next().expect("it is open");
                assert_eq!(event, self.typed.next().expect("it is open"));
            }
            Step::Drain => {
                let len = self.bytes.len();
                let events = self.bytes.drain();
                assert_eq!(events.len(), len);
                assert_eq!(events, self.take(len));
                assert!(self.bytes.is_empty());
            }
            Step::DrainInto(most) => {
                let most = usize::from(most);
                let len = self.bytes.len();
                let mut events = vec![Event::Overflow { lost: 7 }];
                let taken = self.bytes.drain_into(&mut events, most);
                assert_eq!(taken, len.min(most));
                assert_eq!(events[1..], self.take(taken));
            }
        }
        assert_eq!(self.bytes.len(), self.typed.len());
        assert_eq!(self.bytes.readable_bytes(), self.typed.readable_bytes());
        // One more than the limit: the overflow.
        assert!(self.bytes.len() <= self.bytes.queue_limit() + 1);
    }

    /// Takes events out of `typed`.
    fn take(&self, count: usize) -> Vec<Event> {
        let next = || self.typed.next().expect("it is open");
        std::iter::repeat_with(next).map_while(|event| event).take(count).collect()
    }

    fn read(&self, size: usize) {
        let mut buf = vec![0xa5; size];
        let result = self.bytes.read(&mut buf).map_err(|error| error.errno());
        self.was_read(&buf, result);
    }

    fn read_wait(&self, size: usize, cancelled: bool) {
        let mut buf = vec![0xa5; size];
        let (sender, cancel) = Cancel::new();
        drop(sender);
        let is_empty = self.bytes.is_empty();
        let result = if cancelled {
            self.bytes.read_wait(&mut buf, None, Some(&cancel))
        } else {
            self.bytes.read_wait(&mut buf, Some(Duration::ZERO), None)
        };
        let result = result.map_err(|error| error.errno());
        if is_empty && cancelled {
            assert_eq!(result, Err(Errno::EINTR));
        } else {
            self.was_read(&buf, result);
        }
    }

    /// Checks what a read came to, and takes the same events out of `typed`.
    fn was_read(&self, buf: &[u8], result: Result<usize, Errno>) {
        let readable = self.typed.readable_bytes();
        match result {
            Ok(len) => {
                assert!(len > 0, "a read of nothing");
                let (read, rest) = buf.split_at(len);
                assert!(rest.iter().all(|byte| *byte == 0xa5), "wrote beyond what it returned");
                let count = wire::boundaries(read).expect("whole events").len() - 1;
                let typed = self.take(count);
                wire::check_against(read, &typed);
                let (cut, place, value) = self.damage;
                wire::check_damaged(read, usize::from(cut), usize::from(place), value);
                assert_eq!(self.bytes.readable_bytes() + len, readable);
                self.check_next_is_larger(buf.len() - len);
            }
            Err(Errno::EINVAL) => {
                assert!(readable > 0, "nothing is too small for nothing");
                assert_eq!(self.bytes.readable_bytes(), readable, "a refused read took something");
                self.check_next_is_larger(buf.len());
            }
            Err(error) => {
                assert_eq!(error, Errno::EAGAIN);
                assert_eq!(readable, 0, "something was there");
            }
        }
    }

    /// An event that a read left did not fit. Takes one event out of both.
    fn check_next_is_larger(&self, room: usize) {
        let next = self.bytes.next().expect("it is open");
        assert_eq!(next, self.typed.next().expect("it is open"));
        if let Some(event) = next {
            let size = wire::of_typed(&[event]).len();
            assert!(size > room, "an event of {size} bytes was left with room for {room}");
        }
    }

    /// Every size that is too small for the first event, and the one that is just enough.
    fn read_around(&self, less: usize) {
        let (len, readable) = (self.bytes.len(), self.bytes.readable_bytes());
        let Some(event) = self.typed.next().expect("it is open") else {
            assert_eq!((len, readable), (0, 0));
            return;
        };
        let exact = wire::of_typed(std::slice::from_ref(&event));
        for size in exact.len().saturating_sub(less + 1)..exact.len() {
            let refused = self.bytes.read(&mut vec![0; size]).map_err(|error| error.errno());
            assert_eq!(refused, Err(Errno::EINVAL), "{size} of {} bytes", exact.len());
            assert_eq!((self.bytes.len(), self.bytes.readable_bytes()), (len, readable));
        }
        let mut buf = vec![0xa5; exact.len()];
        assert_eq!(self.bytes.read(&mut buf), Ok(exact.len()));
        wire::check_against(&buf, &[event]);
    }

    /// Everything that is left, and then the end.
    fn finish(self, outlive: bool) {
        let readable = self.bytes.readable_bytes();
        let Self { vfs, cx, bytes, typed, .. } = self;
        vfs.verify().expect("the invariants");
        if !outlive {
            for inotify in [&bytes, &typed] {
                inotify.close();
                assert_eq!((inotify.len(), inotify.readable_bytes()), (0, 0));
                assert_eq!(inotify.watch_count(), 0);
            }
            assert_eq!(vfs.notifier().usage(0), (0, 0));
        } else {
            // Queued events outlive the VFS.
            drop((cx, vfs));
            let mut buf = vec![0xa5; readable + 15];
            if readable > 0 {
                assert_eq!(bytes.read(&mut buf), Ok(readable));
            }
            let events = typed.drain();
            wire::check_against(&buf[..readable], &events);
        }
        for inotify in [bytes, typed] {
            let end = inotify.read(&mut [0; 512]).map_err(|error| error.errno());
            assert_eq!(end, Err(Errno::ESHUTDOWN));
            let end = inotify.next().map_err(|error| error.errno());
            assert_eq!(end, Err(Errno::ESHUTDOWN));
        }
    }
}

pub(crate) fn check(input: &Input) {
    let mut world = World::new(input);
    for step in input.steps.iter().take(200) {
        world.run(*step);
    }
    world.finish(input.outlive);
}
