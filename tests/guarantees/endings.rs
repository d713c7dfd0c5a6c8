//! Objects that are released: by their owners, by its names, by its group.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vfsnotify::inotify::WatchMask;
use vfsnotify::notify::NotifyConfig;
use vfsnotify::notify::{DentryRef, Lookup};
use vfsnotify::tree::InodeSpec;
use vfsnotify::{Errno, InodeKind, OpenFlags, Tree, TreeConfig};

use super::world::World;

#[test]
fn g13_everything_can_be_dropped_in_any_order() {
    // Four owners; every order of letting them go.
    for order in 0..24_usize {
        let world = World::new();
        world.dir("/d");
        world.file("/d/f");
        let inotify = world.inotify();
        world.watch(&inotify, "/d", WatchMask::ALL_EVENTS);
        world.watch(&inotify, "/d/f", WatchMask::ALL_EVENTS);
        let file = world.vfs.open(&world.cx, "/d/f", OpenFlags::READ, 0).expect("a file");
        world.vfs.unlink(&world.cx, "/d/f").expect("an unlink");
        let tree = Arc::downgrade(world.vfs.tree());
        let World { vfs, cx, .. } = world;
        let mut owners: Vec<Option<Box<dyn std::any::Any>>> = vec![
            Some(Box::new(vfs)),
            Some(Box::new(cx)),
            Some(Box::new(inotify)),
            Some(Box::new(file)),
        ];
        let mut left: Vec<usize> = (0..4).collect();
        let mut code = order;
        for sides in (1..=4).rev() {
            let owner = left.remove(code % sides);
            code /= sides;
            drop(owners[owner].take());
        }
        assert!(tree.upgrade().is_none(), "order {order} leaves the tree behind");
    }
}

#[test]
fn g13_what_is_queued_can_be_read_when_the_vfs_is_gone() {
    let World { vfs, cx, .. } = World::new();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE).expect("a watch");
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let reader = inotify.clone();
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut delivered = 0;
            loop {
                match reader.read_wait(&mut [0; 256], None, None) {
                    Ok(bytes) => delivered += bytes / 32,
                    Err(error) => return (delivered, error.errno()),
                }
            }
        });
        thread::sleep(Duration::from_millis(20));
        drop((vfs, cx));
        assert_eq!(reading.join().expect("the reader"), (1, Errno::ESHUTDOWN));
    });
    let error = inotify.rm_watch(vfsnotify::inotify::WatchDescriptor::from_raw(1)).unwrap_err();
    assert_eq!(error.errno(), Errno::ESHUTDOWN);
}

#[test]
fn g13_closing_a_group_wakes_its_reader() {
    let world = World::new();
    let inotify = world.inotify();
    let reader = inotify.clone();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || reader.read_wait(&mut [0; 256], None, None));
        thread::sleep(Duration::from_millis(20));
        inotify.close();
        let error = waiting.join().expect("the reader").unwrap_err();
        assert_eq!(error.errno(), Errno::ESHUTDOWN);
    });
}

#[test]
fn an_unlinked_file_lives_as_long_as_it_is_in_use_and_its_memory_comes_back() {
    let tree = Tree::new(TreeConfig::default());
    let notifier =
        vfsnotify::notify::Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
    let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    let inode = tree.make_inode(&superblock, spec).expect("an inode");
    let open: DentryRef = notifier.instantiate(root.get(), b"f", inode).expect("a dentry");
    let id = open.get().id();
    let entry =
        notifier.unhash(open.get(), false).expect("it is of this tree").expect("it had a name");
    drop(entry);
    assert!(matches!(notifier.lookup(root.get(), b"f"), Ok(Lookup::Unknown)));
    assert_eq!(open.get().name(), "f");
    assert!(notifier.dentry(id).is_ok(), "still open");
    drop(open);
    assert_eq!(notifier.dentry(id).unwrap_err().errno(), Errno::ESTALE);
    let mut forgotten = Vec::new();
    notifier.reap(|_, ino, lookups| forgotten.push((ino, lookups)));
    assert_eq!(forgotten, [(2, 1)]);
    assert_eq!((tree.live_dentries(), tree.live_inodes()), (1, 1));
}
