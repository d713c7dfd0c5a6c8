//! Attributes and extended attributes.

use super::*;
use crate::base::clock::Timestamp;
use crate::base::kind::InodeKind;
use crate::fs::{FallocateFlags, TimeSetting, XattrMode};

/// The mode that is left by: a write of an owner in the file's group, the same by an owner outside
/// of it, a chown by the owner in the group, a chmod by the owner not in the group. Every
/// row was seen on Linux 6.18 (tmpfs).
const MODES: [(u32, u32, u32, u32); 9] = [
    (0o6755, 0o755, 0o755, 0o4755),
    (0o4755, 0o755, 0o755, 0o4755),
    (0o2755, 0o755, 0o755, 0o755),
    (0o6744, 0o2744, 0o744, 0o4744),
    (0o2745, 0o2745, 0o745, 0o745),
    (0o6666, 0o2666, 0o666, 0o4666),
    (0o2670, 0o670, 0o670, 0o670),
    (0o2660, 0o2660, 0o660, 0o660),
    (0o7777, 0o1777, 0o1777, 0o5777),
];

#[test]
fn a_file_in_a_set_group_id_directory_has_the_group_of_the_directory() {
    let stage = FileStage::new();
    let (vfs, cx, user) = (&stage.vfs, &stage.cx, stage.user(1000));
    vfs.mkdir(cx, "/g", 0o777).unwrap();
    vfs.chown(cx, "/g", None, Some(7)).unwrap();
    vfs.mknod(&user, "/g/before", InodeKind::Regular, 0o644, 0).unwrap();
    vfs.chmod(cx, "/g", 0o2777).unwrap();
    vfs.mknod(&user, "/g/file", InodeKind::Regular, 0o644, 0).unwrap();
    vfs.mkdir(&user, "/g/dir", 0o755).unwrap();
    let rows = [("/g/before", 1000, 0o644), ("/g/file", 7, 0o644), ("/g/dir", 7, 0o2755)];
    for (path, gid, mode) in rows {
        let attr = vfs.stat(cx, path).unwrap();
        assert_eq!((attr.uid, attr.gid, stage.mode(path)), (1000, gid, mode), "{path}");
    }
}

#[test]
fn set_id_bits_are_stripped_as_on_linux() {
    let stage = FileStage::usual();
    let (vfs, root, user) = (&stage.vfs, &stage.cx, stage.user(1000));
    let make = |mode, gid| {
        vfs.chown(root, "/p/f", Some(1000), Some(gid)).unwrap();
        vfs.chmod(root, "/p/f", mode).unwrap();
        assert_eq!(stage.mode("/p/f"), mode);
    };
    for (mode, inside, outside, chmodded) in MODES {
        let left = || stage.mode("/p/f");
        for (gid, want) in [(1000, inside), (3000, outside)] {
            make(mode, gid);
            vfs.truncate(&user, "/p/f", 5).unwrap();
            assert_eq!(left(), want, "truncate {mode:o}");
            make(mode, gid);
            let file = vfs.open(&user, "/p/f", OpenFlags::WRITE, 0).unwrap();
            file.write(b"x").unwrap();
            assert_eq!(left(), want, "write {mode:o}");
            make(mode, gid);
            file.fallocate(FallocateFlags::empty(), 0, 1).unwrap();
            assert_eq!(left(), want, "fallocate {mode:o}");
            make(mode, gid);
            vfs.open(&user, "/p/f", OpenFlags::WRITE | OpenFlags::TRUNC, 0).unwrap();
            assert_eq!(left(), want, "open {mode:o}");
        }
        make(mode, 1000);
        vfs.chown(&user, "/p/f", Some(1000), Some(1000)).unwrap();
        assert_eq!(left(), inside, "chown {mode:o}");
        make(mode, 1000);
        vfs.chown(root, "/p/f", None, None).unwrap();
        assert_eq!(left(), inside, "chown by root {mode:o}");
        make(mode, 3000);
        vfs.chmod(&user, "/p/f", mode).unwrap();
        assert_eq!(left(), chmodded, "chmod {mode:o}");
        make(mode, 1000);
        stage.open("/p/f", OpenFlags::WRITE).write(b"x").unwrap();
        vfs.truncate(root, "/p/f", 2).unwrap();
        assert_eq!(left(), mode, "by root {mode:o}");
    }
    vfs.chmod(root, "/p", 0o6755).unwrap();
    vfs.chown(root, "/p", Some(5), Some(5)).unwrap();
    assert_eq!(stage.mode("/p"), 0o6755, "a directory keeps them");
}

