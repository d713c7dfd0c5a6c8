//! The objects that a guest reaches by a path, and the knowledge that an error gives it.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{Access, Errno, IntoPath, OpenFlags, RenameFlags};

use crate::isolation::stage::{ROOTS, Root, Stage, delivered, refusal};

/// Every way to spell something above the root.
fn climbs(name: &str) -> Vec<String> {
    let ups = ["/..", "..", "/../..", "/d/../..", "/./..//../d/../../..", "../../../.."];
    ups.iter().map(|up| format!("{up}/{name}")).collect()
}

#[test]
fn a_watch_above_the_root_is_one_on_the_root() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let inotify = stage.group(&["/"]);
        let own = stage.vfs.stat(&stage.guest, "/").expect("it is there");
        for path in ["/..", "../..", "/d/../../..", "/../../."] {
            let mask = WatchMask::ALL_EVENTS;
            let wd = stage.vfs.add_watch(&stage.guest, &inotify, path, mask).expect("a watch");
            assert_eq!(wd.as_raw(), 1, "{root:?}: {path} is the root");
            let found = stage.vfs.stat(&stage.guest, path).expect("it is there");
            assert_eq!((found.ino, found.device), (own.ino, own.device), "{root:?}: {path}");
        }
        stage.host_creates("/secret/new");
        stage.host_creates("/top-secret");
        stage.vfs.rename(&stage.host, "/secret", "/moved", RenameFlags::empty()).expect("a rename");
        assert!(delivered(&inotify).is_empty(), "{root:?}");
    }
}

#[test]
fn symlinks_lead_nowhere_outside() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, cx) = (&stage.vfs, &stage.guest);
        let inotify = stage.group(&[]);
        for (n, target) in
            ["/secret", "../secret", "../../../secret", "/guest", "/../secret", "/d/../../secret"]
                .iter()
                .enumerate()
        {
            let link = format!("/link{n}");
            vfs.symlink(cx, target, &link).expect("a link");
            let mask = WatchMask::ALL_EVENTS;
            let error = vfs.add_watch(cx, &inotify, &link, mask).expect_err("it dangles");
            assert_eq!(error.errno(), Errno::ENOENT, "{root:?}: {target}");
            assert_eq!(error.path(), Some(link.as_bytes()), "the path as it was given");
            assert_eq!(refusal(vfs.open(cx, &link, OpenFlags::READ, 0)), Errno::ENOENT);
        }
        // A link to the root of all is one to the guest's own.
        vfs.symlink(cx, "/", "/root").expect("a link");
        vfs.add_watch(cx, &inotify, "/root", WatchMask::CREATE).expect("a watch");
        stage.create("/new");
        stage.host_creates("/secret/new");
        stage.host_creates("/new");
        assert_eq!(delivered(&inotify), ["1:CREATE new"], "{root:?}: once, the guest's own");
    }
}

/// The error of every operation is the same whether the name exists outside or not.
#[test]
fn no_error_tells_whether_a_name_exists_outside() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, cx) = (&stage.vfs, &stage.guest);
        let inotify = stage.group(&[]);
        let ask = |path: &str| -> Vec<Option<Errno>> {
            let kind = |result: vfsnotify::Result<()>| result.err().map(|error| error.errno());
            let inside = vfs.open(cx, "/d", OpenFlags::PATH, 0).expect("a handle");
            let (create, exclusive) =
                (OpenFlags::WRITE | OpenFlags::CREATE, OpenFlags::CREATE | OpenFlags::EXCL);
            let answers = vec![
                kind(vfs.stat(cx, path).map(drop)),
                kind(vfs.access(cx, path, Access::empty())),
                kind(vfs.open(cx, path, OpenFlags::READ, 0).map(drop)),
                kind(vfs.open(cx, path.beneath(), OpenFlags::READ, 0).map(drop)),
                kind(vfs.open(cx, inside.at(path).beneath(), OpenFlags::READ, 0).map(drop)),
                kind(vfs.readlink(cx, path).map(drop)),
                kind(vfs.list(cx, path).map(drop)),
                kind(vfs.add_watch(cx, &inotify, path, WatchMask::OPEN).map(drop)),
                kind(vfs.unlink(cx, path)),
                kind(vfs.rmdir(cx, path)),
                kind(vfs.rename(cx, path, "/r", RenameFlags::empty())),
                kind(vfs.link(cx, path, "/l")),
                kind(vfs.mkdir(cx, format!("{path}/x"), 0o700)),
                kind(vfs.chmod(cx, path, 0o700)),
                kind(vfs.getxattr(cx, path, "user.x").map(drop)),
                kind(vfs.truncate(cx, path, 0)),
                kind(cx.clone().chdir(vfs, path)),
                kind(cx.clone().with_root(vfs, path).map(drop)),
                // Last, since they make it: and where they make it is inside.
                kind(vfs.open(cx, path, create, 0o600).map(drop)),
                kind(vfs.open(cx, path, exclusive, 0o600).map(drop)),
            ];
            let _ = vfs.unlink(cx, path);
            answers
        };
        for (there, missing) in climbs("secret").iter().zip(&climbs("nothing")) {
            let answers = ask(there);
            assert_eq!(answers, ask(missing), "{root:?}: {there}");
            assert!(answers.iter().filter(|answer| answer.is_some()).count() >= 16);
        }
        for (there, missing) in climbs("secret/plans").iter().zip(&climbs("nothing/plans")) {
            assert_eq!(ask(there), ask(missing), "{root:?}: {there}");
        }
        assert!(vfs.exists(&stage.host, "/secret/plans").expect("a look-up"), "untouched");
    }
}

