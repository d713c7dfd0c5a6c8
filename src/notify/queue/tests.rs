//! The events that a queue accepts, merges and loses, and its charge.

use super::chunks::CHUNK;
use super::{Counters, QueueCharge, VecDeque};
use crate::base::mask::EventMask;
use crate::base::name::NameRef;
use crate::notify::limits::{Limits, Users};
use crate::notify::record::inotify::{Draft, InotifyRecord, NO_TAG};

type Queue = super::Queue<InotifyRecord>;
const CHUNK_BYTES: usize = super::Chunks::<InotifyRecord>::CHUNK_BYTES;

fn open(limit: usize) -> Queue {
    super::Queue::open(limit, QueueCharge::default())
}

fn push(queue: &mut Queue, tag: i32) {
    push_named(queue, tag, b"");
}

fn masks(queue: &mut Queue) -> Vec<(i32, EventMask, u32)> {
    std::iter::from_fn(|| queue.pop()).map(|e| (e.tag, e.mask, e.lost)).collect()
}

#[test]
fn a_full_queue_counts_lost_events_and_accepts_more_after_two_reads() {
    let mut queue = open(2);
    for tag in 1..=5 {
        push(&mut queue, tag);
    }
    assert_eq!((queue.len(), queue.chunks.full_chunk_bytes().1), (3, 0));
    queue.pop().unwrap();
    push(&mut queue, 6);
    assert_eq!(queue.len(), 2, "one read is not enough");
    queue.pop().unwrap();
    push(&mut queue, 7);
    assert_eq!(masks(&mut queue), [(NO_TAG, EventMask::Q_OVERFLOW, 4), (7, EventMask::OPEN, 0)]);
    assert_eq!(queue.counters(), Counters { queued: 3, merged: 0, lost: 4 });
}

#[test]
fn an_event_equal_to_the_tail_is_lost_when_the_queue_is_full() {
    let mut queue = open(1);
    push(&mut queue, 1);
    push(&mut queue, 1);
    assert_eq!(masks(&mut queue), [(1, EventMask::OPEN, 0), (NO_TAG, EventMask::Q_OVERFLOW, 1)]);
}

#[test]
fn events_come_out_in_order_across_chunks() {
    let mut queue = open(10_000);
    let mut next = 0;
    for round in 0..20 {
        for tag in 0..100 {
            push(&mut queue, round * 100 + tag);
        }
        let mut left = 90;
        while left > 0 {
            let mut chunk = VecDeque::new();
            queue.drain(&mut chunk, left).wake();
            left -= chunk.len();
            for event in chunk {
                assert_eq!(event.tag, next);
                next += 1;
            }
        }
    }
    assert_eq!(queue.len(), 200);
    assert_eq!(queue.bytes(), 200 * 16);
}

#[test]
fn a_reader_is_woken_once_until_it_takes_the_token() {
    let mut queue = open(10);
    let wakeup = queue.wakeup();
    assert!(wakeup.receiver().try_recv().is_err());
    push(&mut queue, 1);
    push(&mut queue, 2);
    assert!(wakeup.receiver().try_recv().is_ok());
    assert!(wakeup.receiver().try_recv().is_err());
    queue.drain(&mut VecDeque::new(), 1).wake();
    assert!(wakeup.receiver().try_recv().is_ok(), "something was left behind");
}

/// The wakeup is due when the queue becomes readable, not for later records; and at once for a reader that
/// registers late.
#[test]
fn a_reader_is_woken_when_the_queue_becomes_readable() {
    let mut queue = open(10);
    let wakeup = queue.wakeup();
    let is_woken = || wakeup.receiver().try_recv().is_ok();
    queue.fill(|_| {}).wake();
    assert!(!is_woken(), "no event");
    push(&mut queue, 1);
    assert!(is_woken());
    push(&mut queue, 2);
    assert!(!is_woken(), "it was readable already");
    queue.rearm().wake();
    assert!(is_woken(), "a reader came late");
    queue.drain(&mut VecDeque::new(), 10).wake();
    queue.rearm().wake();
    assert!(!is_woken(), "there is nothing left");
    queue.seal().wake();
    assert!(is_woken(), "the end");
    queue.rearm().wake();
    assert!(is_woken(), "the end, for the next reader");
    let (_old, wakeup) = queue.close();
    wakeup.wake();
    assert!(is_woken(), "the end, with its records returned");
    queue.rearm().wake();
    assert!(is_woken(), "still the end");
}

