//! Path resolution, and the way back up.

use super::*;
use crate::fs::OpenFlags;
use crate::vfs::Credentials;
use crate::vfs::LookupFlags;
use crate::vfs::permission::Access;
use crate::vfs::resolve::walk::LastKind;

fn shown(stage: &VfsStage, cx: &Context, path: &str) -> String {
    let found = stage.vfs.resolve(cx, path.follow()).unwrap();
    String::from_utf8(stage.vfs.path_of(cx, &found).unwrap().into_shown().unwrap()).unwrap()
}

fn tree() -> VfsStage {
    VfsStage::new().with(&[
        "/a/",
        "/a/b/",
        "/a/b/f",
        "/up->a/..",
        "/abs->/a/b",
        "/dir->a",
        "/loop->loop",
        "/out->/",
        "/none->missing",
        "/slash->a/",
    ])
}

#[test]
fn paths_lead_where_they_should_and_back() {
    let stage = tree();
    for (path, real) in [
        ("/", "/"),
        ("//", "/"),
        ("/..", "/"),
        ("/a/./b/../b//f", "/a/b/f"),
        ("/up/a", "/a"),
        ("/dir/b/f", "/a/b/f"),
        ("/abs/../b", "/a/b"),
        ("/abs/", "/a/b"),
        ("/slash/b", "/a/b"),
        ("/out/out/out/a", "/a"),
    ] {
        assert_eq!(shown(&stage, &stage.cx, path), real, "{path}");
    }
}

#[test]
fn links_are_counted_and_loops_end() {
    let mut stage = tree();
    assert_eq!(refusal(stage.vfs.exists(&stage.cx, "/loop")), Errno::ELOOP);
    stage = stage.with(&["/l0->a"]);
    for at in 1..=40 {
        let (link, target) = (format!("/l{at}"), format!("l{}", at - 1));
        stage.vfs.symlink(&stage.cx, target, link).unwrap();
    }
    assert!(stage.vfs.exists(&stage.cx, "/l39/b").unwrap(), "forty links");
    let error = refusal(stage.vfs.exists(&stage.cx, "/l40/b"));
    assert_eq!(error, Errno::ELOOP);
}

#[test]
fn dot_dot_never_leaves_a_root() {
    let stage = tree();
    let jail = stage.cx.clone().with_root(&stage.vfs, "/a").unwrap();
    assert_eq!(shown(&stage, &jail, "/../../.."), "/");
    assert_eq!(shown(&stage, &jail, "b/../../b"), "/b");
    let outside = stage.vfs.resolve(&stage.cx, "/up".follow()).unwrap();
    assert!(stage.vfs.path_of(&jail, &outside).unwrap().is_unreachable());
}

#[test]
fn a_removed_place_is_shown_as_deleted() {
    let stage = tree();
    let file = stage.vfs.resolve(&stage.cx, "/a/b/f".follow()).unwrap();
    stage.vfs.unlink(&stage.cx, "/a/b/f").unwrap();
    stage.rename("/a", "/z", RenameFlags::empty()).unwrap();
    let path = stage.vfs.path_of(&stage.cx, &file).unwrap();
    assert!(path.is_deleted() && !path.is_unreachable());
    assert_eq!(path.into_shown().unwrap(), b"/z/b/f (deleted)");
}

#[test]
fn beneath_is_beneath() {
    let stage = tree().with(&["/a/esc->../a/b", "/a/in->b/f"]);
    let start = stage.vfs.open(&stage.cx, "/a", OpenFlags::PATH, 0).unwrap();
    let beneath = LookupFlags::BENEATH | LookupFlags::FOLLOW;
    let go = |path: &str, how| stage.vfs.resolve(&stage.cx, start.at(path).with_flags(how));
    assert!(go("b/../in", beneath).is_ok());
    for path in ["..", "b/../..", "/a", "esc"] {
        assert_eq!(refusal(go(path, beneath)), Errno::EXDEV, "{path}");
    }
    let in_root = LookupFlags::IN_ROOT | LookupFlags::FOLLOW;
    assert!(go("/../../b/f", in_root).is_ok());
    let no_links = LookupFlags::NO_SYMLINKS | LookupFlags::FOLLOW;
    assert_eq!(refusal(go("in", no_links)), Errno::ELOOP);
    let itself = LookupFlags::NO_SYMLINKS;
    assert!(go("in", itself).is_ok());
}