#[test]
fn the_loss_of_set_id_bits_is_reported() {
    let stage = FileStage::usual();
    let (vfs, root, user) = (&stage.vfs, &stage.cx, stage.user(1000));
    let arm = || {
        vfs.chown(root, "/p/f", Some(1000), Some(1000)).unwrap();
        vfs.chmod(root, "/p/f", 0o4755).unwrap();
        stage.take_events();
    };
    arm();
    vfs.truncate(&user, "/p/f", 1).unwrap();
    stage.expect(&["P:MODIFY|ATTRIB f", "F:MODIFY|ATTRIB"]);
    arm();
    let file = vfs.open(&user, "/p/f", OpenFlags::WRITE | OpenFlags::TRUNC, 0).unwrap();
    stage.expect(&["P:OPEN f", "F:OPEN", "P:MODIFY|ATTRIB f", "F:MODIFY|ATTRIB"]);
    arm();
    file.write(b"x").unwrap();
    stage.expect(&["P:ATTRIB f", "F:ATTRIB", "P:MODIFY f", "F:MODIFY"]);
    file.write(b"y").unwrap();
    stage.expect(&["P:MODIFY f", "F:MODIFY"]);
    vfs.chown(root, "/p/f", None, None).unwrap();
    stage.expect(&[]);
    arm();
    vfs.chown(root, "/p/f", None, None).unwrap();
    stage.expect(&["P:ATTRIB f", "F:ATTRIB"]);
}

#[test]
fn only_owners_change_attributes() {
    let stage = FileStage::usual();
    let (vfs, user, other) = (&stage.vfs, stage.user(1000), stage.user(2000));
    vfs.chown(&stage.cx, "/p/f", Some(1000), Some(1000)).unwrap();
    stage.take_events();
    let denied = Errno::EPERM;
    assert_eq!(refusal(vfs.chmod(&other, "/p/f", 0o777)), denied);
    assert_eq!(refusal(vfs.chown(&other, "/p/f", Some(2000), None)), denied);
    assert_eq!(refusal(vfs.chown(&user, "/p/f", Some(2000), None)), denied);
    assert_eq!(refusal(vfs.chown(&user, "/p/f", None, Some(3000))), denied);
    vfs.chown(&other, "/p/f", None, None).unwrap();
    let (now, then) = (TimeSetting::Now, TimeSetting::At(Timestamp::from_seconds(1)));
    assert_eq!(refusal(vfs.utimens(&other, "/p/f", Some(then), Some(then))), denied);
    assert_eq!(refusal(vfs.utimens(&other, "/p/f", Some(now), None)), denied);
    let touch = vfs.utimens(&other, "/p/f", Some(now), Some(now));
    assert_eq!(refusal(touch), Errno::EACCES);
    let bad = TimeSetting::At(Timestamp { seconds: 0, nanoseconds: 1_000_000_000 });
    assert_eq!(refusal(vfs.utimens(&user, "/none", Some(bad), None)), Errno::ENOENT);
    assert_eq!(refusal(vfs.utimens(&other, "/p/f", Some(bad), None)), Errno::EINVAL);
    vfs.utimens(&user, "/none", None, None).unwrap();
    stage.expect(&[]);
    vfs.chown(&user, "/p/f", Some(1000), Some(1000)).unwrap();
    stage.expect(&["P:ATTRIB f", "F:ATTRIB"]);
    vfs.chmod(&stage.cx, "/p/f", 0o666).unwrap();
    vfs.utimens(&other, "/p/f", Some(now), Some(now)).unwrap();
    stage.expect(&["P:ATTRIB f", "F:ATTRIB", "P:ATTRIB f", "F:ATTRIB"]);
    vfs.chown(&stage.cx, "/p/f", Some(7), None).unwrap();
    let attr = vfs.stat(&stage.cx, "/p/f").unwrap();
    assert_eq!((attr.uid, attr.gid), (7, 1000));
}

#[test]
fn a_symbolic_link_has_attributes_of_its_own() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.symlink(cx, "f", "/p/l").unwrap();
    let stage = stage.watch("L", "/p/l");
    stage.take_events();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.chown(cx, "/p/l".no_follow(), Some(5), None).unwrap();
    stage.expect(&["P:ATTRIB l", "L:ATTRIB"]);
    let refused = vfs.chmod(cx, "/p/l".no_follow(), 0o600);
    assert_eq!(refusal(refused), Errno::EOPNOTSUPP);
    let now = Some(TimeSetting::Now);
    vfs.utimens(cx, "/p/l".no_follow(), None, now).unwrap();
    stage.expect(&["P:MODIFY l", "L:MODIFY"]);
    vfs.utimens(cx, "/p/l", now, None).unwrap();
    stage.expect(&["P:ACCESS f", "F:ACCESS"]);
}

