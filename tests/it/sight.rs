//! Everything that the objects' places show, as a backend reads it over REST.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    ledger::{Found, Span},
    support::{
        http::{Http, encoded, revision},
        now_ms,
        server::House,
    },
    thing::{Place, Thing},
};

type Read = BTreeMap<String, (Value, u64)>;

/// What was read, and when.
pub struct Sight {
    documents: Read,
    maps: BTreeMap<String, Read>,
    expected: BTreeSet<(String, String)>,
    pub read: Span,
}

impl Sight {
    /// Reads the places of all these.
    ///
    /// # Errors
    /// When the server does not answer, or not with what was asked for.
    pub fn take(http: &mut Http, service: &str, things: impl Iterator<Item = Thing>) -> Result<Self, String> {
        let now = now_ms();
        let span = Span::of_server(now, now);
        let mut sight =
            Self { documents: Read::new(), maps: BTreeMap::new(), expected: BTreeSet::new(), read: span };
        for place in things.flat_map(|it| [Some(it.own_place()), it.shared_place()]).flatten() {
            match place {
                Place::Document(name) => {
                    let path = format!("/v1/Services/{service}/Documents/{}", encoded(&name));
                    if let Some(body) = get(http, &path)? {
                        let revision = revision(&body).ok_or("a document without a revision")?;
                        sight.documents.insert(name, (body["data"].clone(), revision));
                    }
                }
                Place::Item(map, key) => {
                    if !sight.maps.contains_key(&map) {
                        let items = items(http, service, &map)?;
                        sight.maps.insert(map.clone(), items);
                    }
                    sight.expected.insert((map, key));
                }
            }
        }
        sight.read = Span::of_server(now, now_ms());
        Ok(sight)
    }

    fn at(&self, place: &Place) -> Option<(Value, u64)> {
        match place {
            Place::Document(name) => self.documents.get(name).cloned(),
            Place::Item(map, key) => self.maps.get(map)?.get(key).cloned(),
        }
    }

    /// What was read of one of them.
    pub fn found(&self, thing: &Thing) -> Found {
        Found {
            own: self.at(&thing.own_place()),
            shared: thing.shared_place().and_then(|place| self.at(&place)),
        }
    }

    /// Items that nobody has written.
    pub fn strangers(&self) -> impl Iterator<Item = String> {
        let all = self.maps.iter().flat_map(|(map, items)| items.keys().map(move |key| (map, key)));
        all.filter(|(map, key)| !self.expected.contains(&((*map).clone(), (*key).clone())))
            .map(|(map, key)| format!("map {map:?} has an item {key:?} that nobody has written"))
    }
}

fn get(http: &mut Http, path: &str) -> Result<Option<Value>, String> {
    let answer = http.get(path, &House::backend()).map_err(|it| format!("{path}: {it}"))?;
    match answer.status {
        200 => Ok(Some(answer.body)),
        404 => Ok(None),
        _ => Err(format!("{path}: {answer:?}")),
    }
}

fn items(http: &mut Http, service: &str, map: &str) -> Result<Read, String> {
    let path = format!("/v1/Services/{service}/Maps/{}/Items?PageSize=100", encoded(map));
    let page = get(http, &path)?.ok_or_else(|| format!("map {map:?} is gone"))?;
    let complete = page["meta"]["next_page_url"].is_null();
    let items = page["items"].as_array().filter(|_| complete).ok_or("a page that is not whole")?;
    let row =
        |item: &Value| Some((item["key"].as_str()?.to_owned(), (item["data"].clone(), revision(item)?)));
    items.iter().map(row).collect::<Option<Read>>().ok_or_else(|| format!("map {map:?}: {page}"))
}
