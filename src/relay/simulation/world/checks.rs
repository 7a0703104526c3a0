//! Everything held against everything, and the reads that this needs.

use super::*;

impl World {
    /// Removes everything that is due.
    pub(super) fn sweep(&mut self) {
        loop {
            let (view, now) = (self.relay.inner.hub.view(), self.relay.now());
            let tenant = view.tenant(self.service).expect("the service");
            let due = sweep::due_slice(tenant, view.expiry_time(now));
            if due.is_empty() {
                return;
            }
            let batch = rewrite::expiry(self.service, due, self.relay.decision(), now);
            self.commit_own(batch);
        }
    }

    /// Holds everything against everything, at rest.
    pub(super) fn check(&mut self) {
        self.sweep();
        let view = self.relay.inner.hub.view();
        let verified = verify::verify_view(&view, &self.policies);
        assert!(verified.differences.is_empty(), "folds: {:?}", verified.differences);
        let recovered = Store::Memory(self.disk.clone()).replay(&mut |_| ()).expect("the log is whole").view;
        let tenant = view.tenant(self.service).expect("the service");
        let again = recovered.tenant(self.service).expect("the service");
        assert_eq!(tenant.newest, again.newest, "a replay gives the same events");
        assert!(tenant.usage == again.usage, "what is charged is what a replay charges");
        assert!(tenant.objects == again.objects, "a replay gives the same objects");
        let bytes = |view| checkpoint_bytes(view).expect("a checkpoint");
        assert!(bytes(&view) == bytes(&recovered), "a replay writes the same checkpoint");
        for number in 0..CLIENTS {
            self.clients[number].listen();
            self.clients[number].check();
            self.read(number);
            for (kind, object) in WATCHED {
                let caller = &self.clients[number].caller;
                let sid = self.sid(caller, kind, object);
                let known = self.clients[number].replicas.get(&sid).cloned().unwrap_or_default();
                self.compare(caller, (kind, object), &known);
            }
        }
    }

    /// What a subscriber knows of an object is what the object is.
    pub(super) fn compare(&self, caller: &Caller, (kind, object): (ObjectKind, &str), known: &Replica) {
        if kind == ObjectKind::Document {
            let read = self.relay.read(caller, &Query::Object(self.address(kind, object)));
            let Ok(Reading::Object { head, data, .. }) = read else { panic!("{object} is read") };
            if head.last_event_id != EventId(0) && known.data.is_some() {
                assert_eq!(known.data.as_deref(), data.as_ref().map(|it| it.as_str()), "{object}");
            }
            assert!(
                known.data.is_some()
                    || head.last_event_id <= known.newest
                    || data.is_none_or(|it| it.is_empty() || object.contains("tally")),
                "{object} was never heard"
            );
            return;
        }
        let read = self
            .relay
            .read(caller, &Query::Items(self.address(kind, object), Range { rows: 100, ..Range::default() }));
        let Ok(Reading::Items { page, .. }) = read else { panic!("{object} is read") };
        let items = page.rows.iter().map(|it| (it.id.clone(), it.data.as_str().to_owned()));
        assert_eq!(known.items, items.collect(), "{object}");
    }

    pub(super) fn ladder(&self, number: usize) -> u64 {
        let client = &self.clients[number];
        let address = self.address(ObjectKind::Document, &format!("ladders/{}", client.name));
        match self.relay.read(&client.caller, &Query::Object(address)) {
            Ok(Reading::Object { data: Some(data), .. }) => {
                let value: serde_json::Value = serde_json::from_str(data.as_str()).expect("JSON");
                value["n"].as_u64().unwrap_or(0)
            }
            _ => 0,
        }
    }

    pub(super) fn items(&self, caller: &Caller, object: &str) -> Option<Vec<String>> {
        let mut rows = Vec::new();
        let mut range = Range { rows: 100, ..Range::default() };
        loop {
            let query = Query::Items(self.address(ObjectKind::List, object), range.clone());
            let Ok(Reading::Items { page, .. }) = self.relay.read(caller, &query) else { return None };
            rows.extend(page.rows.iter().map(|it| it.data.as_str().to_owned()));
            if !page.more {
                return Some(rows);
            }
            range.from = page.rows.last().map(|it| it.id.clone());
            range.bounds = crate::domain::query::Bounds::Exclusive;
        }
    }

    pub(super) fn sid(&self, caller: &Caller, kind: ObjectKind, object: &str) -> ObjectSid {
        match self.relay.read(caller, &Query::Object(self.address(kind, object))) {
            Ok(Reading::Object { head, .. }) => head.sid,
            other => panic!("{object}: {other:?}"),
        }
    }

    pub(super) fn address(&self, kind: ObjectKind, object: &str) -> Address {
        Address { service: self.service, kind, object: ObjectRef::Name(name(object)) }
    }
}
