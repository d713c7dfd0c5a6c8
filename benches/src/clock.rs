//! Time: of the wall and of this thread's CPU.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long this thread has run on a CPU. Costs a system call (about 0.2 us).
pub fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
}

/// The longest gap between two turns of an empty loop that runs for `time`: what the machine
/// itself adds to any longest time. In wall time and in CPU time of this thread.
pub fn longest_gap(time: Duration) -> (Duration, Duration) {
    let start = Instant::now();
    let (mut last, mut last_cpu) = (start, thread_cpu());
    let (mut longest, mut longest_cpu) = (Duration::ZERO, Duration::ZERO);
    while last - start < time {
        let (now, cpu) = (Instant::now(), thread_cpu());
        longest = longest.max(now - last);
        longest_cpu = longest_cpu.max(cpu - last_cpu);
        (last, last_cpu) = (now, cpu);
    }
    (longest, longest_cpu)
}

/// The longest CPU time of [`CpuBlocks::LENGTH`] operations in a row, for operations that are too
/// short to have the CPU clock read at each: no single one took longer than that.
#[derive(Debug)]
pub struct CpuBlocks {
    begun: Duration,
    mark: Duration,
    longest: Duration,
    done: u32,
}

impl CpuBlocks {
    /// How many operations lie between two looks at the clock.
    pub const LENGTH: u32 = 16;

    /// Begins to measure this thread.
    pub fn begin() -> Self {
        let now = thread_cpu();
        Self { begun: now, mark: now, longest: Duration::ZERO, done: 0 }
    }

    /// One more operation is done.
    #[inline]
    pub fn count(&mut self) {
        self.done += 1;
        if self.done == Self::LENGTH {
            self.look();
        }
    }

    fn look(&mut self) {
        let now = thread_cpu();
        self.longest = self.longest.max(now - self.mark);
        (self.mark, self.done) = (now, 0);
    }

    /// Begins a new block here: what this thread did last does not count.
    pub fn skip(&mut self) {
        (self.mark, self.done) = (thread_cpu(), 0);
    }

    /// The longest of all blocks, and the CPU time of all together.
    pub fn end(mut self) -> (Duration, Duration) {
        self.look();
        (self.longest, self.mark - self.begun)
    }
}