#[test]
fn queued_merged_and_lost_events_are_counted() {
    let mut queue = open(3);
    assert_eq!((queue.limit(), queue.positions()), (3, (0, 0)));
    for tag in [1, 1, 2, 3, 4, 5] {
        push(&mut queue, tag);
    }
    // One merged, three queued, two lost, for which one overflow stands.
    assert_eq!((queue.len(), queue.bytes(), queue.positions()), (4, 64, (4, 0)));
    let counters = |queue: &Queue| {
        let Counters { queued, merged, lost } = queue.counters();
        (queued, merged, lost)
    };
    assert_eq!(counters(&queue), (3, 1, 2));
    queue.pop().unwrap();
    assert_eq!((queue.bytes(), queue.positions()), (48, (4, 1)));
    let mut chunk = VecDeque::new();
    queue.drain(&mut chunk, 2).wake();
    assert_eq!((chunk.len(), queue.positions()), (2, (4, 3)));
    assert_eq!(queue.front().map(|event| event.tag), Some(NO_TAG));
    push_named(&mut queue, 6, b"name");
    assert_eq!((queue.len(), queue.bytes()), (2, 16 + 32));
    assert_eq!(masks(&mut queue)[0], (NO_TAG, EventMask::Q_OVERFLOW, 2));
    assert_eq!((counters(&queue), queue.positions(), queue.bytes()), ((4, 1, 2), (5, 5), 0));
    let (old, _) = queue.close();
    assert_eq!((counters(&queue), counters(&old)), ((4, 1, 2), (4, 1, 2)));
}

/// The charge of a chunk is the memory it takes.
#[test]
fn the_charge_of_a_chunk_is_its_memory() {
    let mut queue = open(10_000);
    for tag in 0..200 {
        push(&mut queue, tag);
    }
    assert_eq!(queue.chunks.full_chunk_bytes(), (CHUNK_BYTES, 1));
}

#[test]
fn a_closed_queue_takes_nothing() {
    let mut queue = open(10);
    push(&mut queue, 1);
    let (old, wakeup) = queue.close();
    wakeup.wake();
    assert_eq!(old.len(), 1);
    push(&mut queue, 1);
    assert_eq!(queue.len(), 0);
    assert!(!queue.is_open());
}

/// A queue of a user with this limit for all its queues, and the table of users.
fn charged(user_bytes: usize) -> (Users, Queue) {
    let users = Users::default();
    users.memory().set_limits(user_bytes, usize::MAX);
    let user = users.charge_instance(7, &Limits::default()).unwrap();
    let queue = Queue::open(100_000, QueueCharge::of(user));
    (users, queue)
}

fn push_named(queue: &mut Queue, tag: i32, name: &[u8]) {
    let mask = if name.is_empty() { EventMask::OPEN } else { EventMask::CREATE };
    queue
        .fill(|queue| queue.push(Draft { tag, mask, cookie: 0, name: NameRef::Bytes(name) }))
        .wake();
}

#[test]
fn a_queue_of_one_chunk_is_charged_nothing() {
    let (users, mut queue) = charged(0);
    for tag in 0..1000 {
        for event in 0..100 {
            push(&mut queue, tag * 100 + event);
        }
        assert_eq!(masks(&mut queue).len(), 100);
    }
    assert_eq!((queue.charged(), users.memory().used()), (0, 0));
    assert_eq!(queue.counters().lost, 0);
}

