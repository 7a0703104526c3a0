//! Bytes of a socket: through the WebSocket reader, and each message as a frame of the SDK.

#![no_main]

use airlock::realtime::{
    fuzz_frame,
    websocket::{Reader, Received},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    fuzz_frame(bytes);
    let mut reader = Reader::new(64 * 1024);
    let mut input = bytes.to_vec();
    let mut from = 0;
    while let Some(rest) = input.get_mut(from..) {
        let taken = reader.take(rest, |received| match received {
            Received::Text(message) | Received::Binary(message) => fuzz_frame(message),
            Received::Ping(_) | Received::Pong | Received::Close(_) | Received::Fragment => (),
        });
        match taken {
            Ok(Some((used, ()))) => from += used,
            Ok(None) | Err(_) => break,
        }
    }
});
