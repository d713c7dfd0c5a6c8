//! Layers over layers, over what is known and over what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vfsnotify::fs::{Handle, Layer, MemFs, Node, Request, Sink, WriteData};
use vfsnotify::{Errno, FileSystem, OpenFlags, Result, Vfs};

use super::recorder::Recorder;

/// Says nothing of its own.
#[derive(Debug)]
struct Plain<F>(F);

impl<F: FileSystem> Layer for Plain<F> {
    type Inner = F;
    fn inner(&self) -> &F {
        &self.0
    }
}

/// Over a file system that is chosen at run time.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn FileSystem>,
    bytes: AtomicUsize,
}

impl Layer for Counting {
    type Inner = dyn FileSystem;
    fn inner(&self) -> &Self::Inner {
        &*self.inner
    }
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        let count = self.inner.write(request, ino, handle, offset, data)?;
        self.bytes.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

#[test]
fn a_layer_that_says_nothing_is_the_file_system_below() {
    let recorder = Recorder::default();
    let notes = recorder.notes.clone();
    let vfs = Vfs::new(Plain(Arc::new(Plain(recorder)))).expect("a root");
    let cx = vfs.context();
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    let file = vfs.open(&cx, "/f", flags, 0o644).expect("a file");
    file.write(b"hello").expect("a write");
    file.close();
    let asked: Vec<_> = notes.take().into_iter().map(|call| call.what).collect();
    assert_eq!(asked, ["lookup", "getattr", "create", "open", "write", "release"]);
}

/// Also where it comes in several buffers: there is one way to write.
#[test]
fn a_layer_sees_every_write() {
    let fs = Arc::new(Counting { inner: Arc::new(MemFs::new()), bytes: AtomicUsize::new(0) });
    let vfs = Vfs::new(fs.clone()).expect("a root");
    let cx = vfs.context();
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    let file = vfs.open(&cx, "/f", flags, 0o644).expect("a file");
    file.write(b"12").expect("a write");
    let bufs = [std::io::IoSlice::new(b"345"), std::io::IoSlice::new(b"6789")];
    file.writev(&bufs).expect("a write");
    file.pwritev(&bufs, 100).expect("a write");
    assert_eq!(fs.bytes.load(Ordering::Relaxed), 16);
}

#[test]
fn a_file_is_found_by_its_handle_through_layers() {
    let fs = Plain(MemFs::new());
    fs.0.attach(&Sink::unattached()).expect("it never refuses");
    let (me, root) = (&Request::SUPERUSER, FileSystem::root(&fs).expect("a root").attr);
    let Node { attr, .. } =
        FileSystem::by_handle(&fs, me, root.ino, root.generation).expect("it is there");
    assert_eq!(attr, root);
    let other = FileSystem::by_handle(&fs, me, root.ino, root.generation + 1);
    assert_eq!(other.expect_err("another life"), Errno::ESTALE);
}
