//! The cases of Autobahn's kind, and properties of the reader.

use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, Opcode::Binary, payload.len());
    out[0] = first;
    out[1] |= 0x80;
    out.extend(MASK);
    let start = out.len();
    out.extend(payload);
    unmask(&mut out[start..], MASK);
    out
}

fn read(max: usize, mut bytes: Vec<u8>) -> Result<Vec<String>, Violation> {
    let mut reader = Reader::new(max);
    let mut seen = Vec::new();
    let mut at = 0;
    while let Some((used, text)) = reader.take(&mut bytes[at..], |it| match it {
        Received::Text(bytes) => format!("text {}", String::from_utf8_lossy(bytes)),
        Received::Binary(bytes) => format!("binary {}", bytes.len()),
        Received::Ping(bytes) => format!("ping {}", bytes.len()),
        other => format!("{other:?}"),
    })? {
        at += used;
        seen.push(text);
    }
    Ok(seen)
}

#[test]
fn well_formed_frames_are_read() {
    let cases: &[(Vec<u8>, &[&str])] = &[
        (masked(0x81, b"Hello"), &["text Hello"]),
        (masked(0x82, &[0xfe; 70_000]), &["binary 70000"]),
        (masked(0x89, &[0; 125]), &["ping 125"]),
        (masked(0x8a, b"unasked"), &["Pong"]),
        (masked(0x88, b""), &["Close(None)"]),
        (masked(0x88, &[3, 0xe8, b'o', b'k']), &["Close(Some(1000))"]),
        (
            [masked(0x01, "é".as_bytes().get(..1).unwrap()), masked(0x89, b""), masked(0x80, &[0xa9])]
                .concat(),
            &["Fragment", "ping 0", "text é"],
        ),
        (masked(0x81, b"Hello")[..8].to_vec(), &[]),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(80_000, bytes.clone()).unwrap(), *expected);
    }
}

#[test]
fn broken_frames_fail_the_connection() {
    let mut unmasked = encode(Opcode::Text, b"Hello");
    unmasked[1] &= 0x7f;
    let cases: &[(Vec<u8>, Violation)] = &[
        (unmasked, Violation::Protocol),
        (masked(0xc1, b"reserved bit"), Violation::Protocol),
        (masked(0x83, b"reserved opcode"), Violation::Protocol),
        (masked(0x8b, b"reserved opcode"), Violation::Protocol),
        (masked(0x09, b"fragmented ping"), Violation::Protocol),
        (masked(0x89, &[0; 126]), Violation::Protocol),
        (masked(0x80, b"nothing to continue"), Violation::Protocol),
        ([masked(0x01, b"a"), masked(0x81, b"b")].concat(), Violation::Protocol),
        (masked(0x88, &[3]), Violation::Protocol),
        (masked(0x88, &[3, 0xed]), Violation::Protocol),
        (masked(0x88, &[0x13, 0x88]), Violation::Protocol),
        (masked(0x88, &[3, 0xe8, 0xff]), Violation::Text),
        (masked(0x81, &[0xed, 0xa0, 0x80]), Violation::Text),
        (masked(0x82, &[0; 101]), Violation::TooLong),
        ([masked(0x02, &[0; 60]), masked(0x80, &[0; 41])].concat(), Violation::TooLong),
        (vec![0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0], Violation::Protocol),
        (vec![0x82, 0xfe, 0, 5, 0, 0, 0, 0], Violation::Protocol),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(100, bytes.clone()).unwrap_err(), *expected, "{:x?}", &bytes[..2]);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(100, bytes);
    }

    #[test]
    fn what_is_cut_anywhere_is_waited_for(payload in proptest::collection::vec(any::<u8>(), 0..300), cut in 0.0..1.0) {
        let bytes = masked(0x82, &payload);
        let part = (bytes.len() as f64 * cut) as usize;
        prop_assert_eq!(read(300, bytes[..part].to_vec()), Ok(Vec::new()));
        prop_assert_eq!(read(300, bytes), Ok(vec![format!("binary {}", payload.len())]));
    }
}
