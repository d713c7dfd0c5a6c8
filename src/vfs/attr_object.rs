//! An object whose attributes are read or changed.

use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::fs::{Attr, Handle, Request, SetAttr};
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::file::open_file::Description;
use crate::vfs::path_arg::PathArg;
use crate::vfs::resolve::location::Location;

/// An object whose attributes are read or changed: its location, and the file system's handle if it is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttrObject<'a> {
    pub(crate) location: &'a Location,
    handle: Option<Handle>,
}

impl<'a> AttrObject<'a> {
    /// The result of a look-up.
    #[inline]
    pub(crate) fn at(location: &'a Location) -> Self {
        Self { location, handle: None }
    }

    /// The object of a path, which may have been an open file.
    #[inline]
    pub(crate) fn by(path: PathArg<'_>, location: &'a Location) -> Self {
        Self { location, handle: path.handle() }
    }

    /// An open file.
    pub(crate) fn of(open: &'a Description) -> Self {
        Self { location: &open.location, handle: open.handle() }
    }

    /// The kind of the object.
    pub(crate) fn kind(self) -> InodeKind {
        self.location.kind()
    }

    /// Its attributes, from the file system.
    #[inline]
    pub(crate) fn attr(self, request: &Request) -> Result<Attr> {
        self.location.fs().getattr(request, self.location.ino(), self.handle)
    }

    pub(crate) fn setattr(self, request: &Request, change: &SetAttr) -> Result<Attr> {
        self.location.fs().setattr(request, self.location.ino(), self.handle, change)
    }
}

impl Vfs {
    /// Calls `act` with what a path leads to, a symbolic link at the end followed unless the path says
    /// otherwise; as a public operation.
    pub(crate) fn with_object<T>(
        &self,
        cx: &Context,
        path: PathArg<'_>,
        act: impl FnOnce(AttrObject<'_>) -> Result<T>,
    ) -> Result<T> {
        let _operation = self.operation();
        let found = self.resolve(cx, path.following());
        let done = found.and_then(|object| act(AttrObject::by(path, &object)));
        done.map_err(|error| path.add_to(error))
    }
}
