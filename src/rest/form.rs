//! Form bodies and query strings: PascalCase names, each counted once, the last one.

use percent_encoding::percent_decode_str;

use crate::{
    domain::{data::Input, object::ObjectKind, time::Ttl},
    wire::{fault::Fault, request},
};

/// Every name that some resource reads; others are not kept, so a form claims little memory.
const NAMES: [&str; 22] = [
    "UniqueName",
    "Data",
    "Ttl",
    "CollectionTtl",
    "ItemTtl",
    "Key",
    "FriendlyName",
    "WebhookUrl",
    "WebhooksFromRestEnabled",
    "ReachabilityWebhooksEnabled",
    "AclEnabled",
    "ReachabilityDebouncingEnabled",
    "ReachabilityDebouncingWindow",
    "PageSize",
    "Page",
    "PageToken",
    "From",
    "Order",
    "Bounds",
    "Read",
    "Write",
    "Manage",
];

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(&'static str, String)>);

impl Form {
    /// # Errors
    /// When a value that is read is no UTF-8.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Parameter { name: "body" })?;
        let mut form = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = decoded(name).and_then(|it| known(&it)) else { continue };
            let value = decoded(value).ok_or(Fault::Parameter { name })?;
            match form.0.iter_mut().find(|it| it.0 == name) {
                Some(place) => place.1 = value,
                None => form.0.push((name, value)),
            }
        }
        Ok(form)
    }

    /// A parameter as it was given; empty is given too.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// A parameter that counts as absent when it is empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|it| !it.is_empty())
    }

    /// The parameter `Data`.
    pub(super) fn data(&self, kind: ObjectKind) -> Result<Option<Input>, Fault> {
        self.text("Data").map(|it| request::data(it, kind)).transpose()
    }

    /// A time to live under its own name, else under the alias `Ttl`.
    pub(super) fn ttl(&self, name: &str) -> Result<Option<Ttl>, Fault> {
        let own = self.text(name).map_or(Ok(None), request::ttl)?;
        let alias = self.text("Ttl").map_or(Ok(None), request::ttl)?;
        Ok(own.or(alias))
    }

    /// A boolean: `true` or `false`.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, Fault> {
        match self.filled(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Fault::Parameter { name }),
        }
    }
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|it| *it == name)
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|it| it.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::data::BadData;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).expect("a form")
    }

    #[test]
    fn the_last_of_two_wins_and_strangers_are_dropped() {
        let form = form("Key=a&data=x&Key=b+c%2B%C3%A9&Foo=1&&Data");
        assert_eq!(form.text("Key"), Some("b c+é"));
        assert_eq!((form.text("Data"), form.filled("Data")), (Some(""), None));
        assert_eq!(form.text("Foo"), None);
        assert_eq!(form.0.len(), 2);
    }

    #[test]
    fn values_are_utf_8() {
        assert_eq!(Form::parse(b"Data=%FF").err(), Some(Fault::Parameter { name: "Data" }));
        assert_eq!(Form::parse(b"Data=\xff").err(), Some(Fault::Parameter { name: "body" }));
        assert!(Form::parse(b"Foo=%FF").is_ok());
    }

    #[test]
    fn explicit_times_to_live_win() {
        let seconds = |text: &str, name: &str| form(text).ttl(name).map(|it| it.map(Ttl::seconds));
        assert_eq!(seconds("Ttl=", "Ttl"), Ok(None));
        assert_eq!(seconds("Ttl=0", "Ttl"), Ok(Some(0)));
        assert_eq!(seconds("Ttl=5&ItemTtl=7", "ItemTtl"), Ok(Some(7)));
        assert_eq!(seconds("Ttl=5&ItemTtl=", "ItemTtl"), Ok(Some(5)));
        assert_eq!(seconds("Ttl=5&ItemTtl=0", "ItemTtl"), Ok(Some(0)));
        assert_eq!(seconds("Ttl=x&ItemTtl=0", "ItemTtl"), Err(Fault::Ttl));
    }

    #[test]
    fn data_and_flags_are_judged() {
        let fault = |text: &str| form(text).data(ObjectKind::Map).err();
        assert_eq!(fault("Ttl=1"), None);
        for (text, bad) in [
            ("Data=null", BadData::Null),
            ("Data=", BadData::NotJson),
            ("Data=True", BadData::NotJson),
            ("Data=5", BadData::NotAnObject),
        ] {
            assert_eq!(fault(text), Some(Fault::Data { fault: bad, kind: ObjectKind::Map }), "{text}");
        }
        assert_eq!(form("AclEnabled=True").flag("AclEnabled"), Ok(Some(true)));
        assert_eq!(form("AclEnabled=").flag("AclEnabled"), Ok(None));
        assert_eq!(form("AclEnabled=1").flag("AclEnabled"), Err(Fault::Parameter { name: "AclEnabled" }));
    }
}
