//! Which hosts a request may name while `dev` serves it.
//!
//! A page of anybody can have its own name resolve to this machine (DNS rebinding). Its requests then are of one origin
//! with us, and all that gives it away is the name in `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::{Request, Uri, header};

/// The hosts that are admitted: the names of this machine, and the public URL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    public: Option<Box<str>>,
}

impl Hosts {
    /// The names of this machine, and the host of this URL.
    pub fn new(public_url: Option<&str>) -> Self {
        let uri = public_url.and_then(|it| it.parse::<Uri>().ok());
        Self { public: uri.and_then(|it| it.host().map(|it| it.to_ascii_lowercase().into())) }
    }

    /// Whether all hosts that the request names are admitted.
    pub fn admit<B>(&self, request: &Request<B>) -> bool {
        let named = request.headers().get_all(header::HOST).iter().map(|it| it.to_str().unwrap_or_default());
        named.chain(request.uri().authority().map(|it| it.as_str())).all(|it| self.admit_host(it))
    }

    /// Whether this host is admitted, whatever its port.
    fn admit_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback())
            || address.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok_and(|it| it.is_loopback()))
            || self.public.as_deref() == Some(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_the_public_one_are_admitted() {
        let hosts = Hosts::new(Some("https://Sync.example:8443/base"));
        for own in [
            "localhost",
            "LocalHost:8080",
            "localhost.:8080",
            "app.localhost:1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
            "[::1]",
            "sync.example",
            "SYNC.example:443",
        ] {
            assert!(hosts.admit_host(own), "{own}");
            assert_eq!(Hosts::new(None).admit_host(own), !own.to_lowercase().starts_with("sync"), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "0.0.0.0:8080",
            "192.168.1.5",
            "[::]",
            "[2001:db8::1]:8080",
            "a.sync.example",
            "localhost@evil.example",
            "evil.example:80:localhost",
        ] {
            assert!(!hosts.admit_host(foreign), "{foreign}");
        }
    }
}
