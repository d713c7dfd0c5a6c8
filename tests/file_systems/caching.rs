//! The calls repeated for a file system whose answers may not be cached.

use vfsnotify::fs::Caching;
use vfsnotify::{Credentials, OpenFlags, Vfs};

use super::recorder::Recorder;

fn recorder(caching: Caching) -> Recorder {
    Recorder { caching, ..Recorder::default() }
}

#[test]
fn each_use_of_a_remembered_name_asks_a_file_system_without_entries() {
    let fs = recorder(Caching::default().with_entries(false));
    let notes = fs.notes.clone();
    let vfs = Vfs::new(fs).expect("a root");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    vfs.mkdir(&cx, "/d/e", 0o755).expect("a directory");
    vfs.exists(&cx, "/d/none").expect("an answer");
    for (path, names) in [("/d", 1), ("/d/e", 2), ("/d/e/../e", 3), ("/d/none", 2), ("/", 0)] {
        notes.take();
        vfs.exists(&cx, path).expect("an answer");
        let calls = notes.take();
        let asked = |what| calls.iter().filter(|call| call.what == what).count();
        assert_eq!((asked("revalidate"), asked("lookup")), (names, 0), "{path}");
    }
}

#[test]
fn no_use_of_a_remembered_name_asks_a_file_system_with_entries() {
    let fs = recorder(Caching::default());
    let notes = fs.notes.clone();
    let vfs = Vfs::new(fs).expect("a root");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    vfs.exists(&cx, "/none").expect("an answer");
    notes.take();
    for _ in 0..3 {
        vfs.open(&cx, "/d", OpenFlags::READ, 0).expect("a directory");
        vfs.exists(&cx, "/none").expect("an answer");
    }
    let calls = notes.take();
    assert!(calls.iter().all(|call| !matches!(call.what, "revalidate" | "lookup")), "{calls:?}");
}

/// A bit that is set behind the VFS's back is seen by the next write.
#[test]
fn each_write_looks_for_set_id_bits_of_a_file_system_without_attributes() {
    for attributes in [true, false] {
        let fs = recorder(Caching::default().with_attributes(attributes));
        let notes = fs.notes.clone();
        let vfs = Vfs::new(fs).expect("a root");
        vfs.chmod(&vfs.context(), "/", 0o777).expect("a mode");
        let user = vfs.context().with_credentials(Credentials::new(1000, 1000));
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        let file = vfs.open(&user, "/f", flags, 0o666).expect("a file");
        file.write(b"x").expect("a write");
        notes.take();
        for _ in 0..3 {
            file.write(b"x").expect("a write");
        }
        assert_eq!(notes.count("getattr"), if attributes { 0 } else { 3 });
    }
}
