//! The messages of the lock check, and the cases in which it panics.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::mpsc;
use std::thread;

use super::lock::{Mutex, RwLock};
use super::{Domain, count_items, lockdep, rank};

type Connector = Mutex<(), { rank::CONNECTOR }>;
type Queue = Mutex<(), { rank::QUEUE }>;
type Children = RwLock<(), { rank::CHILDREN }>;
type Directory = RwLock<(), { rank::DIRECTORY }>;

/// The message of a panic.
fn said(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    panic.downcast_ref::<String>().expect("a text").clone()
}

/// The line after the one on which this is called, in this file.
#[track_caller]
fn next_line() -> String {
    let here = Location::caller();
    format!("{}:{}:", here.file(), here.line() + 1)
}

/// Asserts the four parts: the name and the place of the wanted lock, and of the held one.
fn assert_parts(said: &str, wanted: (&str, &str), held: (&str, &str)) {
    let (first, second) = said.split_once(" while ").expect("two locks");
    for (text, (name, place)) in [(first, wanted), (second, held)] {
        assert!(text.contains(&format!("\"{name}\"")), "{name} is not in: {text}");
        assert!(text.contains(place), "{place} is not in: {text}");
    }
}

/// Asserts that this thread's list is empty: an entry that a panic left would be found here.
fn assert_free() {
    lockdep::assert_nothing_held("the test ended", Domain::ANY);
}

#[test]
fn an_inversion_of_mutexes_panics_with_names_and_places() {
    let (queue, connector) = (Queue::new(()), Connector::new(()));
    let (mut held, mut wanted) = (String::new(), String::new());
    let said = said(|| {
        held = next_line();
        let _queue = queue.lock();
        wanted = next_line();
        let _connector = connector.lock();
    });
    assert_parts(&said, ("connector", &wanted), ("queue", &held));
    assert_free();
}

#[test]
fn an_inversion_with_a_reader_or_a_writer_panics_with_names_and_places() {
    let (children, connector) = (Children::new(()), Connector::new(()));
    for write in [false, true] {
        let (mut held, mut wanted) = (String::new(), String::new());
        let said = said(|| {
            let _guards = if write {
                held = next_line();
                (None, Some(children.write()))
            } else {
                held = next_line();
                (Some(children.read()), None)
            };
            wanted = next_line();
            let _connector = connector.lock();
        });
        assert_parts(&said, ("connector", &wanted), ("children", &held));
    }
    for write in [false, true] {
        let (mut held, mut wanted) = (String::new(), String::new());
        let said = said(|| {
            held = next_line();
            let _connector = connector.lock();
            let directory = Directory::new(());
            if write {
                wanted = next_line();
                drop(directory.write());
            } else {
                wanted = next_line();
                drop(directory.read());
            }
        });
        assert_parts(&said, ("directory lock", &wanted), ("connector", &held));
    }
    assert_free();
}

#[test]
fn keys_that_do_not_ascend_panic_with_names_keys_and_places() {
    let (one, two) = (Children::new(()), Children::new(()));
    for second in [1, 2] {
        let (mut held, mut wanted) = (String::new(), String::new());
        let said = said(|| {
            held = next_line();
            let _two = two.write_keyed(2);
            wanted = next_line();
            let _one = one.write_keyed(second);
        });
        assert_parts(&said, ("children", &wanted), ("children", &held));
        assert!(said.contains(&format!("(key {second:#x})")) && said.contains("(key 0x2)"));
    }
    let _one = one.read_keyed(1);
    let _two = two.read_keyed(2);
}

#[test]
fn two_locks_of_a_rank_without_keys_panic_with_names_and_places() {
    let (one, two) = (Connector::new(()), Connector::new(()));
    let (mut held, mut wanted) = (String::new(), String::new());
    let said = said(|| {
        held = next_line();
        let _one = one.lock_keyed(1);
        wanted = next_line();
        let _two = two.lock_keyed(2);
    });
    assert_parts(&said, ("connector", &wanted), ("connector", &held));
    assert_free();
}

