//! The SDK's half of the wire: masked frames out, unmasked frames in.

/// A masked binary message with one TWILSOCK frame, as the SDK sends it.
pub fn masked(head: &str, payload: &str) -> Vec<u8> {
    let head = format!("{head},\"payload_size\":{}}}", payload.len());
    let text = format!("TWILSOCK V3.0 {}\r\n{head}\r\n{payload}", head.len());
    let mut out = vec![0x82];
    match u16::try_from(text.len()) {
        Ok(short) if short <= 125 => out.push(0x80 | short as u8),
        Ok(middle) => {
            out.push(0x80 | 126);
            out.extend(middle.to_be_bytes());
        }
        Err(_) => panic!("a bench sends small messages"),
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    out.extend(mask);
    out.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// What the SDK answers to each notification.
pub fn acknowledgement(id: &str) -> Vec<u8> {
    let head = format!(
        r#"{{"id":"{id}","method":"reply","payload_type":"application/json","status":{{"code":200,"status":"OK"}}"#
    );
    masked(&head, "")
}

/// A tunnelled request, as the SDK writes it. `number` makes its ids, all of one length.
pub fn request(number: u64, method: &str, path: &str, body: &str) -> Vec<u8> {
    let head = format!(
        r#"{{"id":"TM{number:032}","method":"message","active_grant":"data_sync","payload_type":"application/json","http_request":{{"host":"cds.us1.twilio.com","path":"{path}","method":"{method}","params":{{}},"headers":{{"Content-Type":"application/json","Twilio-Request-Id":"RQ{number:032}"}}}}"#
    );
    masked(&head, body)
}

/// The first whole frame of what a server sent: its payload and all its bytes.
pub fn first(input: &[u8]) -> Option<(&[u8], usize)> {
    let (length, head) = match *input.get(1)? {
        126 => (usize::from(u16::from_be_bytes([*input.get(2)?, *input.get(3)?])), 4),
        127 => (usize::try_from(u64::from_be_bytes(input.get(2..10)?.try_into().unwrap())).unwrap(), 10),
        short => (usize::from(short), 2),
    };
    Some((input.get(head..head + length)?, head + length))
}

/// Whether the payload is a frame of this method.
pub fn is(payload: &[u8], method: &str) -> bool {
    let head = payload.iter().position(|it| *it == b'{').map_or(&[][..], |it| &payload[it..]);
    let rest = head.strip_prefix(br#"{"method":""#).and_then(|it| it.strip_prefix(method.as_bytes()));
    rest.is_some_and(|it| it.starts_with(b"\""))
}