#[test]
fn a_chunk_beyond_the_first_is_charged_with_its_long_names_and_given_back_when_it_is_read() {
    let (users, mut queue) = charged(usize::MAX);
    for tag in 0..129 {
        push_named(&mut queue, tag, &[b'n'; 255]);
    }
    let expected = CHUNK_BYTES + CHUNK * 272;
    assert_eq!((queue.charged(), users.queued_bytes(7)), (expected, expected));
    for tag in 129..257 {
        push(&mut queue, tag);
    }
    assert_eq!(users.memory().used(), 2 * CHUNK_BYTES + (CHUNK + 1) * 272);
    for _ in 0..128 {
        queue.pop().unwrap();
    }
    assert_eq!(queue.charged(), CHUNK_BYTES + 272);
    let mut chunk = VecDeque::new();
    queue.drain(&mut chunk, 1000).wake();
    assert_eq!((chunk.len(), queue.charged(), users.memory().used()), (128, 0, 0));
}

#[test]
fn a_refused_chunk_makes_the_queue_overflow_and_a_read_makes_room() {
    let (users, mut queue) = charged(CHUNK_BYTES);
    for tag in 0..300 {
        push(&mut queue, tag);
    }
    assert_eq!(queue.len(), 2 * CHUNK + 1, "one chunk is charged, one is free");
    assert_eq!(queue.chunks.capacities().0, CHUNK + 1, "the overflow has a place of its own");
    for tag in 0..CHUNK as i32 {
        assert_eq!(queue.pop().unwrap().tag, tag);
    }
    assert_eq!(users.memory().used(), 0);
    push(&mut queue, 1000);
    let rest = masks(&mut queue);
    assert_eq!(rest[CHUNK], (NO_TAG, EventMask::Q_OVERFLOW, 300 - 2 * CHUNK as u32));
    assert_eq!(rest[CHUNK + 1], (1000, EventMask::OPEN, 0));
    let counters = queue.counters();
    assert_eq!((counters.queued, counters.lost), (2 * CHUNK as u64 + 1, 44));
}

/// Regression: a small chunk that a reader made became the queue's tail, and the records that fitted into it
/// were counted as a chunk.
#[test]
fn a_readers_small_chunk_is_not_reused() {
    let (users, mut queue) = charged(0);
    for round in 0..10 {
        for tag in 0..CHUNK as i32 - 10 {
            push(&mut queue, tag);
        }
        let mut chunk = VecDeque::new();
        queue.drain(&mut chunk, 3 + round).wake();
        chunk.clear();
        queue.drain(&mut chunk, CHUNK).wake();
        chunk.clear();
        queue.give_back(chunk);
        assert_eq!((queue.len(), queue.counters().lost), (0, 0));
    }
    assert_eq!(users.memory().used(), 0);
}

#[test]
fn a_chunk_of_the_right_size_is_kept_for_the_next_events() {
    let half_more = CHUNK + CHUNK / 2;
    for (capacity, kept) in
        [(CHUNK, 0), (CHUNK + 1, CHUNK + 1), (half_more - 1, half_more - 1), (half_more, 0)]
    {
        let mut queue = open(10);
        queue.give_back(VecDeque::with_capacity(capacity));
        assert_eq!(queue.chunks.capacities().1, kept);
        queue.give_back(VecDeque::with_capacity(CHUNK + 2));
        assert_eq!(queue.chunks.capacities().1, if kept == 0 { CHUNK + 2 } else { kept });
        push(&mut queue, 1);
        assert_eq!(queue.chunks.capacities().0, if kept == 0 { CHUNK + 2 } else { kept });
    }
    let mut queue = open(10);
    push(&mut queue, 1);
    assert_eq!(queue.chunks.capacities().0, CHUNK + 1, "made at once");
}