#[test]
fn nothing_may_follow_a_terminal_lock() {
    let (queue, leaf) = (Queue::new(()), Mutex::<(), { rank::LEAF }>::new(()));
    let (mut held, mut wanted) = (String::new(), String::new());
    let said = said(|| {
        held = next_line();
        let _queue = queue.lock();
        wanted = next_line();
        let _leaf = leaf.lock();
    });
    assert_parts(&said, ("leaf", &wanted), ("queue", &held));
    assert_free();
}

#[test]
fn a_lock_that_was_tried_counts_as_held() {
    let (children, connector) = (Children::new(()), Connector::new(()));
    for write in [false, true] {
        let (mut held, mut wanted) = (String::new(), String::new());
        let said = said(|| {
            let _tried = if write {
                held = next_line();
                (None, Some(children.try_write().unwrap()))
            } else {
                held = next_line();
                (Some(children.try_read().unwrap()), None)
            };
            wanted = next_line();
            let _connector = connector.lock();
        });
        assert_parts(&said, ("connector", &wanted), ("children", &held));
    }
    assert_free();
}

#[test]
fn trying_needs_no_order_and_a_failed_try_leaves_nothing() {
    let (children, queue) = (Children::new(()), Queue::new(()));
    let queue = queue.lock();
    drop(children.try_write().unwrap());
    drop(queue);
    thread::scope(|scope| {
        let held = children.write();
        let other = scope.spawn(|| {
            assert!(children.try_read().is_none() && children.try_write().is_none());
            assert_free();
        });
        other.join().unwrap();
        drop(held);
    });
    assert_free();
}

/// A second read of one lock deadlocks if a writer came in between; an upgrade from read to write
/// always does.
#[test]
fn reading_twice_and_upgrading_panic_before_they_deadlock() {
    let children = Children::new(());
    for upgrade in [false, true] {
        let (mut held, mut wanted) = (String::new(), String::new());
        let said = said(|| {
            held = next_line();
            let _read = children.read_keyed(7);
            if upgrade {
                wanted = next_line();
                drop(children.write_keyed(7));
            } else {
                wanted = next_line();
                drop(children.read_keyed(7));
            }
        });
        assert_parts(&said, ("children", &wanted), ("children", &held));
    }
    assert_free();
}

#[test]
fn a_mutex_that_is_taken_twice_panics_before_it_deadlocks() {
    let connector = Connector::new(());
    let (mut held, mut wanted) = (String::new(), String::new());
    let said = said(|| {
        held = next_line();
        let _one = connector.lock();
        wanted = next_line();
        let _two = connector.lock();
    });
    assert_parts(&said, ("connector", &wanted), ("connector", &held));
    assert_free();
}

#[test]
fn the_order_down_is_free_and_forgotten_afterwards() {
    let marks = Mutex::<(), { rank::GROUP_MARKS }>::new(());
    let queue = Queue::new(());
    for _ in 0..2 {
        let marks = marks.lock();
        let queue = queue.lock();
        drop(marks);
        drop(queue);
    }
    marks.lock().unlock_fair();
    assert_free();
}

#[test]
fn a_panic_under_locks_releases_them_and_cleans_the_list() {
    let (connector, children) = (Connector::new(()), Children::new(()));
    let text = said(|| {
        let _connector = connector.lock();
        let _children = children.write();
        panic!("{}", lockdep::held_by_all());
    });
    assert!(text.contains("holds \"connector\"") && text.contains("holds \"children\""));
    assert_free();
    // Other threads can take them too, again in any order.
    thread::scope(|scope| {
        scope.spawn(|| {
            drop(children.try_write().expect("it is free"));
            drop(connector.lock());
        });
    });
    // The check's own panic releases them as well.
    let (queue, leaf) = (Queue::new(()), Mutex::<(), { rank::LEAF }>::new(()));
    for _ in 0..2 {
        said(|| {
            let _connector = connector.lock();
            let _queue = queue.lock();
            let _leaf = leaf.lock();
        });
        assert_free();
    }
    drop(leaf.lock());
}

