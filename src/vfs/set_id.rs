//! Which set-id bits an operation takes away.

use crate::base::kind::InodeKind;
use crate::fs::Attr;
use crate::vfs::context::Credentials;

pub(super) const SET_UID: u32 = 0o4000;
pub(super) const SET_GID: u32 = 0o2000;
const GROUP_EXEC: u32 = 0o0010;

/// Whether the set-group-id bit goes: it makes the file run as its group, or its owner's being
/// allowed to set it is not shown.
fn drops_set_gid(attr: &Attr, who: &Credentials) -> bool {
    attr.mode & SET_GID != 0 && (attr.mode & GROUP_EXEC != 0 || !may_set_gid(attr.gid, who))
}

/// Whether `who` may make files that run as this group.
pub(super) fn may_set_gid(gid: u32, who: &Credentials) -> bool {
    who.is_privileged() || who.is_in_group(gid)
}

fn without(attr: &Attr, set_uid: bool, set_gid: bool) -> Option<u32> {
    let gone = if set_uid { SET_UID } else { 0 } | if set_gid { SET_GID } else { 0 };
    (attr.mode & gone != 0).then_some(attr.mode & !gone)
}

/// The mode that is left when `who` writes to a file or cuts it, if it changes.
pub(super) fn left_by_write(attr: &Attr, who: &Credentials) -> Option<u32> {
    if attr.kind != InodeKind::Regular || who.is_privileged() {
        return None;
    }
    without(attr, true, drops_set_gid(attr, who))
}

/// The mode that is left when `who` changes the owner or group, if it changes.
pub(super) fn left_by_chown(attr: &Attr, who: &Credentials) -> Option<u32> {
    if attr.kind.is_dir() {
        return None;
    }
    without(attr, true, drops_set_gid(attr, who))
}
