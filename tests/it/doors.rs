//! The doors against whoever is not known: how fast, how slowly, how many, from which page, and whose address it is.

mod raw;
mod pace;
mod slow;
mod crowd;
mod pages;
mod proxies;
mod log;
