//! A counter of the work that a change of the state takes, in steps: compiled in tests only.
//!
//! One step is one element looked at; a change of a tree is [`TREE_STEPS`]. A bound in steps holds on any machine,
//! so tests assert steps and `docs/BENCHMARKS.md` says what a step costs.

#[cfg(test)]
use std::cell::Cell;

/// Steps of one change of a tree: it copies a path of nodes.
pub const TREE_STEPS: usize = 8;

#[cfg(test)]
thread_local! {
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Counts steps.
#[inline]
#[cfg_attr(not(test), expect(unused_variables, reason = "only tests count"))]
pub fn count(steps: usize) {
    #[cfg(test)]
    DONE.with(|it| it.set(it.get().saturating_add(steps)));
}

/// The steps that `run` takes on this thread.
#[cfg(test)]
pub fn steps_of<R>(run: impl FnOnce() -> R) -> (R, usize) {
    let before = DONE.with(Cell::get);
    let result = run();
    (result, DONE.with(Cell::get) - before)
}
