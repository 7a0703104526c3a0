//! What an evaluation can cost: the steps of each part, as large as the schema allows its values to be.
//!
//! A comprehension costs its rounds times its body. What the body looks at of the item itself is counted apart:
//! the items together are no larger than what they are items of, however large one of them may be.

use crate::policy::expression::{
    check::{Checker, Node},
    guard::Facts,
    shape::{ShapeId, Size},
};

impl Checker<'_> {
    /// Checks a part with a further variable in scope: an item of something of that size.
    pub(super) fn with_local<T>(
        &mut self,
        name: &str,
        (shape, whole): (ShapeId, Size),
        check: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.straight = false;
        self.known.push(name, shape, whole);
        let result = check(self);
        self.known.pop();
        result
    }

    /// Checks a part where more is certain.
    pub(super) fn with_facts<T>(&mut self, mut facts: Facts, check: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.facts.clone();
        self.facts.append(&mut facts);
        let result = check(self);
        self.facts = before;
        result
    }

    /// Steps to look so many times at the whole of a value, or to copy it.
    pub(super) fn looked(&mut self, node: &Node, times: u64) -> u64 {
        match node.path.as_ref().and_then(|it| self.known.whole(it)) {
            Some(whole) => {
                self.once = self.once.saturating_add(whole.steps().saturating_mul(times));
                0
            }
            None => self.shapes.size(node.shape).steps().saturating_mul(times),
        }
    }

    /// Steps to compare two values: the smaller one decides.
    pub(super) fn compared(&mut self, left: &Node, right: &Node) -> u64 {
        /// So few are not worth to be counted apart.
        const FEW: u64 = 8;
        let steps = (self.shapes.size(left.shape).steps(), self.shapes.size(right.shape).steps());
        let least = steps.0.min(steps.1);
        let mut shared = [left, right]
            .into_iter()
            .filter(|it| it.path.as_ref().is_some_and(|it| self.known.whole(it).is_some()));
        match shared.next() {
            Some(node) if FEW < least => self.looked(node, 1),
            _ => least,
        }
    }
}
