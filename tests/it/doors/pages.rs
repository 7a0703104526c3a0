//! Pages in a browser that has more rights than they: the backends' door is closed to pages of other origins, and `dev`
//! to names that are not this machine's.

use super::raw::{HERE, Raw, request};
use crate::support::server::{House, Server, Start, Started};

fn status(server: &Server, text: &str) -> (u16, String) {
    let mut connection = Raw::from(HERE, server.port);
    connection.send(text.as_bytes()).expect("it is taken");
    let answer = connection.answer().expect("an answer");
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn pages_of_other_origins_have_no_way_to_the_backends_door() {
    let house = House::new();
    let env = vec![
        ("AIRLOCK_PUBLIC_URL", "https://sync.example".to_owned()),
        // An origin of the clients' doors has no rights here either.
        ("AIRLOCK_ALLOW_ORIGINS", "https://app.example".to_owned()),
    ];
    let server = house.started("data", &Start { env, ..Start::default() });
    let backend = format!("Authorization: {}", House::backend());
    let own = format!("Origin: http://127.0.0.1:{}", server.port);
    let host = format!("Host: 127.0.0.1:{}", server.port);
    for (headers, expected) in [
        (&[][..], 201),
        (&[&*own], 201),
        (&["Origin: https://sync.example"], 201),
        (&["Sec-Fetch-Site: none"], 201),
        (&["Sec-Fetch-Site: same-origin", &*own], 201),
        (&["Origin: https://evil.example"], 403),
        (&["Origin: https://app.example"], 403),
        (&["Origin: null"], 403),
        (&["Sec-Fetch-Site: cross-site"], 403),
        (&["Sec-Fetch-Site: same-site"], 403),
        (&[&*own, "Origin: https://evil.example"], 403),
    ] {
        let form = ["Content-Type: application/x-www-form-urlencoded", &backend, &host];
        let headers: Vec<_> = headers.iter().copied().chain(form).collect();
        let (status, body) = status(&server, &request("POST", "/v1/Services", &headers, "FriendlyName=x"));
        assert_eq!(status, expected, "{headers:?}: {body}");
        if expected == 403 {
            assert!(body.contains(r#""code":20403"#), "{body}");
        }
    }
    // Reads as well, and before the credential is looked at: a browser must not be asked for one.
    for method in ["GET", "DELETE", "OPTIONS"] {
        let headers = ["Origin: https://evil.example", &host];
        assert_eq!(status(&server, &request(method, "/v1/Services", &headers, "")).0, 403, "{method}");
    }
    let made = server.http().get("/v1/Services", &House::backend()).expect("an answer");
    assert_eq!(made.body["services"].as_array().map(Vec::len), Some(5), "nothing came of the others");
}

#[test]
fn the_backends_door_takes_forms_only() {
    let house = House::new();
    let server = house.started("data", &Start::default());
    let backend = format!("Authorization: {}", House::backend());
    for (content_type, body, expected) in [
        ("Content-Type: application/x-www-form-urlencoded", "FriendlyName=x", 201),
        ("Content-Type: application/x-www-form-urlencoded;charset=UTF-8", "FriendlyName=x", 201),
        ("Content-Type: text/plain", "FriendlyName=x", 415),
        ("Content-Type: multipart/form-data; boundary=x", "FriendlyName=x", 415),
        ("Content-Type: application/json", "{}", 415),
        ("X-None: 1", "FriendlyName=x", 415),
        // Nothing is of no type.
        ("Content-Type: application/json", "", 201),
        ("X-None: 1", "", 201),
    ] {
        let text = request("POST", "/v1/Services", &[&backend, content_type], body);
        let (status, body) = status(&server, &text);
        assert_eq!(status, expected, "{content_type}: {body}");
    }
}

#[test]
fn dev_answers_to_names_of_this_machine_only() {
    let house = House::new();
    let env = vec![("AIRLOCK_PUBLIC_URL", "https://sync.example".to_owned())];
    let start = Start { env, ..Start::default() };
    let Started::Ready(server) = house.start_as(("dev", "127.0.0.1:0"), "data", &start) else {
        panic!("dev does not start");
    };
    let port = server.port;
    let asked =
        |path: &str, host: &str| status(&server, &request("GET", path, &[&format!("Host: {host}")], "")).0;
    for host in ["localhost", "127.0.0.1", "[::1]", "app.localhost", "sync.example"] {
        assert_eq!(asked("/token?identity=ada", &format!("{host}:{port}")), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "0.0.0.0", "192.0.2.1"] {
        for path in ["/token?identity=ada", "/v1/Services", "/v3/Documents/x", "/health"] {
            assert_eq!(asked(path, &format!("{host}:{port}")), 403, "{host} {path}");
        }
        let mut socket = Raw::from(HERE, port);
        let head =
            socket.upgrade(&[&format!("Host: {host}:{port}"), &format!("Origin: http://{host}:{port}")]);
        assert!(head.expect("an answer").starts_with("HTTP/1.1 403"), "{host}");
    }
    // A proxy may be told by the target of the request as well (RFC 9112, section 3.2.2).
    let absolute =
        format!("GET http://evil.example/token?identity=ada HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    assert_eq!(status(&server, &absolute).0, 403);
    assert!(!server.said().contains("dev gives tokens"), "a loopback address needs no warning");
    drop(server);

    let Started::Ready(server) = house.start_as(("dev", "0.0.0.0:0"), "data", &start) else {
        panic!("dev does not start");
    };
    let said = server.said();
    let warnings: Vec<_> = said.lines().filter(|it| it.contains("dev gives tokens to whoever")).collect();
    assert!(matches!(warnings[..], [line] if line.contains("\"WARN\"")), "{said}");
}
