//! The wall clock is wrong: nothing is deleted, frozen or hidden, and an operator can say that it is right.
//!
//! The file that `AIRLOCK_CLOCK_FILE` names shifts the two clocks of a server that runs.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    http::{Answer, Request},
    server::{House, Server, Start, binary},
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Half minutes that may pass until the clocks agree: a busy server looks late.
const AGREEMENTS_MAX: usize = 20;
/// What the log says.
const DIFFERS: &str = "the wall clock differs from the relay's";
const AGREES: &str = "the clocks agree again";
const ACCEPTED: &str = "the wall clock was accepted";

/// A server whose clocks are shifted, and what was written to it.
struct Clocks {
    house: House,
    server: Option<Server>,
    service: String,
    /// Milliseconds by which the wall clock is wrong.
    wall_ms: i64,
    /// Milliseconds that have passed on both clocks besides the real ones.
    passed_ms: i64,
}

impl Clocks {
    fn new() -> Self {
        let house = House::new();
        let mut clocks = Self { house, server: None, service: String::new(), wall_ms: 0, passed_ms: 0 };
        clocks.start(&[]);
        let made = clocks.server().post("/v1/Services", "FriendlyName=clock");
        clocks.service = made.body["sid"].as_str().expect("a service").to_owned();
        clocks
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    /// Ends the server, if one runs, and starts it again.
    fn start(&mut self, env: &[(&'static str, &str)]) {
        if let Some(server) = self.server.take() {
            assert!(server.terminate().status.success());
        }
        self.shift();
        let file = self.house.path("clocks").to_string_lossy().into_owned();
        let mut start = Start { env: vec![("AIRLOCK_CLOCK_FILE", file)], ..Start::default() };
        start.env.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.server = Some(self.house.started("data", &start));
    }

    /// The wall clock is set, wrongly by so many milliseconds.
    fn set_wall(&mut self, wrong_by_ms: i64) {
        self.wall_ms = wrong_by_ms;
        self.shift();
    }

    /// Time passes on both clocks.
    fn pass(&mut self, milliseconds: i64) {
        self.passed_ms += milliseconds;
        self.shift();
    }

    fn shift(&self) {
        let (file, new) = (self.house.path("clocks"), self.house.path("clocks.new"));
        fs::write(&new, format!("{} {}", self.wall_ms + self.passed_ms, self.passed_ms)).expect("written");
        fs::rename(new, file).expect("replaced");
    }

    /// How often this server has logged something.
    fn said(&self, what: &str) -> usize {
        self.server().said().lines().filter(|it| it.contains(what)).count()
    }

    /// The first line that says something.
    fn line(&self, what: &str) -> Value {
        let said = self.server().said();
        let line = said.lines().find(|it| it.contains(what)).expect("it was said");
        serde_json::from_str(line).expect("JSON")
    }

    /// Waits until it has said something for so many times.
    fn until_said(&self, what: &str, times: usize) {
        until(&format!("`{what}`, {times} times"), || self.said(what) == times);
    }

    /// Lets time pass until the server says that the clocks agree.
    fn until_agreed(&mut self) {
        for _ in 0..AGREEMENTS_MAX {
            self.pass(MINUTE_MS / 2);
            if holds_soon(|| self.said(AGREES) == 1) {
                return;
            }
        }
        panic!("they have not agreed:\n{}", self.server().said());
    }

    fn documents(&self) -> String {
        format!("/v1/Services/{}/Documents", self.service)
    }

    /// Makes a document that lives for so many seconds.
    fn make(&self, name: &str, seconds: i64) {
        let answer = self
            .server()
            .post(&self.documents(), &format!("UniqueName={name}&Data=%7B%22n%22%3A1%7D&Ttl={seconds}"));
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    fn read(&self, name: &str) -> u16 {
        let path = format!("{}/{name}", self.documents());
        self.server().http().get(&path, &House::backend()).expect("an answer").status
    }

    fn write(&self, name: &str) -> u16 {
        self.server().post(&format!("{}/{name}", self.documents()), "Data=%7B%22n%22%3A2%7D").status
    }

    /// It stands for reads and for writes.
    fn stands(&self, name: &str) {
        assert_eq!((self.read(name), self.write(name), self.read(name)), (200, 200, 200), "{name}");
    }

    /// Waits until it is gone for both.
    fn until_gone(&self, name: &str) {
        until(&format!("`{name}` is gone"), || self.read(name) == 404);
        assert_eq!(self.write(name), 404, "{name}");
    }

    /// A client sets its status; the sample policy lets it do so five times at once.
    fn set_status(&self, authorization: &str) -> Answer {
        let body = r#"{"unique_name":"status/ada","data":{"text":"here"}}"#;
        let mut http = self.server().http();
        let mut ask = |path: &str, body: &str| {
            http.send(&Request {
                method: "POST",
                path: path.to_owned(),
                authorization: authorization.to_owned(),
                attempt: None,
                content_type: "application/json",
                body: body.to_owned(),
            })
            .expect("an answer")
        };
        let made = ask("/v3/Documents", body);
        if made.status == 409 {
            ask("/v3/Documents/status%2Fada", r#"{"data":{"text":"there"}}"#)
        } else {
            made
        }
    }

    fn accept(&self) {
        let mut command = Command::new(binary());
        command.env_clear().args(["clock", "accept", "--data"]).arg(self.house.path("data"));
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn until(what: &str, holds: impl FnMut() -> bool) {
    assert!(holds_within(PATIENCE, holds), "not within {PATIENCE:?}: {what}");
}

/// Whether something holds after one look of the server at its clocks.
fn holds_soon(holds: impl FnMut() -> bool) -> bool {
    holds_within(Duration::from_millis(1_200), holds)
}

fn holds_within(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !holds() {
        if patience < began.elapsed() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn two_seconds_of_a_wrong_wall_clock_delete_nothing_and_stop_nothing() {
    let mut clocks = Clocks::new();
    clocks.make("page", 86_400);
    let ada = clocks.house.client(&clocks.service, "ada");
    let admitted = (0..20).take_while(|_| clocks.set_status(&ada).acknowledges()).count();
    assert!((1..=5).contains(&admitted), "its limit is spent: {admitted}");

    clocks.set_wall(400 * DAY_MS);
    clocks.until_said(DIFFERS, 1);
    clocks.stands("page");
    clocks.make("meanwhile", 10);
    clocks.pass(2_000);
    clocks.stands("page");
    assert_eq!(clocks.set_status(&ada).status, 401, "tokens are judged by the wall clock");
    clocks.set_wall(0);
    let admitted = (0..20).take_while(|_| clocks.set_status(&ada).acknowledges()).count();
    assert!(admitted < 20, "its limit is spent again: {admitted}");
    clocks.pass(12_000);
    until("limits are filled again while expiry is suspended", || clocks.set_status(&ada).acknowledges());
    clocks.stands("meanwhile");

    // A restart accepts nothing: what is suspended stands in the log.
    clocks.start(&[]);
    clocks.until_said("expiry has been suspended since", 1);
    clocks.stands("page");
    clocks.stands("meanwhile");
    clocks.until_agreed();
    clocks.until_gone("meanwhile");
    clocks.stands("page");
    assert_eq!(clocks.said(DIFFERS), 0, "it was said by the process that saw it, once");
    clocks.start(&[]);
    clocks.stands("page");
}

#[test]
fn a_step_that_an_operator_accepts_lets_what_is_due_expire() {
    let mut clocks = Clocks::new();
    clocks.make("brief", 30);
    clocks.make("page", 3_600);
    clocks.make("lasting", 10 * 86_400);
    clocks.set_wall(DAY_MS);
    clocks.until_said(DIFFERS, 1);
    clocks.pass(MINUTE_MS);
    for name in ["brief", "page", "lasting"] {
        clocks.stands(name);
    }
    // A restart does not believe the wall clock, either.
    clocks.start(&[]);
    let line = clocks.line("expiry has been suspended since");
    let (relay, wall) = (line["clock.relay"].as_str(), line["clock.wall"].as_str());
    assert!(relay.is_some() && relay < wall, "{line}");
    for name in ["brief", "page", "lasting"] {
        clocks.stands(name);
    }
    clocks.accept();
    clocks.until_said(ACCEPTED, 1);
    clocks.until_gone("brief");
    clocks.until_gone("page");
    clocks.stands("lasting");
    clocks.start(&[]);
    clocks.until_gone("page");
    clocks.stands("lasting");
    assert_eq!((clocks.said(DIFFERS), clocks.said(ACCEPTED)), (0, 0));
    clocks.accept();
    clocks.until_said("there was nothing to accept", 1);
}

#[test]
fn a_start_behind_the_log_begins_at_the_logs_time() {
    let mut clocks = Clocks::new();
    clocks.make("page", 600);
    let before = clocks.server().http().get(&format!("{}/page", clocks.documents()), &House::backend());
    let updated = |answer: &Answer| answer.body["date_updated"].as_str().expect("a time").to_owned();
    let before = updated(&before.expect("an answer"));
    clocks.set_wall(-HOUR_MS);
    clocks.start(&[]);
    clocks.until_said(DIFFERS, 1);
    clocks.stands("page");
    let after = clocks.server().http().get(&format!("{}/page", clocks.documents()), &House::backend());
    assert!(before <= updated(&after.expect("an answer")), "time does not go back");
    clocks.pass(700_000);
    clocks.stands("page");
    clocks.start(&[("AIRLOCK_ACCEPT_CLOCK", "true")]);
    clocks.until_said(ACCEPTED, 1);
    clocks.pass(700_000);
    clocks.until_gone("page");
}

#[test]
fn a_stopped_process_and_small_steps_suspend_nothing() {
    let mut clocks = Clocks::new();
    clocks.make("page", 3_600);
    clocks.make("brief", 30);
    // `SIGSTOP` for a minute: both clocks go on.
    clocks.pass(MINUTE_MS);
    clocks.until_gone("brief");
    clocks.stands("page");
    clocks.set_wall(4 * MINUTE_MS);
    clocks.make("brief", 30);
    clocks.pass(40_000);
    clocks.until_gone("brief");
    assert_eq!(clocks.said(DIFFERS), 0);

    clocks.set_wall(6 * MINUTE_MS);
    clocks.until_said(DIFFERS, 1);
    clocks.stands("page");
    clocks.set_wall(0);
    clocks.until_agreed();
    clocks.stands("page");
    let line = clocks.line(DIFFERS);
    assert_eq!(line["level"], "WARN");
    assert!(line["clock.wall"].is_string() && line["clock.relay"].is_string(), "{line}");
    assert!(line["message"].as_str().is_some_and(|it| it.contains("airlock clock accept")), "{line}");
}