/// Every row was seen on Linux 6.18 (tmpfs); an object, a name, and what setting, looking and
/// removing say.
#[test]
fn attribute_names_have_rules() {
    let stage = FileStage::usual();
    let (vfs, root, other) = (&stage.vfs, &stage.cx, stage.user(2000));
    vfs.mknod(root, "/p/i", InodeKind::Fifo, 0o666, 0).unwrap();
    vfs.mkdir(root, "/p/t", 0o1777).unwrap();
    let long = "user.".to_owned() + &"x".repeat(251);
    let just = "user.".to_owned() + &"x".repeat(250);
    let rows = [
        (root, "/p/f", "user.a", None, None),
        (root, "/p/f", just.as_str(), None, None),
        (root, "/p/f", long.as_str(), Some(Errno::ERANGE), Some(Errno::ERANGE)),
        (root, "/p/f", "", Some(Errno::ERANGE), Some(Errno::ERANGE)),
        (root, "/p/f", "user.", Some(Errno::EINVAL), Some(Errno::EINVAL)),
        (root, "/p/f", "trusted.a", None, None),
        (root, "/p/f", "security.a", None, None),
        (root, "/p/f", "system.a", Some(Errno::EOPNOTSUPP), Some(Errno::EOPNOTSUPP)),
        (root, "/p/f", "other", Some(Errno::EOPNOTSUPP), Some(Errno::EOPNOTSUPP)),
        (root, "/p/i", "user.a", Some(Errno::EPERM), Some(Errno::ENODATA)),
        (root, "/p/i", "trusted.a", None, None),
        (&other, "/p/f", "user.n", Some(Errno::EACCES), Some(Errno::ENODATA)),
        (&other, "/p/f", "trusted.n", Some(Errno::EPERM), Some(Errno::ENODATA)),
        (&other, "/p/f", "security.n", Some(Errno::EPERM), Some(Errno::ENODATA)),
        (&other, "/p/f", "other", Some(Errno::EACCES), Some(Errno::EOPNOTSUPP)),
        (&other, "/p/t", "user.a", Some(Errno::EPERM), Some(Errno::ENODATA)),
    ];
    for (cx, path, name, set, get) in rows {
        let kind = |result: Result<()>| result.err().map(|error| error.errno());
        let got = vfs.setxattr(cx, path, name, b"v", XattrMode::Set);
        assert_eq!(kind(got), set, "set {path} {name}");
        let got = vfs.getxattr(cx, path, name).map(|value| assert_eq!(value, b"v"));
        assert_eq!(kind(got), get, "get {path} {name}");
        assert_eq!(kind(vfs.removexattr(cx, path, name)), set, "remove {path} {name}");
    }
    for name in ["user.u", "trusted.t", "security.s"] {
        vfs.setxattr(root, "/p/f", name, b"", XattrMode::Create).unwrap();
    }
    let mut seen = vfs.listxattr(&other, "/p/f").unwrap();
    seen.sort();
    assert_eq!(seen, [&b"security.s"[..], b"user.u"]);
    assert_eq!(vfs.listxattr(root, "/p/f").unwrap().len(), 3);
    let huge = vfs.setxattr(root, "/p/f", "user.h", &[0; 65_537], XattrMode::Set);
    assert_eq!(refusal(huge), Errno::E2BIG);
    vfs.setxattr(root, "/p/f", "user.h", &[0; 65_536], XattrMode::Set).unwrap();
    let again = vfs.setxattr(root, "/p/f", "user.h", b"", XattrMode::Create);
    assert_eq!(refusal(again), Errno::EEXIST);
}

#[test]
fn open_files_have_attributes_whatever_their_name() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", OpenFlags::READ);
    stage.vfs.unlink(&stage.cx, "/p/f").unwrap();
    stage.take_events();
    file.chmod(&stage.cx, 0o600).unwrap();
    file.chown(&stage.cx, Some(1), Some(2)).unwrap();
    file.setxattr(&stage.cx, "user.a", b"x", XattrMode::Set).unwrap();
    file.utimens(&stage.cx, None, Some(TimeSetting::Now)).unwrap();
    stage.expect(&[
        "P:ATTRIB f",
        "F:ATTRIB",
        "P:ATTRIB f",
        "F:ATTRIB",
        "P:ATTRIB f",
        "F:ATTRIB",
        "P:MODIFY f",
        "F:MODIFY",
    ]);
    let attr = file.stat().unwrap();
    assert_eq!((attr.mode.bits(), attr.uid, attr.gid, attr.nlink), (0o600, 1, 2, 0));
    assert_eq!(file.listxattr(&stage.cx).unwrap(), [b"user.a"]);
}
