//! The files and directories, and the events that operations on them make (`docs/rules.md`).

use vfsnotify::EventMask;

use super::oracle::{Oracle, Part};
use super::world::Path;

/// A file or directory.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) is_dir: bool,
    /// The directory it is in, or was in last, and its last name; none for a root.
    pub(crate) place: Option<(usize, Vec<u8>)>,
    pub(crate) named: bool,
    /// How many times it is open.
    pub(crate) open: usize,
    /// Its death has been reported.
    pub(crate) dead: bool,
    /// On the second file system.
    pub(crate) second: bool,
}

/// All objects. 0 and 1 are the roots of the two file systems.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) all: Vec<Object>,
    /// How many renames there were: every one uses up a cookie.
    renames: u32,
}

fn isdir(object: &Object) -> EventMask {
    if object.is_dir { EventMask::ISDIR } else { EventMask::empty() }
}

impl Objects {
    pub(crate) fn root(&mut self, second: bool) {
        let is_dir = true;
        let (named, open, dead, place) = (true, 0, false, None);
        self.all.push(Object { is_dir, place, named, open, dead, second });
    }

    /// The path of an object that has a name.
    pub(crate) fn path(&self, object: usize) -> Option<Path> {
        let of = &self.all[object];
        if !of.named {
            return None;
        }
        let Some((dir, name)) = &of.place else {
            return Some(if of.second { vec![b"m".to_vec()] } else { Vec::new() });
        };
        let mut path = self.path(*dir)?;
        path.push(name.clone());
        Some(path)
    }

    pub(crate) fn child_of(&self, dir: usize, name: &[u8]) -> Option<usize> {
        self.all.iter().position(|object| {
            object.named
                && object.place.as_ref().is_some_and(|(of, own)| (*of, &own[..]) == (dir, name))
        })
    }

    /// Whether a name is in use below it.
    pub(crate) fn is_empty(&self, dir: usize) -> bool {
        !self
            .all
            .iter()
            .any(|object| object.named && object.place.as_ref().is_some_and(|(of, _)| *of == dir))
    }

    pub(crate) fn is_above(&self, above: usize, mut below: usize) -> bool {
        while below != above {
            let Some((dir, _)) = &self.all[below].place else { return false };
            below = *dir;
        }
        true
    }

    /// An event on an object that its directory is told of too, if the flag in it says so.
    pub(crate) fn child_event(
        &self,
        oracle: &mut Oracle,
        object: usize,
        what: EventMask,
        (flagged, path_data): (bool, bool),
    ) {
        let of = &self.all[object];
        let mask = what | isdir(of);
        let unlinked = path_data && !of.named;
        let mut parts = Vec::new();
        if let Some((dir, name)) = &of.place
            && flagged
        {
            let delivered = Part::of(*dir, mask | EventMask::ON_CHILD).named(name);
            parts.push(Part { unlinked, ..delivered });
        }
        parts.push(Part { unlinked, ..Part::of(object, mask) });
        oracle.happen(&parts);
    }

    pub(crate) fn made(&mut self, oracle: &mut Oracle, dir: usize, name: &[u8], is_dir: bool) {
        let second = self.all[dir].second;
        let place = Some((dir, name.to_vec()));
        let (named, open, dead) = (true, 0, false);
        let object = Object { is_dir, place, named, open, dead, second };
        oracle.happen(&[Part::of(dir, EventMask::CREATE | isdir(&object)).named(name)]);
        self.all.push(object);
    }

    pub(crate) fn removed(&mut self, oracle: &mut Oracle, object: usize) {
        let Object { is_dir, place, .. } = self.all[object].clone();
        let (dir, name) = place.expect("roots stay");
        if !is_dir {
            // The link count.
            oracle.happen(&[Part::of(object, EventMask::ATTRIB)]);
        }
        let mask = EventMask::DELETE | isdir(&self.all[object]);
        self.all[object].named = false;
        self.may_die(oracle, object);
        oracle.happen(&[Part::of(dir, mask).named(&name)]);
    }

    /// An object without a name dies when no file has it open and nothing below it is in use; then
    /// perhaps the directory that it kept alive.
    pub(crate) fn may_die(&mut self, oracle: &mut Oracle, object: usize) {
        let of = &self.all[object];
        let used = of.named || of.open > 0 || of.dead;
        let holds = |other: &Object| {
            !other.dead && other.place.as_ref().is_some_and(|(dir, _)| *dir == object)
        };
        if used || self.all.iter().any(holds) {
            return;
        }
        let mask = EventMask::DELETE_SELF | isdir(of);
        oracle.happen(&[Part::of(object, mask)]);
        oracle.mark_dead(object);
        self.all[object].dead = true;
        if let Some((dir, _)) = self.all[object].place.clone() {
            self.may_die(oracle, dir);
        }
    }

    pub(crate) fn renamed(&mut self, oracle: &mut Oracle, object: usize, dir: usize, name: &[u8]) {
        self.renames += 1;
        let (old_dir, old_name) = self.all[object].place.clone().expect("roots stay");
        let flag = isdir(&self.all[object]);
        let cookie = self.renames;
        let from = Part::of(old_dir, EventMask::MOVED_FROM | flag).named(&old_name);
        let to = Part::of(dir, EventMask::MOVED_TO | flag).named(name);
        oracle.happen(&[Part { cookie, ..from }, Part { cookie, ..to }]);
        oracle.happen(&[Part::of(object, EventMask::MOVE_SELF | flag)]);
        self.all[object].place = Some((dir, name.to_vec()));
    }

    /// The second file system goes, with all that is on it.
    pub(crate) fn unmounted(&mut self, oracle: &mut Oracle) {
        for object in 0..self.all.len() {
            let of = &mut self.all[object];
            if of.second && !of.dead {
                let mask = EventMask::UNMOUNT | isdir(of);
                (of.dead, of.named) = (true, false);
                oracle.happen(&[Part::of(object, mask)]);
                oracle.mark_dead(object);
            }
        }
    }
}
