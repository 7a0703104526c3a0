//! The verbs that change nothing, read and watch; what is refused there is logged like a refused change.

use std::sync::Arc;

use bytes::Bytes;

use super::{Relay, fetch, gate, journal};
use crate::{
    domain::{
        change::Operation,
        name::UniqueName,
        object::{Address, ObjectRef},
        query::Query,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        authn::Caller,
        error::Error,
        fanout::Subscription,
        journal::{Look, RefusedLook},
        receipt::Reading,
        refusal::{DecisionId, Missing, Reason, Refusal},
        store::view::View,
        ticket::Charge,
        watcher::{Watch, Watched, Watcher},
    },
};

impl Relay {
    /// Answers a question from the state that is durable and told to all.
    ///
    /// # Errors
    /// The refusal.
    pub fn read(&self, caller: &Caller, query: &Query) -> Result<Reading, Error> {
        self.answer(caller, query).map_err(|error| self.refused(caller, Look::Read, query, error))
    }

    /// Begins a batch of subscriptions: what is refused of it is one line of the log.
    pub fn watch_batch(&self, caller: &Caller) -> WatchBatch {
        let (relay, caller, decision) = (self.clone(), caller.clone(), self.decision());
        WatchBatch { relay, caller, decision, refused: 0, first: None }
    }

    /// Subscribes to the first of these objects: for each queues the replay and the front's notice into the watcher, and
    /// from there on what is live, with no gap and no double between them. Gives the outcomes of those that it took, at
    /// least one; whoever asks comes again with the rest. A second watch of the same object by the same watcher
    /// replaces the first. The caller flushes the watcher afterwards.
    pub fn watch(
        &self,
        caller: &Caller,
        batch: &mut WatchBatch,
        watches: &[Watch],
        watcher: &Arc<dyn Watcher>,
        notice: &mut dyn FnMut(&Watch, Watched) -> Option<Bytes>,
    ) -> Vec<Result<Watched, Error>> {
        let outcomes = match caller.service() {
            Some(service) => {
                let judge = &self.judge();
                self.inner.hub.subscribe(watches, Subscription { service, watcher, caller, judge, notice })
            }
            None => watches.iter().map(|_| Err(Reason::Forbidden.into())).collect(),
        };
        let outcomes = outcomes.into_iter().zip(watches);
        outcomes.map(|(outcome, watch)| outcome.map_err(|it| batch.refuse(watch.object, it))).collect()
    }

    /// Lets a connection's subscriptions go on under its new credential, as far as that allows.
    pub fn renew(&self, watcher_id: u64, caller: &Caller) {
        self.inner.hub.renew(watcher_id, caller, &self.judge());
    }

    /// Ends subscriptions of a connection; nothing happens where there is none.
    pub fn unwatch(&self, caller: &Caller, watcher_id: u64, objects: &[ObjectSid]) {
        if let Some(service) = caller.service() {
            self.inner.hub.unsubscribe(watcher_id, service, objects);
        }
    }

    /// Ends all subscriptions of a connection.
    pub fn unwatch_all(&self, watcher_id: u64) {
        self.inner.hub.unsubscribe_all(watcher_id);
    }

    /// Whether a caller may hear of an object, by the state and the policies of this moment.
    pub(super) fn judge(
        &self,
    ) -> impl Fn(&View, &Caller, ServiceSid, ObjectSid, Option<&UniqueName>) -> Result<(), Error> {
        let (now, wall) = (self.now(), self.wall_clock());
        move |view, caller, service, sid, name| {
            gate::check_credential(caller, wall)?;
            let object = name.map_or(ObjectRef::Sid(sid), |it| ObjectRef::Name(it.clone()));
            let query = of_object(service, object, sid);
            let standing = fetch::standing(view, service, query.address(), caller, now);
            let policies = &self.inner.policies;
            let gate = &self.inner.gate;
            let admitted = gate.admit_query(caller, query, standing, policies, now, Charge::Nothing);
            admitted.map(|_| ()).map_err(Error::from)
        }
    }

    fn answer(&self, caller: &Caller, query: &Query) -> Result<Reading, Error> {
        gate::check_credential(caller, self.wall_clock())?;
        let (view, now, policies) = (self.inner.hub.view(), self.now(), &self.inner.policies);
        let standing =
            query.service().and_then(|it| fetch::standing(&view, it, query.address(), caller, now));
        let gate = &self.inner.gate;
        let admitted = gate.admit_query(caller, query.clone(), standing, policies, now, Charge::All)?;
        if admitted.would_deny() {
            self.lacks(caller, "read", query.address(), self.decision());
        }
        Ok(fetch::fetch(&view, &admitted)?)
    }

    /// Counts what is allowed only because ACL is off, and logs it: the first of each minute at once.
    pub(super) fn lacks(
        &self,
        caller: &Caller,
        what: &'static str,
        address: Option<&Address>,
        decision: DecisionId,
    ) {
        let Some(address) = address else { return };
        let first = self.inner.would_deny.count(address.service);
        journal::record_lack(caller, what, address, decision, first);
    }

    /// Logs what a policy in `warn` has let pass.
    pub(super) fn warn(
        &self,
        caller: &Caller,
        operation: &Operation,
        decision: DecisionId,
        warning: &Refusal,
    ) {
        let code = (self.inner.code_of)(&warning.clone().into());
        journal::record_warning(&self.inner.refusals, caller, operation, decision, code, warning);
    }

    /// Logs a refused question and gives it its decision.
    fn refused(&self, caller: &Caller, look: Look, query: &Query, error: Error) -> Error {
        let code = (self.inner.code_of)(&error);
        let Error::Refused(refusal) = error else { return error };
        let decision = self.decision();
        // Who looks for a name before it makes the object and does not find it, meets no rule.
        if matches!(refusal.reason, Reason::NotFound(Missing::Name(_) | Missing::Item(_))) {
            journal::record_miss(caller, look, query, decision, code);
            return Error::Refused(refusal);
        }
        let refused = RefusedLook { look, query, decision, code, refusal: &refusal, count: 1 };
        journal::record_look(&self.inner.refusals, caller, &refused);
        Error::Refused(refusal).of_decision(decision, None)
    }
}

/// A batch of subscriptions. Its refusals have one decision, and one line of the log, written when it ends in whatever
/// way: that of the first, with the count of all.
pub struct WatchBatch {
    relay: Relay,
    caller: Caller,
    decision: DecisionId,
    refused: u64,
    first: Option<(ObjectSid, u32, Box<Refusal>)>,
}

impl WatchBatch {
    /// The refusal of one subscription of the batch.
    pub fn refuse(&mut self, object: ObjectSid, error: Error) -> Error {
        let Error::Refused(refusal) = error else { return error };
        self.refused += 1;
        let error = Error::Refused(refusal.clone());
        if self.first.is_none() {
            self.first = Some((object, (self.relay.inner.code_of)(&error), refusal));
        }
        error.of_decision(self.decision, None)
    }
}

impl Drop for WatchBatch {
    fn drop(&mut self) {
        if let (Some((object, code, refusal)), Some(service)) = (&self.first, self.caller.service()) {
            let query = of_object(service, ObjectRef::Sid(*object), *object);
            let (query, decision, count) = (&query, self.decision, self.refused);
            let refused = RefusedLook { look: Look::Watch, query, decision, code: *code, refusal, count };
            journal::record_look(&self.relay.inner.refusals, &self.caller, &refused);
        }
    }
}

fn of_object(service: ServiceSid, object: ObjectRef, sid: ObjectSid) -> Query {
    Query::Object(Address { service, kind: sid.kind, object })
}
