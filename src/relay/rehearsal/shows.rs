//! What shared objects hold at the end of a case, as a backend reads them.

use serde_json::Value;

use super::Stage;
use crate::{
    domain::{
        data::Data,
        name::ItemId,
        object::{Address, ObjectRef},
        query::Query,
    },
    policy::{Holds, Shown},
    relay::{authn::Caller, fetch, receipt::Reading, refusal::Reason, store::view::Body, ticket::Charge},
};

impl Stage<'_> {
    /// Whether an object, or an item of it, is what it must be.
    pub(super) fn shows(&self, expected: &Shown) -> Result<(), String> {
        let address = Address {
            service: self.service,
            kind: expected.kind,
            object: ObjectRef::Name(expected.name.clone()),
        };
        let at = place(expected);
        match &expected.holds {
            Holds::Items(wanted) => match self.count(&address) {
                found if usize::try_from(*wanted) == Ok(found) => Ok(()),
                found => Err(format!("expected {wanted} items in {at}, it has {found}")),
            },
            Holds::Data(data) => match self.read(address, expected.item.clone())? {
                Some(found) if *data == found => Ok(()),
                Some(found) => Err(format!("expected {at} {data}, it holds {found}")),
                None => Err(format!("expected {at} {data}, and there is nothing")),
            },
            Holds::Nothing => match self.read(address, expected.item.clone())? {
                None => Ok(()),
                // A shared document that nothing is published to reads as `{}` (decision 18).
                Some(Value::Object(found)) if found.is_empty() => Ok(()),
                Some(found) => Err(format!("expected no {at}, it holds {found}")),
            },
        }
    }

    /// The items of a list or a map.
    fn count(&self, address: &Address) -> usize {
        let object = self.view.tenant(self.service).and_then(|it| it.find(address, self.now));
        object.map_or(0, |it| match &it.body {
            Body::Items(items) => items.standing.len(),
            _ => 0,
        })
    }

    /// The data of an object or an item, if it stands.
    fn read(&self, address: Address, item: Option<ItemId>) -> Result<Option<Value>, String> {
        let query = match item {
            Some(item) => Query::Item(address, item),
            None => Query::Object(address),
        };
        let caller = Caller::rehearsed(None, self.service, Value::Null);
        let standing = fetch::standing(&self.view, self.service, query.address(), &caller, self.now);
        let admitted =
            self.gate.admit_query(&caller, query, standing, self.policies, self.now, Charge::Nothing);
        let data = match admitted.map_err(|it| it.reason).and_then(|it| fetch::fetch(&self.view, &it)) {
            // A list or a map has no data of its own.
            Ok(Reading::Object { data, .. }) => data.unwrap_or_else(Data::empty),
            Ok(Reading::Item { item, .. }) => item.data.clone(),
            Ok(_) | Err(Reason::NotFound(_)) => return Ok(None),
            Err(reason) => return Err(format!("it cannot be read: {reason}")),
        };
        Ok(serde_json::from_str(data.as_str()).ok())
    }
}

fn place(it: &Shown) -> String {
    let item = match &it.item {
        Some(ItemId::Key(key)) => format!(" key `{key}`"),
        Some(ItemId::Index(index)) => format!(" index {index}"),
        None => String::new(),
    };
    format!("{} `{}`{item}", it.kind, it.name)
}
