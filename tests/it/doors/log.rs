//! What clients can make the server write into its log.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use crate::support::{
    http::{Http, Request},
    server::{House, Server, Start},
};

/// A service, and the credential of a client there.
fn client(house: &House, server: &Server, identity: &str) -> String {
    let service = server.post("/v1/Services", "").body["sid"].as_str().expect("a SID").to_owned();
    house.client(&service, identity)
}

/// Writes a cursor of this name, which is not the client's.
fn write(http: &mut Http, token: &str, name: &str) -> u16 {
    let request = Request {
        method: "POST",
        path: "/v3/Documents".to_owned(),
        authorization: token.to_owned(),
        attempt: None,
        content_type: "application/json",
        body: json!({ "unique_name": name, "data": { "x": "no number" } }).to_string(),
    };
    http.send(&request).expect("an answer").status
}

#[test]
fn refusals_are_ten_lines_a_minute_and_one_sum() {
    let house = House::new();
    let server = house.started("data", &Start::default());
    let tokens = ["ada", "bob"].map(|it| (it, client(&house, &server, it)));
    let mut http = server.http();
    for (_, token) in &tokens {
        for number in 0..300 {
            let status =
                write(&mut http, token, if number % 2 == 0 { "cursors/7/eve" } else { "cursors/7/ada" });
            assert!((400..500).contains(&status), "{status}");
        }
    }
    let end = server.terminate();
    // Of each identity and rule: lines, and the sum of the rest.
    let mut told: BTreeMap<(String, String), (u64, Vec<u64>)> = BTreeMap::new();
    for line in end.said.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok()) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let entry = || (text("caller.identity"), text("rule.name"));
        match line["message"].as_str() {
            Some("change refused") => told.entry(entry()).or_default().0 += 1,
            Some("refusals.summary") => {
                assert_eq!(line["refusals.what"], "change refused");
                told.entry(entry()).or_default().1.push(line["refusals.count"].as_u64().expect("a count"));
            }
            _ => {}
        }
    }
    assert!(2 <= told.len(), "{told:?}");
    for ((identity, rule), (lines, sums)) in &told {
        // A minute that ends within the test begins the count anew.
        let minutes = sums.len() as u64;
        assert!((1..=2).contains(&minutes) && *lines <= 10 * minutes, "{identity} {rule}: {lines} {sums:?}");
    }
    let all: u64 = told.values().map(|(lines, sums)| lines + sums.iter().sum::<u64>()).sum();
    assert_eq!(all, 600, "each refusal is told once: {told:?}");
}

#[test]
fn the_log_has_so_many_bytes_a_second_and_says_what_was_lost() {
    let house = House::new();
    let env = vec![("AIRLOCK_LOG", "debug".to_owned()), ("AIRLOCK_LOG_BYTES_PER_SECOND", "1000".to_owned())];
    let began = Instant::now();
    let server = house.started("data", &Start { env, ..Start::default() });
    let token = client(&house, &server, "ada");
    let mut http = server.http();
    for number in 0..400 {
        write(&mut http, &token, &format!("plain-{number}"));
    }
    let end = server.terminate();
    let seconds = usize::try_from(began.elapsed().as_secs() + 1).expect("a short test");
    let lost = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["message"].as_str()?.contains("too fast").then(|| line["log.lines_lost"].as_u64())?
    };
    let reports: Vec<_> = end.said.lines().filter_map(lost).collect();
    assert!(!reports.is_empty(), "it says that lines were lost:\n{}", end.said);
    // A minute's worth at once, what has come since, and the reports themselves.
    let most = 1_000 * (60 + seconds) + 300 * reports.len();
    assert!(end.said.len() <= most, "{} bytes, at most {most}", end.said.len());
}
