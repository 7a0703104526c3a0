//! Whoever reads an answer slowly: it must be read at a least rate while bytes of it wait, and a stream with nothing to
//! tell stays.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::raw::{HERE, Raw, request};
use crate::support::server::{House, Start};

/// Longer than the window in which the rate is measured, and shorter than the whole would take.
const WATCHED: Duration = Duration::from_secs(35);

/// Asks for much, and reads so many bytes each quarter of a second: how many came, and whether the server cut it.
fn read_slowly(port: u16, count: usize, bytes: usize) -> (usize, bool) {
    let mut connection = Raw::with_window(HERE, port, Some(4 * 1024));
    connection.send(request("GET", "/openapi.json", &[], "").repeat(count).as_bytes()).expect("a request");
    let (began, mut read) = (Instant::now(), 0);
    let mut buffer = vec![0; bytes];
    while began.elapsed() < WATCHED {
        let until = Instant::now() + Duration::from_millis(250);
        let mut round = 0;
        while round < bytes {
            match connection.some(&mut buffer[round..]) {
                Ok(0) | Err(_) => return (read + round, true),
                Ok(more) => round += more,
            }
        }
        read += round;
        // The reader's own slowness, not a wait for the server.
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }
    (read, false)
}

#[test]
fn an_answer_is_read_at_a_least_rate_and_an_idle_stream_lives() {
    let house = House::new();
    let server = house.started("data", &Start::default());
    let made = server.post("/v1/Services", "FriendlyName=doors");
    let service = made.body["sid"].as_str().expect("a SID").to_owned();
    server.post(&format!("/v1/Services/{service}/Documents"), "UniqueName=quiet&Data={}");
    let token = format!("Authorization: {}", house.client(&service, "ada"));
    let port = server.port;
    let trickle = thread::spawn(move || read_slowly(port, 18, 2_560));
    let steady = thread::spawn(move || read_slowly(port, 4, 12 * 1024));

    let mut stream = Raw::from(HERE, port);
    stream.ask("GET", "/v3/Documents/quiet/events", &[&token]).expect("a stream");
    assert!(stream.head().expect("a head").starts_with("HTTP/1.1 200"));
    // Nothing happens on it until the heartbeat, which comes later than the window ends.
    while !stream.line().expect("the stream lives").starts_with(':') {}

    // 10 KiB a second: cut, although some of it is taken every few seconds.
    let (read, cut) = trickle.join().expect("a reader");
    assert!(cut, "a reader of 10 KiB a second was served for {WATCHED:?} and has read {read} bytes");
    // 48 KiB a second: all of it.
    let whole = 4 * server.http().get("/openapi.json", "").expect("an answer").text.len();
    let (read, cut) = steady.join().expect("a reader");
    assert!(!cut || whole <= read, "a reader of 48 KiB a second was cut after {read} of {whole} bytes");
}
