//! Figures of several rounds: the median, and how far the rounds lie apart.

use std::fmt;

/// One quantity, measured in several rounds.
#[derive(Clone, Default)]
pub struct Figure(Vec<f64>);

impl Figure {
    /// Adds a round.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = out.precision().unwrap_or(2);
        let (first, last) = (self.0.first().unwrap(), self.0.last().unwrap());
        write!(out, "{:.digits$} ({first:.digits$} to {last:.digits$})", self.median())
    }
}

/// Says whether a goal was reached.
pub fn verdict(what: &str, figure: f64, goal: &str, reached: bool) {
    println!("  {what}: {figure:.2}, goal {goal}: {}", if reached { "reached" } else { "MISSED" });
}

/// A number from the environment, within bounds: how large a run is.
pub fn setting(name: &str, default: usize, max: usize) -> usize {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(default).min(max)
}