/// A handle on an object is a right to it, as on Linux: an embedder that passes one in from outside shows what
/// is below it. Unlike on Linux `..` does not lead from it to anything that is not below the root.
#[test]
fn a_handle_passed_in_from_outside_shows_what_is_reached_from_it_and_no_other_does() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, cx) = (&stage.vfs, &stage.guest);
        let inotify = stage.group(&[]);
        let plans = vfs.open(&stage.host, "/secret/plans", OpenFlags::PATH, 0).expect("a handle");
        let watch = |path: &str| {
            let pending = vfs.start_watch(cx, &inotify, plans.at(path), WatchMask::CREATE);
            pending.and_then(vfsnotify::inotify::PendingWatch::wait)
        };
        watch(".").expect("a watch");
        assert_eq!(refusal(watch("..")), Errno::ENOENT, "{root:?}");
        stage.host_creates("/secret/plans/a");
        stage.host_creates("/secret/b");
        assert_eq!(delivered(&inotify), ["1:CREATE a"], "{root:?}");
        // An absolute path begins at the root all the same.
        assert_eq!(refusal(watch("/secret")), Errno::ENOENT);
        let open = |path: &str| vfs.open(cx, plans.at(path).beneath(), OpenFlags::READ, 0);
        for path in ["..", "../classified", "../plans", "/secret"] {
            let error = refusal(open(path));
            assert_eq!(error, Errno::EXDEV, "{root:?}: {path}");
        }
        open("a").expect("it is beneath");
        // The guest has no path to it.
        assert_eq!(refusal(plans.path(cx)), Errno::ENOENT);
        assert_eq!(plans.shown_path(cx).expect("short"), b"(unreachable)");
    }
}

#[test]
fn paths_are_told_from_the_guests_root() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, cx) = (&stage.vfs, &stage.guest);
        let file = vfs.open(cx, "/d/inside", OpenFlags::READ, 0).expect("a handle");
        assert_eq!(file.path(cx).expect("it has one"), b"/d/inside", "{root:?}");
        assert_eq!(file.shown_path(cx).expect("short"), b"/d/inside");
        vfs.unlink(cx, "/d/inside").expect("it is there");
        assert_eq!(file.shown_path(cx).expect("short"), b"/d/inside (deleted)");
        let error = vfs.stat(cx, "d/none").expect_err("there is none");
        assert_eq!(error.path(), Some(&b"d/none"[..]), "the path as it was given");
        assert!(!error.to_string().contains("guest") && !error.to_string().contains("jail"));
    }
}

#[test]
fn the_list_of_mounts_is_that_of_the_guests_root() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, host) = (&stage.vfs, &stage.host);
        vfs.mount(host, "/secret", vfsnotify::MemFs::new()).expect("a mount");
        vfs.bind_mount(host, "/secret", "/guest/d").expect("a mount");
        let paths = |cx| -> Vec<String> {
            let utf8 = |mount: vfsnotify::MountInfo| String::from_utf8(mount.path).expect("text");
            vfs.mounts(cx).into_iter().map(utf8).collect()
        };
        let expected: &[&str] = match root {
            // The bind mount is on the directory as the host sees it, beside the guest's own mount.
            Root::Bind => &["/"],
            Root::Own => &["/", "/d"],
            Root::Directory => &["/d"],
        };
        assert_eq!(paths(&stage.guest), expected, "{root:?}");
        assert!(paths(host).contains(&"/secret".to_owned()));
    }
}

/// As on Linux, where a directory that is a root by chroot(2) shows the number of its parent; the
/// root of a file system shows its own. It is a number, not a name.
#[test]
fn dot_dot_of_the_root_is_listed_with_a_number_and_leads_to_the_root() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, cx) = (&stage.vfs, &stage.guest);
        let dir = vfs.open(cx, "/", OpenFlags::DIRECTORY, 0).expect("a handle");
        let entries = dir.read_dir(4096).expect("a listing");
        let names: Vec<&[u8]> = entries.iter().map(|entry| &entry.name[..]).collect();
        assert_eq!(names, [&b"."[..], b"..", b"d"], "{root:?}");
        let host_root = vfs.stat(&stage.host, "/").expect("it is there").ino;
        let own = vfs.stat(cx, "/").expect("it is there").ino;
        let expected = if root == Root::Own { own } else { host_root };
        assert_eq!(entries[1].ino, expected, "{root:?}");
        assert_eq!(vfs.stat(cx, "/..").expect("it is there").ino, own, "{root:?}");
    }
}

#[test]
fn the_list_of_watches_has_numbers_and_no_names() {
    let stage = Stage::new(Root::Directory);
    let inotify = stage.group(&["/", "/d", "/d/inside"]);
    for watch in inotify.watches() {
        let line = watch.to_string();
        let rest = line.strip_prefix("inotify ").expect("as fdinfo has it");
        for field in rest.split(' ') {
            let (key, value) = field.split_once(':').expect("a key and a value");
            assert!(["wd", "ino", "sdev", "mask", "ignored_mask"].contains(&key), "{line}");
            assert!(u64::from_str_radix(value, 16).is_ok(), "{line}");
        }
        let debug = format!("{watch:?}");
        assert!(!debug.contains("inside") && !debug.contains("guest"), "{debug}");
    }
}