#[test]
fn a_watchdog_sees_holders_and_waiters() {
    let connector = Connector::new(());
    let place = next_line();
    let held = connector.lock_keyed(5);
    let mine: Vec<String> = thread::scope(|scope| {
        let (entered, has_entered) = mpsc::channel();
        let connector = &connector;
        thread::Builder::new()
            .name("the one who waits".to_owned())
            .spawn_scoped(scope, move || {
                entered.send(next_line()).unwrap();
                drop(connector.lock_keyed(6));
            })
            .unwrap();
        let waits_at = has_entered.recv().unwrap();
        let wanted = "thread \"the one who waits\" waits for \"connector\" (key 0x6) at ";
        let line = loop {
            let all = lockdep::held_by_all();
            if let Some(line) = all.lines().find(|line| line.starts_with(wanted)) {
                break line.to_owned();
            }
            thread::yield_now();
        };
        // The line after that of `next_line` sends it; the lock is two lines on.
        let (file, _) = waits_at.split_once(':').unwrap();
        assert!(line.contains(file), "{line}");
        let all = lockdep::held_by_all();
        drop(held);
        all.lines().map(str::to_owned).collect()
    });
    assert!(
        mine.iter()
            .any(|line| line.contains("holds \"connector\" (key 0x5) since ")
                && line.contains(&place)),
        "{mine:?}"
    );
    assert!(!lockdep::held_by_all().contains("the one who waits"), "it has ended");
    assert_free();
}

type Position = Mutex<(), { rank::FILE_POSITION }>;

fn domain(number: u32) -> Domain {
    Domain::of(|| number)
}

#[test]
fn locks_of_two_domains_are_not_compared() {
    let (one, two) = (domain(0), domain(1));
    let (directory, position) = (Directory::new(()), Position::new(()));
    let _outer = directory.of(one).write_keyed(7);
    let _position = position.of(two).lock();
    // Neither the rank nor the key is above that of the other domain's lock.
    let other = Directory::new(());
    let _inner = other.of(two).read_keyed(7);
    let said = said(|| drop(Directory::new(()).of(two).write_keyed(6)));
    assert!(said.contains("(key 0x6)") && said.contains("(key 0x7)"), "{said}");
}

/// As where a file system uses another VFS, and a file system of that VFS calls back into the first.
#[test]
fn a_thread_that_returns_to_a_domain_through_another_panics() {
    let (one, two) = (domain(0), domain(1));
    let (directory, inner, position) = (Directory::new(()), Directory::new(()), Position::new(()));
    let (mut held, mut wanted) = (String::new(), String::new());
    let said = said(|| {
        held = next_line();
        let _outer = directory.of(one).read_keyed(1);
        let _inner = inner.of(two).read_keyed(2);
        wanted = next_line();
        let _again = position.of(one).lock();
    });
    assert_parts(&said, ("file position", &wanted), ("directory lock", &held));
    assert_free();
}

/// A downgraded hold stays in the list, at the place where it began, and lets readers in.
#[test]
fn a_downgraded_lock_counts_as_held_until_it_is_released() {
    let (children, connector) = (Children::new(()), Connector::new(()));
    let (mut held, mut wanted) = (String::new(), String::new());
    let said = said(|| {
        held = next_line();
        let exclusive = children.write();
        let shared = exclusive.downgrade();
        assert!(children.try_write().is_none());
        assert!(children.try_read().is_some());
        wanted = next_line();
        let _connector = connector.lock();
        drop(shared);
    });
    assert_parts(&said, ("connector", &wanted), ("children", &held));
    assert!(children.try_write().is_some());
    assert_free();
}

/// A lock may have no known owner: then it is compared with every lock.
#[test]
fn a_lock_of_no_domain_is_compared_with_those_of_all() {
    let (connector, directory) = (Connector::new(()), Directory::new(()));
    let (mut held, mut wanted) = (String::new(), String::new());
    let first = said(|| {
        held = next_line();
        let _connector = connector.lock();
        wanted = next_line();
        let _directory = directory.of(domain(1)).read_keyed(1);
    });
    assert_parts(&first, ("directory lock", &wanted), ("connector", &held));
    let second = said(|| {
        held = next_line();
        let _directory = directory.of(domain(1)).read_keyed(1);
        wanted = next_line();
        drop(Position::new(()).lock());
    });
    assert_parts(&second, ("file position", &wanted), ("directory lock", &held));
    assert_free();
}

