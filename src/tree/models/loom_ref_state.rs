//! References to a slot: taken by id, put, and the slot's reuse.

use loom::cell::UnsafeCell;
use loom::thread;

use crate::base::sync::model_helpers::{Shared, check};
use crate::base::sync::{AtomicU64, Ordering};
use crate::tree::ref_state::RefState;

/// An object with a reference count, as its holders see it.
struct Object {
    refs: RefState,
    owner: AtomicU64,
}

fn object() -> Shared<Object> {
    let object = Object { refs: RefState::default(), owner: AtomicU64::new(1) };
    object.refs.begin();
    Shared::new(object)
}

/// A reference taken by id either fails or is to the object of that id. Fails ("another object") if
/// `try_get` takes a reference without comparing the generation in the same step.
#[test]
fn loom_get_fails_after_the_slot_was_reused() {
    check("get/reuse", None, || {
        let object = object();
        let id = object.refs.generation();
        let other = {
            let object = object.clone();
            thread::spawn(move || {
                if object.refs.put() {
                    object.refs.end();
                    object.owner.store(2, Ordering::Relaxed);
                    object.refs.begin();
                }
            })
        };
        if object.refs.try_get(Some(id)) {
            assert_eq!(object.owner.load(Ordering::Relaxed), 1, "another object");
            if object.refs.put() {
                object.refs.end();
            }
        }
        other.join().unwrap();
    });
}

/// Of three holders that put their references one is the last, and it sees the stores of the others.
/// Fails (none is the last, or two are) if `put` in `ref_state.rs` loads and stores, and (a race on the
/// cell) if it is `Relaxed`.
#[test]
fn loom_the_last_put_sees_the_stores_of_the_others() {
    struct Cells {
        refs: RefState,
        cells: [UnsafeCell<u32>; 3],
    }
    check("last reference", Some(3), || {
        let object = Shared::new(Cells {
            refs: RefState::default(),
            cells: std::array::from_fn(|_| UnsafeCell::new(0)),
        });
        object.refs.begin();
        object.refs.get();
        object.refs.get();
        let user = |own: usize| {
            let object = object.clone();
            move || {
                // Loom asks for a raw pointer only here, and follows each access.
                object.cells[own].with_mut(|_| ());
                let is_last = object.refs.put();
                if is_last {
                    object.cells.iter().for_each(|cell| cell.with_mut(|_| ()));
                }
                usize::from(is_last)
            }
        };
        let others = [0, 1].map(|own| thread::spawn(user(own)));
        let mine = user(2)();
        let theirs: usize = others.map(|other| other.join().unwrap()).iter().sum();
        assert_eq!(mine + theirs, 1, "one is the last");
    });
}
