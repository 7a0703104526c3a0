//! What an attempt is known by when it comes again.

use aws_lc_rs::digest::{Context, SHA256};

use crate::{
    domain::{
        change::{Change, Operation},
        name::Identity,
        object::ObjectRef,
    },
    relay::authn::Caller,
};

/// Names an attempt by who made it, what it is called, and what it says (decision 7).
pub(super) fn batch_id(caller: &Caller, change: &Change) -> Option<[u8; 16]> {
    let key = change.idempotency.as_ref()?;
    let mut context = Context::new(&SHA256);
    let mut part = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    part(caller.identity().map_or("", Identity::as_str));
    part(key.as_str());
    part(change.operation.data().map_or("", |it| it.data().as_str()));
    match &change.operation {
        Operation::Create { name, .. } => part(name.as_ref().map_or("", |it| it.as_str())),
        other => match other.address().map(|it| &it.object) {
            Some(ObjectRef::Sid(sid)) => part(&sid.to_string()),
            Some(ObjectRef::Name(name)) => part(name.as_str()),
            None => (),
        },
    }
    part(&match &change.operation {
        Operation::SetItem { item, .. } | Operation::RemoveItem { item, .. } => item.to_string(),
        _ => String::new(),
    });
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Some(id)
}
