//! The pieces of a request that both planes share: path segments, references, conditions, spans.

use percent_encoding::percent_decode_str;

use crate::{
    domain::{
        change::IfMatch,
        data::{BadData, Input},
        limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, PAGE_SIZE_ASKED_MAX},
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{Address, ObjectKind, ObjectRef, Revision},
        query::{Bounds, Order},
        sid::{ServiceSid, looks_like_a_sid},
        time::Ttl,
    },
    relay::{Missing, Reason},
    wire::fault::{Fault, Stop},
};

/// A raw path, split first and decoded then, so that a key may hold `%2F`. A slash at the end is
/// tolerated, `+` is a plus, and a `%` without two digits is itself. `None`: no UTF-8, or empty segments.
pub fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/')
        .map(|it| percent_decode_str(it).decode_utf8().ok().map(|it| it.into_owned()))
        .map(|it| it.filter(|it| !it.is_empty()))
        .collect()
}

/// What a path of the clients' plane names in their own service: `/v3/…` or `/v3/Services/<own sid>/…`.
///
/// # Errors
/// [`Reason::Forbidden`] in another service.
pub fn own_path<'s, 'p>(service: ServiceSid, path: &'s [&'p str]) -> Result<&'s [&'p str], Stop> {
    match path {
        ["v3", "Services", named, ..] if named.parse() != Ok(service) => Err(Reason::Forbidden.into()),
        ["v3", "Services", _, rest @ ..] | ["v3", rest @ ..] => Ok(rest),
        _ => Err(Fault::UnknownPath.into()),
    }
}

/// An object by SID or unique name. Nothing can stand under a text that is neither.
pub fn address(service: ServiceSid, kind: ObjectKind, text: &str) -> Result<Address, Reason> {
    let object = if looks_like_a_sid(text) {
        text.parse().ok().filter(|it: &crate::domain::sid::ObjectSid| it.kind == kind).map(ObjectRef::Sid)
    } else {
        UniqueName::try_from(text).ok().map(ObjectRef::Name)
    };
    let missing = if looks_like_a_sid(text) { Missing::Sid(kind) } else { Missing::Name(kind) };
    Ok(Address { service, kind, object: object.ok_or(Reason::NotFound(missing))? })
}

/// A new object's name.
pub fn unique_name(text: &str) -> Result<UniqueName, Fault> {
    UniqueName::try_from(text).map_err(|_| Fault::UniqueName)
}

/// The key of an item.
pub fn key(text: &str) -> Result<ItemKey, Fault> {
    ItemKey::try_from(text).map_err(|_| Fault::Key)
}

/// The index of an item: decimal digits only.
pub fn index(text: &str) -> Result<u64, Fault> {
    let digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Fault::Index)
}

/// What an item is called in an object of this kind.
pub fn item(kind: ObjectKind, text: &str) -> Result<ItemId, Fault> {
    match kind {
        ObjectKind::List => index(text).map(ItemId::Index),
        ObjectKind::Document | ObjectKind::Map | ObjectKind::Stream => key(text).map(ItemId::Key),
    }
}

/// The identity of a grant.
pub fn identity(text: &str) -> Result<Identity, Fault> {
    Identity::try_from(text).map_err(|_| Fault::Identity)
}

/// Data for an object of this kind.
pub fn data(text: &str, kind: ObjectKind) -> Result<Input, Fault> {
    Input::parse(text).map_err(|fault| Fault::Data { fault, kind })
}

/// Data that is needed, and was not given.
pub fn no_data(kind: ObjectKind) -> Stop {
    Fault::Data { fault: BadData::Null, kind }.into()
}

/// If-Match: bare, quoted or weak; `*` is no condition.
pub fn if_match(text: &str) -> Result<Option<IfMatch>, Fault> {
    let text = text.trim();
    if text == "*" {
        return Ok(None);
    }
    let text = text.strip_prefix("W/").unwrap_or(text);
    let bare = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or(Fault::IfMatch)?,
        None => text,
    };
    if !bare.bytes().all(|it| it.is_ascii_hexdigit()) {
        return Err(Fault::IfMatch);
    }
    let revision = u64::from_str_radix(bare, 16).map_err(|_| Fault::IfMatch)?;
    Ok(Some(IfMatch::Revision(Revision(revision))))
}

/// Seconds to live; empty is "not given" (twilio-node sends it for null).
pub fn ttl(text: &str) -> Result<Option<Ttl>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|it| it.is_ascii_digit()) {
        return Err(Fault::Ttl);
    }
    let seconds: u32 = text.parse().map_err(|_| Fault::Ttl)?;
    Ttl::try_from(seconds).map(Some).map_err(|_| Fault::Ttl)
}

