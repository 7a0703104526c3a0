//! Runs the cases of policies through the same gate, rewrite and `apply` as the server, in memory.

mod matrix;
mod shows;
mod trial;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        change::{Change, Expect, Operation},
        data::{Data, Input},
        event::{Event, Happening},
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{Address, ObjectKind, ObjectRef},
        service::SettingsChange,
        sid::ServiceSid,
        time::Timestamp,
    },
    policy::{CASE_NOW, Case, Expected, PolicySet, Publication, Route, Step, Write, unheard},
    relay::{
        authn::Caller,
        fetch,
        gate::Gate,
        refusal::{DecisionId, Reason, Refusal},
        rewrite::{self, Batch, Given},
        seen::Eye,
        standing::Standing,
        store::{
            apply::{Rejection, apply},
            view::{Body, View},
        },
        ticket::Charge,
    },
};

pub use matrix::{Asker, Side, Space, Verb, matrix};
pub use trial::{Draft, Trial};

/// A case whose outcome is not what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The file of the case.
    pub file: Arc<str>,
    /// Its line.
    pub line: usize,
    /// Its name.
    pub case: String,
    /// What came instead.
    pub what: String,
}

/// Runs all cases; gives those that disagree.
pub fn rehearse(policies: &Arc<PolicySet>, cases: &[Case]) -> Vec<Disagreement> {
    let disagreement = |case: &Case| {
        let what = Stage::new(policies, case.claims.clone()).run(case).err()?;
        Some(Disagreement { file: case.file.clone(), line: case.line, case: case.name.clone(), what })
    };
    cases.iter().filter_map(disagreement).collect()
}

struct Stage<'p> {
    policies: &'p Arc<PolicySet>,
    gate: Gate,
    view: View,
    service: ServiceSid,
    claims: Value,
    now: Timestamp,
    steps: u64,
    /// What the last step told.
    told: Vec<Event>,
}

impl<'p> Stage<'p> {
    fn new(policies: &'p Arc<PolicySet>, claims: Value) -> Self {
        let (service, now) = (ServiceSid::new([0; 16]), CASE_NOW);
        let (gate, view) = (Gate::new(false), View::default());
        let mut stage = Self { policies, gate, view, service, claims, now, steps: 0, told: Vec::new() };
        stage.commit(rewrite::founding([7; 32], DecisionId(0), now));
        stage.commit(rewrite::activation(policies, DecisionId(0), now));
        let settings = SettingsChange { acl: Some(true), ..SettingsChange::default() };
        let made = stage.decide(None, Operation::CreateService { default: true, settings }, Charge::Nothing);
        debug_assert!(made.is_ok(), "a service can be made on an empty view");
        stage
    }

    fn commit(&mut self, batch: Batch) {
        let applied = apply(&mut self.view, &batch.into_record());
        debug_assert!(applied.is_ok(), "the relay's own records apply to an empty view");
    }

    fn run(&mut self, case: &Case) -> Result<(), String> {
        for (given, times) in &case.given {
            let owner = self.owner(given);
            for _ in 0..*times {
                self.write(owner.as_ref(), given, Charge::Nothing)
                    .map_err(|it| format!("what is given was refused: {}", it.reason))?;
            }
        }
        for (number, step) in case.steps.iter().enumerate() {
            self.step(step).map_err(|what| match case.steps.len() {
                1 => what,
                _ => format!("step {} (line {}): {what}", number + 1, step.line),
            })?;
        }
        case.shows.iter().try_for_each(|it| self.shows(it))
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        self.claims = step.claims.clone();
        self.pass_by(step.after_ms);
        let mut outcome = Ok(());
        for _ in 0..step.times {
            outcome = self.write(Some(&step.identity), &step.write, Charge::All);
        }
        if outcome.is_ok()
            && let Some(ungoverned) = self.ungoverned(&step.write)
        {
            return Err(ungoverned);
        }
        let unheard =
            |rule: &str| unheard(self.policies, rule).map(|it| format!("; {it}")).unwrap_or_default();
        match (&step.expected, outcome) {
            (Expected::Published(expected), Ok(())) => self.compare(&step.write, expected),
            (Expected::Published(_), Err(refusal)) => Err(format!("it was refused: {}", told(&refusal))),
            (Expected::Refused { rule, .. }, Ok(())) => Err(format!("it was admitted{}", unheard(rule))),
            (Expected::Refused { rule, pointer }, Err(refusal)) => {
                let same_rule = refusal.rule.as_deref() == Some(rule.as_str());
                let same_place = pointer.as_ref().is_none_or(|it| refusal.pointer() == Some(it.as_str()));
                if same_rule && same_place {
                    Ok(())
                } else {
                    Err(format!("it was refused: {}{}", told(&refusal), unheard(rule)))
                }
            }
        }
    }

