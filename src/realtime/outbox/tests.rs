//! What leaves, in which order, and when nothing more does.

use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::domain::object::ObjectKind;

use super::*;

async fn pair() -> (Arc<Outbox>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (peer, accepted) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let stream = accepted.unwrap().0;
    stream.writable().await.unwrap();
    (Outbox::new(1, stream, "http://h".into()), peer.unwrap())
}

#[tokio::test]
async fn what_gathered_leaves_in_order() {
    let (outbox, mut peer) = pair().await;
    assert_eq!(outbox.push(Bytes::from_static(b"one ")), Queued::First);
    assert_eq!(outbox.push(Bytes::from_static(b"two")), Queued::Again);
    outbox.flush();
    let mut read = [0; 7];
    peer.read_exact(&mut read).await.unwrap();
    assert_eq!((&read, outbox.waiting_bytes()), (b"one two", 0));
    assert_eq!(outbox.push(Bytes::from_static(b"!")), Queued::First);
}

#[tokio::test]
async fn a_blocked_socket_keeps_the_order_and_resumes() {
    let (outbox, mut peer) = pair().await;
    let mut expected = 0;
    while outbox.blocked_since().is_none() {
        outbox.push(Bytes::from(vec![expected as u8; 100_000]));
        expected += 1;
        outbox.flush();
    }
    let mut read = vec![0; 100_000];
    for number in 0..expected {
        let whole = async { peer.read_exact(&mut read).await.unwrap() };
        tokio::pin!(whole);
        loop {
            tokio::select! {
                _ = &mut whole => break,
                ready = outbox.stream().writable(), if outbox.blocked_since().is_some() => {
                    ready.unwrap();
                    outbox.resume();
                }
            }
        }
        assert!(read.iter().all(|it| *it == number as u8));
    }
}

#[tokio::test]
async fn too_many_events_cut_the_socket() {
    let (outbox, mut peer) = pair().await;
    let event = |size| Entry {
        bytes: Bytes::from(vec![0; size]),
        kind: Kind::Event(ObjectSid { kind: ObjectKind::Map, bytes: [1; 16] }),
        begun: false,
    };
    while outbox.enter(event(50_000)) != Queued::Gone {}
    assert!(outbox.is_cut() && outbox.waiting_bytes() == 0);
    assert_eq!(outbox.push(Bytes::from_static(b"late")), Queued::Gone);
    let mut rest = Vec::new();
    // What the socket had taken still arrives, then the end.
    peer.read_to_end(&mut rest).await.unwrap();
}
