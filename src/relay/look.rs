//! The verbs that change nothing, read and watch; what is refused there is logged like a refused change.

use std::sync::Arc;

use super::{Relay, fetch, journal};
use crate::{
    domain::{
        name::UniqueName,
        object::{Address, ObjectRef},
        query::Query,
        sid::{ObjectSid, ServiceSid},
    },
    relay::{
        authn::Caller,
        error::Error,
        gate::Charge,
        journal::Look,
        receipt::Reading,
        refusal::{DecisionId, Missing, Reason, Refusal},
        store::view::View,
        ticket::{Attempt, Ticket},
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

    /// Subscribes: queues the replay into the watcher, calls `then`, and from there on queues what
    /// is live, with no gap and no double between them. A second watch of the same object by the
    /// same watcher replaces the first. The caller flushes the watcher afterwards.
    pub fn watch(
        &self,
        caller: &Caller,
        watch: Watch,
        watcher: &Arc<dyn Watcher>,
        then: &mut dyn FnMut(Result<Watched, Error>),
    ) {
        let Some(service) = caller.service() else {
            then(Err(Reason::Forbidden.into()));
            return;
        };
        let (object, judge) = (watch.object, self.judge());
        let query = of_object(service, ObjectRef::Sid(object), object);
        let mut told = |outcome: Result<Watched, Error>| {
            then(outcome.map_err(|it| self.refused(caller, Look::Watch, &query, it)));
        };
        self.inner.hub.subscribe(service, watch, (watcher, caller), &judge, &mut told);
    }

    /// Lets a connection's subscriptions go on under its new credential, as far as that allows.
    pub fn renew(&self, watcher_id: u64, caller: &Caller) {
        self.inner.hub.renew(watcher_id, caller, &self.judge());
    }

    /// Calls `then` when all writes that this client has sent before were answered: at once when it
    /// cannot wait. It is called while the order of events is held, and must not block.
    pub fn behind(&self, caller: &Caller, then: Box<dyn FnOnce() + Send>) {
        let (Some(identity), Some(service)) = (caller.identity().cloned(), caller.service()) else {
            return then();
        };
        let ticket = Ticket::Own(Box::new(move |_| then()));
        if let Err((Ticket::Own(then), failure)) = self.inner.writer.behind(service, identity, ticket) {
            then(Err(failure.into()));
        }
    }

    /// Ends one subscription; nothing happens when there is none.
    pub fn unwatch(&self, watcher_id: u64, object: ObjectSid) {
        self.inner.hub.unsubscribe(watcher_id, object);
    }

    /// Ends all subscriptions of a connection.
    pub fn unwatch_all(&self, watcher_id: u64) {
        self.inner.hub.unsubscribe_all(watcher_id);
    }

    /// Whether a caller may hear of an object, by the state and the policies of this moment.
    pub(super) fn judge(
        &self,
    ) -> impl Fn(&View, &Caller, ServiceSid, ObjectSid, Option<&UniqueName>) -> Result<(), Error> {
        let now = self.now();
        move |view, caller, service, sid, name| {
            let object = name.map_or(ObjectRef::Sid(sid), |it| ObjectRef::Name(it.clone()));
            let query = of_object(service, object, sid);
            let standing = fetch::standing(view, service, query.address(), caller, now);
            let policies = &self.inner.policies;
            let gate = &self.inner.gate;
            let admitted = gate.admit_query(caller, query, standing, policies, now, Charge::Taken);
            admitted.map(|_| ()).map_err(Error::from)
        }
    }

    /// The refusal of a watch that its front has no room for.
    pub fn refuse_watch(&self, caller: &Caller, object: ObjectSid, reason: Reason) -> Error {
        match caller.service() {
            Some(service) => self.refused(
                caller,
                Look::Watch,
                &of_object(service, ObjectRef::Sid(object), object),
                reason.into(),
            ),
            None => reason.into(),
        }
    }

    fn answer(&self, caller: &Caller, query: &Query) -> Result<Reading, Error> {
        let (view, now, policies) = (self.inner.hub.view(), self.now(), &self.inner.policies);
        let standing =
            query.service().and_then(|it| fetch::standing(&view, it, query.address(), caller, now));
        let gate = &self.inner.gate;
        let admitted = gate.admit_query(caller, query.clone(), standing, policies, now, Charge::Take)?;
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

    /// Logs what a policy in `warn` has let pass; a passage that runs again does not say it again.
    pub(super) fn warn(&self, attempt: &Attempt, warning: Option<Box<Refusal>>) {
        if let Some(warning) = warning.filter(|_| attempt.passages == 1) {
            let code = (self.inner.code_of)(&(*warning).clone().into());
            journal::record_warning(
                &self.inner.refusals,
                &attempt.caller,
                &attempt.change.operation,
                attempt.decision,
                code,
                &warning,
            );
        }
    }

    /// Logs a refusal and gives it its decision.
    fn refused(&self, caller: &Caller, look: Look, query: &Query, error: Error) -> Error {
        let code = (self.inner.code_of)(&error);
        let Error::Refused(refusal) = error else { return error };
        let decision = self.decision();
        // Who looks for a name before it makes the object and does not find it, meets no rule.
        if matches!(refusal.reason, Reason::NotFound(Missing::Name(_) | Missing::Item(_))) {
            journal::record_miss(caller, look, query, decision, code);
            return Error::Refused(refusal);
        }
        journal::record_look(&self.inner.refusals, caller, look, query, decision, code, &refusal);
        Error::Refused(refusal).of_decision(decision, None)
    }
}

fn of_object(service: ServiceSid, object: ObjectRef, sid: ObjectSid) -> Query {
    Query::Object(Address { service, kind: sid.kind, object })
}
