//! Messages through streams.

use crate::{
    domain::{
        data::Data,
        event::Happening,
        sid::{MessageSid, ObjectSid},
    },
    relay::{
        receipt::Receipt,
        record::{By, Publication, Shell},
        refusal::{Missing, Reason},
    },
};

use super::{Rejection, may, may_make, publish, quota, scribe::Scribe};

/// Sends a message through a stream: it is told to those who listen and leaves nothing behind.
pub(super) fn publish(
    scribe: &mut Scribe<'_>,
    by: &By,
    (stream, shell): (ObjectSid, Option<&Shell>),
    (message, data): (MessageSid, &Data),
    publications: &[Publication],
) -> Result<Receipt, Rejection> {
    let name = match (scribe.tenant.object(stream, scribe.expiry_at), shell) {
        (Some(object), _) => {
            may(scribe, by, object)?;
            object.head.unique_name.clone()
        }
        (None, Some(shell)) => {
            may_make(by, shell)?;
            shell.name.clone()
        }
        (None, None) => return Err(Reason::NotFound(Missing::Sid(stream.kind)).into()),
    };
    let source = (stream, None);
    let fitted = publish::fit(scribe, &source, publications)?;
    quota::expire(scribe, fitted.expired());
    let what = Happening::MessagePublished { message, data: data.clone(), direct: true };
    scribe.tell_message(stream, name, what);
    publish::publish(scribe, &source, fitted);
    Ok(Receipt::Message { message, data: data.clone() })
}
