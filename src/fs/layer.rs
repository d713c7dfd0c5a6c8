//! Forwarding: a layer over a file system, and a shared file system.

use std::fmt::Debug;
use std::ops::Range;

use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::{
    Attr, Caching, ContentAccess, DirEntry, FallocateFlags, FileSystem, FsStat, Handle, NewNode,
    Node, OpenFlags, RenameFlags, Request, SeekTo, SetAttr, Sink, SyncScope, Unlinked, WriteData,
    XattrMode,
};

/// Every method of a file system, in one list. It is forwarded from a layer to the file system below
/// it, from a [`FileSystem`] to the layer that implements it, and from a shared file system to its
/// target.
macro_rules! forward {
    ($(fn $method:ident(&self $(, $arg:ident: $of:ty)* $(,)?) $(-> $answer:ty)?;)*) => {
        /// A file system over another one: methods that it does not implement go to the inner one.
        ///
        /// A layer names its [`inner`](Layer::inner) file system and implements the methods that it
        /// changes; every other method is forwarded. Each layer is a [`FileSystem`], so it is mounted
        /// as one and can be the inner one of the next layer. A forwarded call costs nothing if the
        /// type of the inner file system is known; it may be `dyn FileSystem` too (then `inner` returns
        /// `&Self::Inner`).
        ///
        /// The methods have the names, arguments and rules of [`FileSystem`]'s, which documents them. A
        /// layer that makes inodes or look-ups of its own must keep the promises to the inner file
        /// system: each look-up that the inner one counted comes back by [`forget`](Layer::forget), and
        /// each handle by [`release`](Layer::release).
        ///
        /// In a scope with both traits a method of a layer is ambiguous: call it as
        /// `FileSystem::lookup(&layer, ..)`.
        ///
        /// ```
        /// use std::sync::atomic::{AtomicU32, Ordering};
        /// use vfsnotify::fs::{FileSystem, Layer, MemFs, Request};
        /// use vfsnotify::{Errno, Result, Vfs};
        ///
        /// /// Counts removals, and refuses the third.
        /// #[derive(Debug, Default)]
        /// struct Careful {
        ///     inner: MemFs,
        ///     removals: AtomicU32,
        /// }
        ///
        /// impl Layer for Careful {
        ///     type Inner = MemFs;
        ///
        ///     fn inner(&self) -> &MemFs {
        ///         &self.inner
        ///     }
        ///
        ///     fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()> {
        ///         if self.removals.fetch_add(1, Ordering::Relaxed) == 2 {
        ///             return Err(Errno::EDQUOT.into());
        ///         }
        ///         self.inner.rmdir(request, parent, name)
        ///     }
        /// }
        ///
        /// let vfs = Vfs::new(Careful::default())?;
        /// let cx = vfs.context();
        /// for n in 0..3 {
        ///     vfs.mkdir(&cx, "/d", 0o755)?;
        ///     assert_eq!(vfs.rmdir(&cx, "/d").is_ok(), n < 2);
        /// }
        /// # Ok::<(), vfsnotify::Error>(())
        /// ```
        pub trait Layer: Debug + Send + Sync {
            /// The type of the file system below.
            type Inner: FileSystem + ?Sized;

            /// The file system below.
            fn inner(&self) -> &Self::Inner;

            $(
                #[doc = concat!(
                    "As [`FileSystem::", stringify!($method), "`]; the default asks the inner file system."
                )]
                #[inline]
                fn $method(&self $(, $arg: $of)*) $(-> $answer)? {
                    self.inner().$method($($arg),*)
                }
            )*
        }

        /// A layer is a file system.
        impl<L: Layer + ?Sized> FileSystem for L {
            $(
                #[inline]
                fn $method(&self $(, $arg: $of)*) $(-> $answer)? {
                    Layer::$method(self $(, $arg)*)
                }
            )*
        }

        /// A shared file system is a file system: keep a handle and mount it, or mount it twice.
        ///
        /// ```
        /// use std::sync::Arc;
        /// use vfsnotify::{MemFs, Vfs};
        /// let fs = Arc::new(MemFs::new());
        /// let vfs = Vfs::new(Arc::clone(&fs))?;
        /// vfs.mkdir(&vfs.context(), "/d", 0o755)?;
        /// assert_eq!(fs.stats().inodes, 2);
        /// # Ok::<(), vfsnotify::Error>(())
        /// ```
        impl<T: FileSystem + ?Sized> FileSystem for Arc<T> {
            $(
                #[inline]
                fn $method(&self $(, $arg: $of)*) $(-> $answer)? {
                    (**self).$method($($arg),*)
                }
            )*
        }
    };
}

forward! {
    fn attach(&self, sink: &Sink) -> Result<()>;
    fn caching(&self) -> Caching;
    fn is_read_only(&self) -> bool;
    fn root(&self) -> Result<Node>;
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node>;
    fn revalidate(&self, request: &Request, parent: u64, name: &[u8], ino: Option<u64>) -> bool;
    fn by_handle(&self, request: &Request, ino: u64, generation: u64) -> Result<Node>;
    fn forget(&self, ino: u64, lookups: u64);
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr>;
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr>;
    fn readlink(&self, request: &Request, ino: u64) -> Result<Vec<u8>>;
    fn create(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new: &NewNode<'_>,
    ) -> Result<Node>;
    fn tmpfile(&self, request: &Request, parent: u64, new: &NewNode<'_>) -> Result<Node>;
    fn link(&self, request: &Request, ino: u64, parent: u64, name: &[u8]) -> Result<Node>;
    fn unlink(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Unlinked>;
    fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()>;
    fn rename(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Unlinked>;
    fn open(&self, request: &Request, ino: u64, flags: OpenFlags) -> Result<Handle>;
    fn release(&self, ino: u64, handle: Handle);
    fn pre_content(
        &self,
        request: &Request,
        ino: u64,
        range: Range<u64>,
        access: ContentAccess,
    ) -> Result<()>;
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize>;
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize>;
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)>;
    fn fallocate(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Result<()>;
    fn seek(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        to: SeekTo,
    ) -> Result<u64>;
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()>;
    fn getxattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<Vec<u8>>;
    fn setxattr(
        &self,
        request: &Request,
        ino: u64,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()>;
    fn listxattr(&self, request: &Request, ino: u64) -> Result<Vec<Vec<u8>>>;
    fn removexattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<()>;
    fn statfs(&self, request: &Request) -> Result<FsStat>;
    fn fsync(&self, request: &Request, ino: u64, handle: Handle, scope: SyncScope) -> Result<()>;
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    /// The names of the methods in a part of a source, from one line to another.
    fn methods<'a>(source: &'a str, from: &str, to: &str) -> Vec<&'a str> {
        let lines = source.lines().skip_while(|line| !line.starts_with(from));
        let signatures = lines.take_while(|line| *line != to).filter_map(|line| {
            line.strip_prefix("    fn ").and_then(|rest| rest.split('(').next())
        });
        signatures.collect()
    }

    /// A missing method would use the trait's default instead of the inner file system's method.
    #[test]
    fn every_method_is_forwarded() {
        let asked = methods(include_str!("file_system.rs"), "pub trait FileSystem", "}");
        let forwarded = methods(include_str!("layer.rs"), "forward! {", "}");
        assert!(asked.len() > 20);
        assert_eq!(asked, forwarded, "in the same order");
    }
}