/// Regression: a chunk that a reader made while draining an overflow had twice the size that is charged.
#[test]
fn a_readers_large_chunk_is_not_reused() {
    let (_users, mut queue) = charged(0);
    let mut chunk = VecDeque::new();
    for _ in 0..3 {
        for tag in 0..CHUNK as i32 + 10 {
            push(&mut queue, tag);
        }
        queue.drain(&mut chunk, 1000).wake();
        assert!(chunk.capacity() > CHUNK + 1, "the reader's chunk had to grow");
        chunk.clear();
        queue.give_back(std::mem::take(&mut chunk));
        push(&mut queue, 1);
        queue.drain(&mut chunk, 1000).wake();
        push(&mut queue, 1);
        assert!(queue.chunks.capacities().0 <= CHUNK + 1, "{}", queue.chunks.capacities().0);
        queue.pop().unwrap();
        chunk = VecDeque::new();
    }
}

/// Regression: each push summed up the names of the newest chunk, 128 of them, under the queue's lock. Other
/// users' operations paid this for a queue whose owner had used up its memory.
#[test]
fn name_bytes_of_the_newest_chunk_stay_exact_after_pops_and_drains() {
    let (users, mut queue) = charged(usize::MAX);
    let mut chunk = VecDeque::new();
    for round in 0..300_usize {
        for event in 0..round % 7 * 40 {
            push_named(&mut queue, event as i32, &vec![b'n'; (round + event) * 37 % 256]);
            queue.charged();
        }
        for _ in 0..round % 5 * 10 {
            queue.pop();
            queue.charged();
        }
        if round % 3 == 0 {
            queue.drain(&mut chunk, round % 4 * 50).wake();
            chunk.clear();
            queue.charged();
        }
    }
    while queue.pop().is_some() {
        queue.charged();
    }
    assert_eq!((queue.chunks.capacities().2, queue.charged(), users.memory().used()), (0, 0, 0));
}

#[test]
fn an_event_equal_to_the_tail_merges_even_without_budget() {
    let (_users, mut queue) = charged(0);
    for tag in 0..CHUNK as i32 {
        push(&mut queue, tag);
    }
    push(&mut queue, CHUNK as i32 - 1);
    assert_eq!((queue.len(), queue.counters().merged), (CHUNK, 1));
    push(&mut queue, -7);
    assert_eq!((queue.len(), queue.counters().lost), (CHUNK + 1, 1));
}

#[test]
fn a_closed_or_dropped_queue_returns_its_charge() {
    for close in [true, false] {
        let (users, mut queue) = charged(usize::MAX);
        for tag in 0..1000 {
            push_named(&mut queue, tag, &[b'n'; 100]);
        }
        assert!(users.memory().used() > 7 * CHUNK_BYTES);
        if close {
            let (records, wakeup) = queue.close();
            wakeup.wake();
            drop(records);
            assert_eq!(users.memory().used(), 0);
            assert_eq!(queue.charged(), 0);
        } else {
            queue.seal().wake();
            assert!(users.memory().used() > 0, "it can still be read");
            drop(queue);
            assert_eq!(users.memory().used(), 0);
        }
    }
}

#[test]
fn one_user_cannot_use_up_the_quota_of_another() {
    let (users, mut greedy) = charged(4 * CHUNK_BYTES);
    users.memory().set_limits(4 * CHUNK_BYTES, 6 * CHUNK_BYTES);
    let second = |id| {
        let user = users.charge_instance(id, &Limits::default()).unwrap();
        Queue::open(100_000, QueueCharge::of(user))
    };
    let (mut modest, mut late) = (second(8), second(9));
    for tag in 0..2000 {
        push(&mut greedy, tag);
    }
    assert_eq!(greedy.charged(), 4 * CHUNK_BYTES);
    for tag in 0..3 * CHUNK as i32 {
        push(&mut modest, tag);
    }
    assert_eq!((modest.len(), modest.counters().lost), (3 * CHUNK, 0));
    // The total is used up, but every queue still has its first chunk.
    assert_eq!(users.memory().used(), 6 * CHUNK_BYTES);
    for tag in 0..CHUNK as i32 {
        push(&mut late, tag);
    }
    assert_eq!((late.len(), late.counters().lost), (CHUNK, 0));
    push(&mut late, -7);
    assert_eq!(late.counters().lost, 1);
    assert_eq!(users.queued_bytes(9), 0, "a refused charge is not the user's either");
}