    /// Lets time go by, and what is due expire.
    fn pass_by(&mut self, after_ms: u64) {
        let now = self.now.as_millis().saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX));
        self.now = Timestamp::from_millis(now);
        let Some(tenant) = self.view.tenant(self.service) else { return };
        let due = tenant.due.iter().take_while(|it| it.0 <= self.now);
        let due: Vec<_> = due.map(|(_, object, item)| (*object, item.clone())).collect();
        if !due.is_empty() {
            self.commit(rewrite::expiry(self.service, due, DecisionId(0), self.now));
        }
    }

    /// Who owns a private object; others are written by a backend.
    fn owner(&self, write: &Write) -> Option<Identity> {
        match self.policies.route(self.service, Some("default"), write.kind, &write.name) {
            Route::Private { captures, .. } => captures.identity().and_then(|it| Identity::try_from(it).ok()),
            _ => None,
        }
    }

    /// What to say of a case about an object that no policy governs: it tries nothing that the policies say.
    fn ungoverned(&self, write: &Write) -> Option<String> {
        let (kind, name) = (write.kind, &write.name);
        let route = self.policies.route(self.service, Some("default"), kind, name);
        matches!(route, Route::Plain)
            .then(|| format!("it was admitted as a plain object; no policy governs the {kind} `{name}`"))
    }

    fn write(&mut self, by: Option<&Identity>, write: &Write, charge: Charge) -> Result<(), Refusal> {
        let (service, kind) = (self.service, write.kind);
        let address = Address { service, kind, object: ObjectRef::Name(write.name.clone()) };
        let stands = self.view.tenant(service).is_some_and(|it| it.find(&address, self.now).is_some());
        let create =
            |data| Operation::Create { service, kind, name: Some(write.name.clone()), data, ttl: None };
        let Some(text) = &write.data else {
            let operation = match write.item.clone() {
                Some(item) => Operation::RemoveItem { address, item },
                None => Operation::Remove { address },
            };
            return self.decide(by, operation, charge);
        };
        let data = Input::parse(text).map_err(|it| Refusal::plain(Reason::Data(it)).by_rule("size"))?;
        if kind != ObjectKind::Document && !stands {
            // Making it costs no token: it is the item, or the message, that the case is about.
            self.decide(by, create(Input::empty()), Charge::Nothing)?;
        }
        let (ttl, collection_ttl) = (None, None);
        let operation = match (kind, write.item.clone()) {
            (ObjectKind::Stream, _) => Operation::Publish { address, data },
            (ObjectKind::List, None) => Operation::Push { address, data, ttl, collection_ttl },
            (ObjectKind::Map | ObjectKind::List, Some(item)) => {
                let (expect, data) = (Expect::Any, Some(data));
                Operation::SetItem { address, item, expect, data, ttl, collection_ttl }
            }
            _ if stands => Operation::Update { address, data: Some(data), ttl: None },
            _ => create(data),
        };
        self.decide(by, operation, charge)
    }

    /// One passage, without a store.
    fn decide(&mut self, by: Option<&Identity>, operation: Operation, charge: Charge) -> Result<(), Refusal> {
        let caller = Caller::rehearsed(by.cloned(), self.service, self.claims.clone());
        let change = Change { operation, if_match: None, idempotency: None };
        let record = self.draft(&caller, change, charge)?.into_record();
        let made = record.effect.service();
        match apply(&mut self.view, &record) {
            Ok(applied) => {
                self.service = made.unwrap_or(self.service);
                self.told = applied.events;
                Ok(())
            }
            Err(Rejection::Refused(reason)) => Err(Refusal::of_apply(reason)),
            Err(Rejection::Stale | Rejection::Known) => Err(Refusal::plain(Reason::Forbidden)),
        }
    }

    /// A passage until its batch is written: what stands, gate, rewrite.
    fn draft(&mut self, caller: &Caller, change: Change, charge: Charge) -> Result<Batch, Refusal> {
        self.steps += 1;
        let named = change.operation.created();
        let address = change.operation.address().or(named.as_ref());
        let standing = change
            .operation
            .service()
            .and_then(|it| fetch::standing(&self.view, it, address, caller, self.now))
            .map(|it| Standing { present: true, ..it });
        let (view, service, now) = (&self.view, self.service, self.now);
        let eye: Eye<'_> = &|it| fetch::sought(view, service, now, it);
        let admitted = self.gate.admit_change(caller, change, (standing, eye), self.policies, now, charge)?;
        let mut sid = [0; 16];
        for (to, from) in sid.iter_mut().zip(self.steps.to_be_bytes()) {
            *to = from;
        }
        let (plain_objects_max, plain_bytes_max) = (u32::MAX, u64::MAX);
        let decision = DecisionId(self.steps);
        let given = Given { decision, sid, plain_objects_max, plain_bytes_max, settings: None, batch: None };
        rewrite::rewrite(admitted, &given)
    }

    /// Whether the written object publishes exactly this.
    fn compare(&self, write: &Write, expected: &[Publication]) -> Result<(), String> {
        let published = self.published(write);
        for it in expected {
            if !published.contains(it) {
                let shown: Vec<String> = published.iter().map(show).collect();
                return Err(format!("expected {}, published: [{}]", show(it), shown.join(", ")));
            }
        }
        match published.iter().find(|it| !expected.contains(it)) {
            Some(more) => Err(format!("it also published {}", show(more))),
            None => Ok(()),
        }
    }

    /// What stands at the places of the written object, what it has just appended to lists, and the
    /// messages that it has sent on.
    fn published(&self, write: &Write) -> Vec<Publication> {
        let Some(tenant) = self.view.tenant(self.service) else {
            return Vec::new();
        };
        let Some(sid) = tenant.names.get(&(write.kind, write.name.clone())) else {
            return Vec::new();
        };
        let source = (*sid, write.item.clone());
        let places = tenant.sources.get(&source).cloned().unwrap_or_default();
        let shown = places.iter().filter_map(|(place, item)| {
            let object = tenant.objects.get(&place)?;
            let contributions = match (&object.body, &item) {
                (Body::Document { contributions, .. }, None) => contributions,
                (Body::Items(items), Some(id)) => &items.standing.get(id)?.contributions,
                _ => return None,
            };
            let own = contributions.of(&source)?;
            let key = item.as_ref().and_then(ItemId::key).cloned();
            publication(place.kind, object.head.unique_name.as_ref(), key, &own.data)
        });
        let listed = self.told.iter().filter(|it| it.object != *sid).filter_map(|event| match &event.what {
            Happening::ItemSet { item, .. } if event.kind() == ObjectKind::List => {
                publication(ObjectKind::List, event.unique_name.as_ref(), None, &item.data)
            }
            Happening::MessagePublished { data, .. } => {
                publication(ObjectKind::Stream, event.unique_name.as_ref(), None, data)
            }
            _ => None,
        });
        shown.filter(|it| it.kind != ObjectKind::List).chain(listed).collect()
    }
}

fn publication(
    kind: ObjectKind,
    name: Option<&UniqueName>,
    key: Option<ItemKey>,
    data: &Data,
) -> Option<Publication> {
    let data = serde_json::from_str(data.as_str()).ok()?;
    Some(Publication { kind, name: name?.clone(), key, data })
}

fn show(it: &Publication) -> String {
    let key = it.key.as_ref().map(|key| format!(" key `{key}`")).unwrap_or_default();
    format!("{} `{}`{key} {}", it.kind, it.name, it.data)
}

fn told(refusal: &Refusal) -> String {
    let rule = refusal.rule.as_deref().unwrap_or("none");
    let at = refusal.pointer().map(|it| format!(" at `{it}`")).unwrap_or_default();
    format!("{} (rule `{rule}`{at})", refusal.reason)
}

#[cfg(test)]
mod tests;
