//! Hostile policies: whatever a careless or malicious author lays into the folder meets a fault with a place and a
//! cure. Nothing is fetched, nothing outside is opened, and no bomb goes off. Through the binary.

mod attack;
mod scene;
mod files;
mod texts;
mod names;
mod amounts;
mod schemas;
mod expressions;
mod rewrites;
mod cases;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use attack::Attack;
use scene::judge;

/// Binaries that run at one time.
const AT_ONCE: usize = 4;

/// Runs all rows of a theme, and tells all that are wrong.
fn check(attacks: &[Attack]) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(attack) = attacks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = judge(attack) {
                wrong.push(format!("{}: {why}", attack.rule));
            }
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|it| it.join().expect("a worker ends")).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), attacks.len(), wrong.join("\n\n"));
}

#[test]
fn files_are_in_the_folder_and_files() {
    check(&files::attacks());
}

#[test]
fn text_is_text() {
    check(&texts::attacks());
}

#[test]
fn names_have_one_owner() {
    check(&names::attacks());
}

#[test]
fn amounts_are_within_bounds() {
    check(&amounts::attacks());
}

#[test]
fn schemas_end_and_look_nowhere() {
    check(&schemas::attacks());
}

#[test]
fn expressions_are_cheap_and_know_little() {
    check(&expressions::attacks());
}

#[test]
fn what_is_published_fits() {
    check(&rewrites::attacks());
}

#[test]
fn cases_are_right_and_end() {
    check(&cases::attacks());
}

/// Each row is about a rule of its own.
#[test]
fn no_rule_stands_twice() {
    let mut seen = BTreeSet::new();
    let all = [
        files::attacks(),
        texts::attacks(),
        names::attacks(),
        amounts::attacks(),
        schemas::attacks(),
        expressions::attacks(),
        rewrites::attacks(),
        cases::attacks(),
    ];
    for attack in all.iter().flatten() {
        assert!(seen.insert(&attack.rule), "`{}` stands twice", attack.rule);
    }
    println!("{} kinds", seen.len());
    assert!(200 <= seen.len(), "{} kinds", seen.len());
}