/// The order of items.
pub fn order(text: Option<&str>) -> Result<Order, Fault> {
    match text {
        None | Some("asc") => Ok(Order::Ascending),
        Some("desc") => Ok(Order::Descending),
        Some(_) => Err(Fault::Order),
    }
}

/// Whether the start belongs to the answer.
pub fn bounds(text: Option<&str>) -> Result<Bounds, Fault> {
    match text {
        None | Some("inclusive") => Ok(Bounds::Inclusive),
        Some("exclusive") => Ok(Bounds::Exclusive),
        Some(_) => Err(Fault::Bounds),
    }
}

/// Rows of a page: 1 to 1000 may be asked for, and at most 100 are given.
pub fn page_size(text: Option<&str>) -> Result<usize, Fault> {
    let rows = asked_rows(text)?;
    if PAGE_SIZE_ASKED_MAX < rows { Err(Fault::PageSize) } else { Ok(rows.min(PAGE_ROWS_MAX)) }
}

/// The same for the SDK, which asks for one row more than its caller: nothing is too much.
pub fn sdk_page_size(text: Option<&str>) -> Result<usize, Fault> {
    asked_rows(text).map(|it| it.min(PAGE_ROWS_MAX))
}

fn asked_rows(text: Option<&str>) -> Result<usize, Fault> {
    let Some(text) = text else { return Ok(PAGE_ROWS_DEFAULT) };
    let rows: usize = text.parse().map_err(|_| Fault::PageSize)?;
    if rows == 0 || text.starts_with('+') { Err(Fault::PageSize) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_before_they_are_decoded() {
        let check = |path: &str, expected: Option<&[&str]>| {
            assert_eq!(segments(path).as_deref(), expected.map(|it| it.map_owned()).as_deref(), "{path}");
        };
        check("/v1/Services/", Some(&["v1", "Services"]));
        check("/v3/Maps/a%2Fb%20c+d/Items/%C3%A9", Some(&["v3", "Maps", "a/b c+d", "Items", "é"]));
        check("/v3/100%/%zz", Some(&["v3", "100%", "%zz"]));
        check("/v3//Maps", None);
        check("/v3/%FF", None);
    }

    trait Owned {
        fn map_owned(&self) -> Vec<String>;
    }
    impl Owned for &[&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|it| (*it).to_owned()).collect()
        }
    }

    #[test]
    fn conditions_are_taken_in_every_form() {
        let one = Ok(Some(IfMatch::Revision(Revision(0x1e))));
        for text in ["1e", "\"1e\"", "W/\"1e\"", " 1E ", "W/1e"] {
            assert_eq!(if_match(text), one, "{text}");
        }
        assert_eq!(if_match("*"), Ok(None));
        for text in ["", "\"\"", "-1", "+1", "1e\"", "\"1e", "xyz", "1e,1f", "11111111111111111"] {
            assert_eq!(if_match(text), Err(Fault::IfMatch), "{text}");
        }
    }

    #[test]
    fn spans_and_pages_are_bounded() {
        assert_eq!(ttl(""), Ok(None));
        assert_eq!(ttl("0"), Ok(Some(Ttl::NEVER)));
        assert!(ttl("31536000").is_ok());
        for text in ["31536001", "-1", "+1", "1.0", " 1", "x", "99999999999"] {
            assert_eq!(ttl(text), Err(Fault::Ttl), "{text}");
        }
        assert_eq!(page_size(None), Ok(50));
        assert_eq!(page_size(Some("1000")), Ok(100));
        assert_eq!(sdk_page_size(Some("1001")), Ok(100));
        for text in ["0", "-1", "1001", "x", "", "+5"] {
            assert_eq!(page_size(Some(text)), Err(Fault::PageSize), "{text}");
        }
    }

    #[test]
    fn references_are_sids_or_names() {
        let service = ServiceSid::new([1; 16]);
        let kind = ObjectKind::Map;
        let sid = format!("MP{}", "1e".repeat(16));
        assert!(matches!(address(service, kind, &sid).map(|it| it.object), Ok(ObjectRef::Sid(_))));
        let capitals = format!("MP{}", "1E".repeat(16));
        assert!(matches!(address(service, kind, &capitals).map(|it| it.object), Ok(ObjectRef::Name(_))));
        let other = format!("ET{}", "1e".repeat(16));
        assert_eq!(address(service, kind, &other), Err(Reason::NotFound(Missing::Sid(kind))));
        let long = "x".repeat(321);
        assert_eq!(address(service, kind, &long), Err(Reason::NotFound(Missing::Name(kind))));
    }
}
