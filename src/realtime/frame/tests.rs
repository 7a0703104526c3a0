//! Captured frames, and the properties of the codec.

use proptest::prelude::*;

use super::*;

fn framed(header: &str, payload: &str) -> Vec<u8> {
    format!("TWILSOCK V3.0 {}\r\n{header}\r\n{payload}", header.len()).into_bytes()
}

#[test]
fn a_captured_request_is_read() {
    let header = r#"{"id":"TM1","method":"message","active_grant":"data_sync","payload_type":"application/json","http_request":{"host":"h","path":"/v3/Documents/doc%20%C3%A9","method":"GET","params":{"HideExpired":"true","Key":["a%2Fb","c"],"n":1},"headers":{"Content-Type":"application/json","if-match":"1f","Twilio-Request-Id":"RQ3"}},"payload_size":9}"#;
    let message = framed(header, "data_sync\r\n");
    let Frame::Request(header, payload) = decode(&message).unwrap() else { panic!("no request") };
    let request = header.http_request.unwrap();
    assert_eq!((&*header.id, &*request.method, payload), ("TM1", "GET", &b"data_sync"[..]));
    assert_eq!(request.headers.if_match.as_deref(), Some("1f"));
    assert_eq!(request.headers.request_id.as_deref(), Some("RQ3"));
    let pairs: Vec<_> = request.params.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(pairs, ["HideExpired=true", "Key=a%2Fb", "Key=c"]);
}

#[test]
fn header_values_and_parameters_may_be_arrays() {
    let read = |headers: &str, params: &str| {
        let header = format!(
            r#"{{"id":"RQ1","method":"message","active_grant":"data_sync","http_request":{{"host":"h","path":"/v3/Maps","method":"POST","params":{params},"headers":{headers}}}}}"#
        );
        // As the phone SDKs do it: no size and no type without a payload.
        let message = framed(&header, "");
        match decode(&message) {
            Ok(Frame::Request(header, b"")) => {
                let request = header.http_request.unwrap();
                Some((request.headers, request.params.0))
            }
            _ => None,
        }
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let (headers, params) = read(
        r#"{"If-Match":["1e"],"Twilio-Request-Id":["RQ2"]}"#,
        r#"{"From":["a"],"Bounds":["inclusive"]}"#,
    )
    .unwrap();
    assert_eq!((headers.if_match.as_deref(), headers.request_id.as_deref()), (Some("1e"), Some("RQ2")));
    assert_eq!(params, [pair("From", "a"), pair("Bounds", "inclusive")]);
    for (value, expected) in [
        (r#""1e""#, Some("1e")),
        (r#"["1e"]"#, Some("1e")),
        // No revision: it will be refused, and not read as one of the two.
        (r#"["1e","1f"]"#, Some("1e, 1f")),
        ("[]", None),
        ("null", None),
    ] {
        let (headers, _) = read(&format!(r#"{{"If-Match":{value}}}"#), "{}").unwrap();
        assert_eq!(headers.if_match.as_deref(), expected, "{value}");
    }
    for value in ["[1]", "{}", "1", "[[\"1e\"]]", "true"] {
        assert!(read(&format!(r#"{{"If-Match":{value}}}"#), "{}").is_none(), "{value}");
    }
}

#[test]
fn acknowledgements_are_recognised_in_any_shape() {
    let captured = r#"{"id":"TMping1","method":"reply","payload_type":"application/json","status":{"code":200,"status":"OK"},"payload_size":0}"#;
    for header in
        [captured, r#"{"method":"reply","id":"1"}"#, "{ \"id\" : \"a\\\"b\", \"method\" : \"reply\" }"]
    {
        assert!(matches!(decode(&framed(header, "")), Ok(Frame::Acknowledgement)), "{header}");
    }
    // The word elsewhere does not make one.
    let request = r#"{"id":"\",","method":"close","token":"\"method\":\"reply\""}"#;
    assert!(matches!(decode(&framed(request, "")), Ok(Frame::Request(..))));
}

#[test]
fn what_is_no_frame_is_refused() {
    let cases: &[(&[u8], BadFrame)] = &[
        (b"", BadFrame::Layout),
        (b"TWILSOCK V3.1 2\r\n{}\r\n", BadFrame::Layout),
        (b"TWILSOCK V3.0  2\r\n{}\r\n", BadFrame::Layout),
        (b"TWILSOCK V3.0 3\r\n{}\r\n", BadFrame::Layout),
        (b"TWILSOCK V3.0 -2\r\n{}\r\n", BadFrame::Layout),
        (b"TWILSOCK V3.0 99999999999999999999\r\n{}\r\n", BadFrame::Layout),
        (b"TWILSOCK V3.0 2\r\n{}\r\n", BadFrame::Header),
        (b"TWILSOCK V3.0 2\r\n[]\r\n", BadFrame::Header),
    ];
    for (bytes, expected) in cases {
        assert_eq!(decode(bytes).unwrap_err(), *expected, "{}", String::from_utf8_lossy(bytes));
    }
    let short = framed(r#"{"id":"1","method":"init","payload_size":5}"#, "four");
    assert_eq!(decode(&short).unwrap_err(), BadFrame::Layout);
}

#[test]
fn a_ping_is_encoded_byte_for_byte() {
    let bytes = encode(r#"{"method":"ping","id":"TMping1""#, b"");
    let text = "TWILSOCK V3.0 49\r\n{\"method\":\"ping\",\"id\":\"TMping1\",\"payload_size\":0}\r\n";
    assert_eq!(bytes.get(..2), Some(&[0x82, text.len() as u8][..]));
    assert_eq!(bytes.get(2..), Some(text.as_bytes()));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode(&[MAGIC, &bytes].concat());
        let _ = decode(&framed(&String::from_utf8_lossy(&bytes), ""));
    }

    #[test]
    fn what_is_encoded_is_decoded(id in ".*", method in "[a-z.]{1,20}", payload in proptest::collection::vec(any::<u8>(), 0..70_000)) {
        prop_assume!(method != "reply");
        let head = format!("{{\"method\":\"{method}\",\"id\":{}", serde_json::to_string(&id).unwrap());
        let bytes = encode(&head, &payload);
        let skip = match bytes[1] { 126 => 4, 127 => 10, _ => 2 };
        let Ok(Frame::Request(header, read)) = decode(&bytes[skip..]) else { panic!("not read") };
        prop_assert_eq!((&*header.method, &*header.id, read), (&*method, &*id, &payload[..]));
    }
}
