//! Uses of a slot: taken by id, given back, and the slot's next life.

use loom::cell::UnsafeCell;
use loom::thread;

use crate::base::sync::models::{Shared, check};
use crate::base::sync::{AtomicU64, Ordering};
use crate::tree::life::Life;

/// What a life is of, as its users see it.
struct Object {
    life: Life,
    owner: AtomicU64,
}

fn object() -> Shared<Object> {
    let object = Object { life: Life::default(), owner: AtomicU64::new(1) };
    object.life.begin();
    Shared::new(object)
}

/// A use taken by id either fails or names the object it was made for. Fails ("somebody else's") if
/// `try_get` takes a use without comparing the generation in the same step.
#[test]
fn loom_a_use_is_never_taken_of_somebody_elses_slot() {
    check("use/reuse", None, || {
        let object = object();
        let id = object.life.generation();
        let other = {
            let object = object.clone();
            thread::spawn(move || {
                if object.life.put() {
                    object.life.end();
                    object.owner.store(2, Ordering::Relaxed);
                    object.life.begin();
                }
            })
        };
        if object.life.try_get(Some(id)) {
            assert_eq!(object.owner.load(Ordering::Relaxed), 1, "somebody else's object");
            if object.life.put() {
                object.life.end();
            }
        }
        other.join().unwrap();
    });
}

/// Of three users that give their uses back one is the last, and it sees what the others did. Fails
/// (none is the last, or two are) if `put` in `life.rs` loads and stores, and (a race on the cell) if it
/// is `Relaxed`.
#[test]
fn loom_one_user_is_the_last_and_sees_what_the_others_did() {
    struct Cells {
        life: Life,
        cells: [UnsafeCell<u32>; 3],
    }
    check("last use", Some(3), || {
        let object = Shared::new(Cells {
            life: Life::default(),
            cells: std::array::from_fn(|_| UnsafeCell::new(0)),
        });
        object.life.begin();
        object.life.get();
        object.life.get();
        let user = |own: usize| {
            let object = object.clone();
            move || {
                // Loom asks for a raw pointer only here, and follows each access.
                object.cells[own].with_mut(|_| ());
                let is_last = object.life.put();
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