#[test]
fn the_parent_of_a_link_followed_is_that_of_its_target() {
    let stage = tree().with(&["/a/b/dangling->../new", "/a/b/chain->dangling"]);
    let last = stage.vfs.resolve_parent(&stage.cx, "/a/b/chain".follow()).unwrap();
    assert_eq!(stage.vfs.path_of(&stage.cx, &last.dir).unwrap().into_bytes(), b"/a");
    assert_eq!((last.name, last.kind), ("new".as_bytes().into(), LastKind::Normal));
    let last = stage.vfs.resolve_parent(&stage.cx, "/a/b/chain/".follow()).unwrap();
    assert!(last.trailing_slash && last.name == "chain", "not followed");
    for (path, kind) in [
        ("/", LastKind::Root),
        ("/out", LastKind::Root),
        ("/a/.", LastKind::Dot),
        ("/up", LastKind::DotDot),
    ] {
        let last = stage.vfs.resolve_parent(&stage.cx, path.follow()).unwrap();
        assert_eq!(last.kind, kind, "{path}");
    }
}

#[test]
fn names_and_paths_have_a_length() {
    let stage = tree();
    let exists = |path: Vec<u8>| stage.vfs.exists(&stage.cx, path);
    let name = |len: usize| [b"/a/".as_slice(), &vec![b'n'; len]].concat();
    assert!(!exists(name(255)).unwrap());
    assert_eq!(refusal(exists(name(256))), Errno::ENAMETOOLONG);
    assert!(exists(vec![b'/'; 4095]).unwrap());
    assert_eq!(refusal(exists(vec![b'/'; 4096])), Errno::ENAMETOOLONG);
    assert_eq!(refusal(exists(b"/a\0b".to_vec())), Errno::EINVAL);
    assert_eq!(refusal(stage.vfs.mkdir(&stage.cx, "", 0)), Errno::ENOENT);
}

#[test]
fn misses_are_remembered_and_turn_positive() {
    let stage = tree();
    let before = stage.vfs.tree().negatives();
    assert!(!stage.vfs.exists(&stage.cx, "/a/x").unwrap());
    assert_eq!(stage.vfs.tree().negatives(), before + 1);
    stage.file("/a/x").unwrap();
    assert_eq!(stage.vfs.tree().negatives(), before);
    stage.vfs.unlink(&stage.cx, "/a/x").unwrap();
    assert_eq!(stage.vfs.tree().negatives(), before + 1);
    stage.vfs.verify().unwrap();
}

#[test]
fn permissions_are_those_of_the_first_class_that_fits() {
    let stage = VfsStage::new();
    let as_user = |uid, gid| stage.cx.clone().with_credentials(Credentials::new(uid, gid));
    let (owner, group, other) = (as_user(1, 1), as_user(2, 1), as_user(3, 3));
    stage.vfs.mkdir(&stage.cx, "/t", 0o777).unwrap();
    stage.vfs.mkdir(&owner, "/t/d", 0o075).unwrap();
    let may = |cx: &Context, want| stage.vfs.access(cx, "/t/d", want).is_ok();
    assert!(!may(&owner, Access::READ));
    assert!(may(&group, Access::READ | Access::WRITE | Access::EXEC));
    assert!(may(&other, Access::READ | Access::EXEC) && !may(&other, Access::WRITE));
    assert!(may(&stage.cx, Access::all()));
    stage.file("/t/f").unwrap();
    let refused = stage.vfs.access(&stage.cx, "/t/f", Access::EXEC);
    assert_eq!(refusal(refused), Errno::EACCES);
    let extra = as_user(9, 9).with_credentials(Credentials::new(9, 9).with_groups([1]));
    assert!(may(&extra, Access::WRITE));
}

#[test]
fn a_context_of_another_vfs_is_refused() {
    let (one, two) = (VfsStage::new(), VfsStage::new());
    assert_eq!(refusal(one.vfs.mkdir(&two.cx, "/d", 0o755)), Errno::EINVAL);
}

#[test]
fn a_path_that_none_can_be_is_refused_before_the_limit_of_open_files() {
    let vfs = Vfs::builder().max_user_open_files(0).build(MemFs::new()).unwrap();
    let cx = vfs.context();
    let open = |path: &[u8]| refusal(vfs.open(&cx, path, crate::fs::OpenFlags::READ, 0));
    assert_eq!(open(b""), Errno::ENOENT);
    assert_eq!(open(&[b'x'; 5000]), Errno::ENAMETOOLONG);
    assert_eq!(open(b"/none"), Errno::EMFILE);
    assert_eq!(open(&[b'x'; 300]), Errno::EMFILE);
}

#[test]
fn an_instance_of_another_vfs_is_refused_before_the_path_is_looked_up() {
    let stage = VfsStage::new();
    let other = VfsStage::new();
    let added = stage.vfs.add_watch(&stage.cx, &other.inotify, "/none", WatchMask::CREATE);
    assert_eq!(refusal(added), Errno::EINVAL);
}
