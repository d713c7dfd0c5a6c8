//! Short scenes that chance seldom leads to; to go on from there is left to the acts that follow.

use super::acts::{Act, BIG, How};

/// The events of a scene; nothing in most numbers.
pub(crate) fn scene(number: u8) -> Vec<Act> {
    let add = |object, bits, how| Act::Add { group: 0, object, bits, how };
    let remove = Act::RemoveWatch { group: 0, watch: 0 };
    let mut scene = vec![Act::Group { at: 0, user: false }];
    match number {
        // A second adder counts on a watch whose first adder gives up.
        250 => scene.extend([
            add(BIG as u8, 0x20, How::Pending(0)),
            add(BIG as u8, 0x20, How::Now),
            Act::DropPending(0),
            Act::Touch(6),
        ]),
        // Flags are lost after a watch has gone, and set again for the next.
        251 => scene.extend([
            add(BIG as u8, 0x4, How::Now),
            Act::Touch(6),
            // Something else is watched: hooks look at the flag.
            add(0, 0x100, How::Now),
            remove,
            Act::Touch(6),
            add(BIG as u8, 0x4, How::Now),
            Act::Touch(6),
        ]),
        // A file is changed after it was unlinked.
        252 => scene.extend([
            add(3, 0x0400_0002, How::Now),
            Act::Open { slot: 0, object: 8 },
            Act::Modify(0),
            Act::Remove(8),
            Act::Modify(0),
            Act::Close(0),
        ]),
        // The quota is used up, and a refused add uses its descriptor up.
        253 => {
            scene.extend((0..12).map(|object| add(object, 0x20, How::Now)));
            scene.extend([Act::Make { dir: 0, is_dir: false }, add(255, 0x20, How::Now)]);
            scene.extend([remove, add(0, 0x20, How::Now)]);
        }
        // A one-shot is the last watch on a directory that others still walk.
        254 => scene.extend([
            Act::Group { at: 1, user: true },
            add(BIG as u8, 0x8000_0004, How::Pending(1)),
            Act::Add { group: 1, object: BIG as u8, bits: 0x20, how: How::Pending(2) },
            Act::Step(1),
            Act::Touch(6),
            Act::Touch(7),
            Act::DropPending(1),
            Act::Wait(2),
        ]),
        // An object has as many watches as it may have.
        255 => {
            scene.extend((1..5).map(|at| Act::Group { at, user: at % 2 == 1 }));
            let on = |group, object| Act::Add { group, object, bits: 0x20, how: How::Now };
            scene.extend((0..5).map(|group| on(group, 3)));
            scene.extend((0..5).map(|group| on(group, 6 + group)));
        }
        _ => return Vec::new(),
    }
    scene
}