#[test]
fn locks_of_another_domain_are_shown_and_allow_a_yield() {
    let directory = Directory::new(());
    let place = next_line();
    let held = directory.of(domain(1)).write_keyed(0xd0);
    lockdep::assert_nothing_held("another began", domain(2));
    for concerned in [domain(1), Domain::ANY] {
        let said = said(|| lockdep::assert_nothing_held("one began", concerned));
        assert!(said.contains("one began with 1 locks"), "{said}");
    }
    let all = lockdep::held_by_all();
    let is_it = |line: &str| line.contains("directory lock\" (key 0xd0)") && line.contains(&place);
    assert!(all.lines().any(is_it), "{all}");
    drop(held);
    // A lock without an owner counts for every domain.
    let connector = Connector::new(());
    let held = connector.lock();
    said(|| lockdep::assert_nothing_held("another began", domain(2)));
    drop(held);
    assert_free();
}

/// The longest holds are those of the whole program, other tests included: these numbers are larger
/// than any of theirs.
#[test]
fn items_count_toward_every_lock_that_is_held() {
    let before = lockdep::work_done();
    let table = RwLock::<(), { rank::MOUNT_TABLE }>::new(());
    let place = next_line();
    let held = table.read();
    count_items(1_000_000);
    {
        let queue = Queue::new(());
        let _queue = queue.lock();
        count_items(2_000_000);
    }
    drop(held);
    count_items(5);
    assert_eq!(lockdep::work_done() - before, 3_000_005);
    let longest = |lock| {
        let holds = lockdep::longest_holds();
        holds.into_iter().find(|hold| hold.lock == lock).expect("it was held")
    };
    assert_eq!(longest("mount table").items, 3_000_000);
    assert!(longest("mount table").to_string().contains(&place));
    assert_eq!(longest("queue").items, 2_000_000);
    lockdep::assert_bounds(&[("mount table", 3_000_000), ("queue", 2_000_000)]);
    let said = said(|| lockdep::assert_bounds(&[("mount table", 2_999_999)]));
    assert!(said.contains("more than 2999999 items") && said.contains(&place), "{said}");
    said_of_unknown_name();
    lockdep::reset_longest_holds();
    assert!(lockdep::longest_holds().iter().all(|hold| hold.items < 2_000_000));
}

fn said_of_unknown_name() {
    let said = said(|| lockdep::assert_bounds(&[("mount tabel", 1)]));
    assert!(said.contains("there is no lock named \"mount tabel\""), "{said}");
}

/// A wait is not a hold: the items of a thread's other work do not count toward the lock.
#[test]
fn work_before_a_lock_does_not_count_toward_it() {
    let position = Mutex::<(), { rank::FILE_POSITION }>::new(());
    count_items(9_000_000);
    drop(position.lock());
    let holds = lockdep::longest_holds();
    assert!(
        holds.iter().all(|hold| hold.lock != "file position" || hold.items < 9_000_000),
        "{holds:?}"
    );
}

/// A program's own thread-local may drop a handle of the crate after the thread's list is gone.
#[test]
fn a_lock_in_a_destructor_of_the_thread_is_taken_unchecked() {
    struct AtTheEnd(mpsc::Sender<()>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            let (connector, children) = (Connector::new(()), Children::new(()));
            let _connector = connector.lock();
            let _children = children.try_read();
            count_items(1);
            let _ = (lockdep::held_by_all(), lockdep::work_done());
            self.0.send(()).unwrap();
        }
    }
    thread_local! {
        static EARLY: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
        static LATE: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        EARLY.with(|early| *early.borrow_mut() = Some(AtTheEnd(sender.clone())));
        drop(Connector::new(()).lock());
        LATE.with(|late| *late.borrow_mut() = Some(AtTheEnd(sender)));
    })
    .join()
    .unwrap();
    assert_eq!(receiver.iter().count(), 2);
}
