//! Connections on which nobody has authenticated: they hold little, and do not keep others out.

use std::{io, net::Ipv4Addr};

use super::raw::{HERE, Raw, frame};
use crate::support::server::{House, Server, Start};

fn with(env: &[(&'static str, &str)]) -> Start {
    Start { env: env.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), ..Start::default() }
}

/// A connection on which one probe was answered; it is idle then, for 75 seconds at the most.
fn probed(address: Ipv4Addr, port: u16) -> io::Result<Raw> {
    let mut connection = Raw::from(address, port);
    match connection.answer_to("GET", "/health", &[])?.status {
        200 => Ok(connection),
        _ => Err(io::ErrorKind::ConnectionRefused.into()),
    }
}

/// A connection of a backend, which stays open.
fn known(address: Ipv4Addr, port: u16) -> io::Result<Raw> {
    let mut connection = Raw::from(address, port);
    let backend = format!("Authorization: {}", House::backend());
    match connection.answer_to("GET", "/v1/Services", &[&backend])?.status {
        200 => Ok(connection),
        _ => Err(io::ErrorKind::ConnectionRefused.into()),
    }
}

#[test]
fn four_addresses_that_hold_all_they_may_do_not_keep_a_probe_out() {
    let house = House::new();
    let limits = [("AIRLOCK_CONNECTIONS_MAX", "64"), ("AIRLOCK_CONNECTIONS_PER_ADDRESS", "16")];
    let server = house.started("data", &with(&limits));
    let crowd = |open: fn(Ipv4Addr, u16) -> io::Result<Raw>| -> Vec<Raw> {
        let address = |it: usize| Ipv4Addr::new(127, 0, 0, 2 + (it / 16) as u8);
        (0..64).filter_map(|it| open(address(it), server.port).ok()).collect()
    };
    let idle = crowd(probed);
    assert_eq!(probed(HERE, server.port).map(drop).ok(), Some(()), "beside idle connections");
    drop(idle);
    let idle = crowd(|address, port| {
        let mut socket = Raw::from(address, port);
        socket.upgrade(&[]).map(|_| socket)
    });
    assert_eq!(probed(HERE, server.port).map(drop).ok(), Some(()), "beside sockets without `init`");
    drop(idle);
    let busy = crowd(known);
    assert!(48 < busy.len(), "{} connections of backends", busy.len());
    assert_eq!(probed(HERE, server.port).map(drop).ok(), Some(()), "beside known connections");
}

#[test]
fn the_oldest_connection_that_never_authenticated_makes_room() {
    let house = House::new();
    let server = house.started("data", &with(&[("AIRLOCK_CONNECTIONS_MAX", "24")]));
    let mut backend = known(HERE, server.port).expect("an answer");
    // Few of each address, so that none of them has too many.
    let address = |it: u8| Ipv4Addr::new(127, 0, 1, it / 2);
    let mut crowd: Vec<_> = (0..23).map(|it| probed(address(it), server.port).expect("an answer")).collect();
    let newest = probed(HERE, server.port);
    assert_eq!(newest.map(drop).ok(), Some(()), "one more than there are places");
    assert!(crowd[0].wait_for_end(), "the oldest was closed");
    let header = format!("Authorization: {}", House::backend());
    let answer = backend.answer_to("GET", "/v1/Services", &[&header]).expect("it was older and is open");
    assert_eq!(answer.status, 200);
}

#[test]
fn idle_connections_that_never_authenticated_end_when_half_of_the_places_are_taken() {
    let house = House::new();
    let server = house.started("data", &with(&[("AIRLOCK_CONNECTIONS_MAX", "8")]));
    let mut backend = known(HERE, server.port).expect("an answer");
    let mut idle: Vec<_> = (0..4).map(|_| probed(HERE, server.port).expect("an answer")).collect();
    assert!(idle[0].wait_for_end(), "it is closed before its 75 seconds are over");
    let header = format!("Authorization: {}", House::backend());
    assert_eq!(backend.answer_to("GET", "/v1/Services", &[&header]).expect("an answer").status, 200);
}

#[test]
fn a_message_before_init_is_as_long_as_an_init_may_be() {
    let house = House::new();
    let server = house.started("data", &Start::default());
    let closed_with = |announced: usize, sent: usize| {
        let mut socket = Raw::from(HERE, server.port);
        assert!(socket.upgrade(&[]).expect("a head").starts_with("HTTP/1.1 101"));
        let message = vec![b'x'; sent];
        socket.send(&frame(0x82, announced, &message)).expect("it is taken");
        let (first, payload) = socket.frame().expect("a close frame");
        (first, u16::from_be_bytes([payload[0], payload[1]]))
    };
    // Too long is told before it is waited for; what is no `init` is a breach of the protocol.
    assert_eq!(closed_with(9 * 1024 + 1, 0), (0x88, 1009));
    assert_eq!(closed_with(9 * 1024, 9 * 1024), (0x88, 1002));
    // After `init` a message may be longer.
    let made = server.post("/v1/Services", "");
    let token = house.client(made.body["sid"].as_str().expect("a SID"), "ada");
    let mut socket = Raw::from(HERE, server.port);
    socket.upgrade(&[]).expect("a head");
    socket.init(token.trim_start_matches("Bearer ")).expect("it is taken");
    assert!(String::from_utf8_lossy(&socket.frame().expect("a reply").1).contains(r#""code":200"#));
    let header = r#"{"method":"telemetry.v1","id":"TM1","payload_size":60000}"#;
    let message = format!("TWILSOCK V3.0 {}\r\n{header}\r\n{}", header.len(), "x".repeat(60_000));
    socket.send(&frame(0x82, message.len(), message.as_bytes())).expect("it is taken");
    socket.send(&frame(0x89, 2, b"hi")).expect("it is taken");
    loop {
        match socket.frame().expect("it is still open") {
            (0x8a, payload) => break assert_eq!(payload, b"hi"),
            (0x88, payload) => panic!("closed: {payload:?}"),
            _ => {}
        }
    }
}

/// Resident memory of the server, in KiB.
fn resident_kib(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_socket_holds_little_before_init() {
    const SOCKETS: usize = 600;
    let house = House::new();
    let server = house.started("data", &Start::default());
    let open = |_| {
        let mut socket = Raw::from(HERE, server.port);
        assert!(socket.upgrade(&[]).expect("a head").starts_with("HTTP/1.1 101"));
        socket
    };
    let before = resident_kib(&server);
    let mut sockets: Vec<_> = (0..SOCKETS).map(open).collect();
    // Half of the longest message in a fragment, and of the rest all but the last byte: nothing is whole. The others send
    // all but the last byte of one frame.
    let half = vec![b'x'; 4_608];
    for (number, socket) in sockets.iter_mut().enumerate() {
        if number % 2 == 0 {
            socket.send(&frame(0x02, half.len(), &half)).expect("it is taken");
            socket.send(&frame(0x80, half.len(), &half[1..])).expect("it is taken");
        } else {
            socket.send(&frame(0x82, 2 * half.len(), &half)).expect("it is taken");
            socket.send(&half[1..]).expect("it is taken");
        }
    }
    // A later connection is answered after what these have sent was read, but for a few.
    for _ in 0..50 {
        probed(HERE, server.port).expect("an answer");
    }
    let each = resident_kib(&server).saturating_sub(before) * 1024 / SOCKETS;
    println!("{each} bytes for each socket before init");
    assert!(each <= 16 * 1024, "{each} bytes for each");
}
