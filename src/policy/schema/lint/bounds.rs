//! How often a schema can look at one value, and how deep it can go: known before any data comes.

use super::{Graph, Node};
use crate::domain::limits::DATA_DEPTH_MAX;

impl Graph {
    /// All schemas, each after those that apply to the same value because of it; none if that has no end.
    pub(super) fn order(&mut self) -> Option<Vec<usize>> {
        let mut order = Vec::new();
        // 0: not seen, 1: on the way, 2: done.
        let mut state = vec![0_u8; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut path = vec![(start, 0_usize)];
            while let Some((at, next)) = path.pop() {
                let Some(mark) = state.get_mut(at) else { continue };
                if *mark == 2 || (*mark == 1 && next == 0) {
                    continue;
                }
                *mark = 1;
                let child = self.nodes.get(at).and_then(|it| it.same.get(next)).copied();
                match child {
                    None => {
                        *mark = 2;
                        order.push(at);
                    }
                    Some(child) if state.get(child) == Some(&1) => {
                        let pointer = self.nodes.get(child).map(|it| it.pointer.clone()).unwrap_or_default();
                        let help = "let each round go one level deeper into the data, through `properties` or `items`";
                        self.problem(
                            pointer,
                            "the schema refers to itself without end",
                            Some(help.to_owned()),
                        );
                        return None;
                    }
                    Some(child) => {
                        path.push((at, next + 1));
                        path.push((child, 0));
                    }
                }
            }
        }
        Some(order)
    }

    /// The most often that one value, at any depth of the data, can be looked at.
    pub(super) fn cost(&self, order: &[usize]) -> u64 {
        self.looks(order, |_, depth| u64::from(depth == 0))
    }

    /// The most that one value, at any depth of the data, can weigh, if each look weighs what is said of its schema.
    pub(super) fn most(&self, order: &[usize], weight: impl Fn(&Node) -> u64) -> u64 {
        self.looks(order, |node, depth| if depth == 0 { weight(node) } else { 0 })
    }

    fn looks(&self, order: &[usize], own: impl Fn(&Node, usize) -> u64) -> u64 {
        let mut above: Vec<u64> = vec![0; self.nodes.len()];
        let mut most = 0;
        for depth in 0..=DATA_DEPTH_MAX {
            let mut here: Vec<u64> = vec![0; self.nodes.len()];
            for at in order {
                let Some(node) = self.nodes.get(*at) else { continue };
                let sum = |list: &[usize], of: &[u64]| {
                    list.iter().filter_map(|it| of.get(*it)).fold(0_u64, |sum, it| sum.saturating_add(*it))
                };
                let max =
                    |list: &[usize]| list.iter().filter_map(|it| above.get(*it)).copied().max().unwrap_or(0);
                let below = max(&node.properties)
                    .max(max(&node.additional))
                    .max(max(&node.first_elements))
                    .saturating_add(sum(&node.patterns, &above))
                    .saturating_add(sum(&node.entries, &above));
                let looks = own(node, depth).saturating_add(sum(&node.same, &here)).saturating_add(below);
                if let Some(slot) = here.get_mut(*at) {
                    *slot = looks.saturating_mul(if node.twice { 2 } else { 1 });
                }
            }
            most = most.max(here.first().copied().unwrap_or(0));
            above = here;
        }
        most
    }

    /// The most schemas that can lie within one another while data of any depth is checked.
    pub(super) fn way(&self, order: &[usize]) -> u64 {
        let mut above: Vec<u64> = vec![0; self.nodes.len()];
        for _ in 0..=DATA_DEPTH_MAX {
            let mut here: Vec<u64> = vec![0; self.nodes.len()];
            for at in order {
                let Some(node) = self.nodes.get(*at) else { continue };
                let max =
                    |list: &[usize], of: &[u64]| list.iter().filter_map(|it| of.get(*it)).copied().max();
                let below =
                    [&node.properties, &node.additional, &node.patterns, &node.entries, &node.first_elements];
                let below = below.into_iter().filter_map(|it| max(it, &above)).max();
                let most = max(&node.same, &here).max(below).unwrap_or(0);
                if let Some(slot) = here.get_mut(*at) {
                    *slot = most.saturating_add(1);
                }
            }
            above = here;
        }
        above.first().copied().unwrap_or(0)
    }
}
