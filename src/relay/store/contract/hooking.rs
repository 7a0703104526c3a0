//! What `apply` promises of webhooks.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{
    Disk, Running, append,
    applying::{done, rejected, stage},
    checkpointed,
    world::{SERVICE, World, data, identity, pictured, shell, sid},
};
use crate::{
    domain::{
        hook::{Hook, Note},
        limits::{HOOKS_PENDING_BYTES_MAX, HOOKS_PENDING_MAX},
        object::{ObjectKind::Document, ObjectKind::Map, ObjectKind::Stream, Space},
        service::Settings,
        sid::MessageSid,
    },
    relay::{
        record::{Effect, Publication, Record, Spot},
        refusal::DecisionId,
        rewrite,
        store::{
            apply::{Rejection, apply},
            snapshot::Checkpoint,
            view::View,
        },
    },
};

fn settings(url: Option<&str>, webhooks_from_rest: bool) -> Settings {
    Settings { webhook_url: url.map(Into::into), webhooks_from_rest, ..Settings::default() }
}

fn set(world: &World, settings: Settings) -> Record {
    world.backend(Effect::UpdateService { service: SERVICE, settings })
}

/// A view whose service has a webhook.
fn hooked(world: &World, webhooks_from_rest: bool) -> View {
    let mut view = stage(world);
    done(&mut view, &set(world, settings(Some("https://h.example/"), webhooks_from_rest)));
    view
}

fn pending(view: &View) -> Vec<(u64, Hook)> {
    let tenant = view.tenant(SERVICE).expect("the service");
    tenant.pending.from(0).map(|(number, it)| (number, it.as_ref().clone())).collect()
}

/// Event, object and identity of all that waits.
fn told(view: &View) -> Vec<(&'static str, String, String)> {
    let word = |it: &Note| match it {
        Note::Created { .. } => "created",
        Note::Updated { .. } => "updated",
        Note::Removed { .. } => "removed",
        Note::ItemSet { added: true, .. } => "item added",
        Note::ItemSet { .. } => "item updated",
        Note::ItemRemoved { .. } => "item removed",
        Note::Message { .. } => "message",
        Note::Connected | Note::Disconnected => unreachable!("presence is not kept"),
    };
    let named = |it: Hook| {
        let identity = it.identity.map_or_else(|| "system".to_owned(), |it| it.to_string());
        (word(&it.note), it.unique_name.map(|it| it.to_string()).unwrap_or_default(), identity)
    };
    pending(view).into_iter().map(|it| named(it.1)).collect()
}

fn line(event: &'static str, name: &str, identity: &str) -> (&'static str, String, String) {
    (event, name.to_owned(), identity.to_owned())
}

#[test]
fn a_clients_batch_is_noted_and_what_it_publishes_is_the_systems() {
    let world = World::default();
    let mut view = hooked(&world, false);
    done(&mut view, &Record { endpoint: Some("e1".into()), ..world.private("alice", "a", "{}", None) });
    let expected = [
        line("created", "alice", "alice"),
        line("created", "room", "system"),
        line("item added", "room", "system"),
    ];
    assert_eq!(told(&view), expected);
    let endpoints: Vec<_> = pending(&view).into_iter().map(|it| it.1.endpoint).collect();
    assert_eq!(endpoints, [Some("e1".into()), None, None]);
    done(
        &mut view,
        &world.policy("alice", Effect::Remove { service: SERVICE, object: sid(Document, "alice") }),
    );
    assert_eq!(told(&view)[3..], [line("item removed", "room", "system"), line("removed", "alice", "alice")]);
}

#[test]
fn backends_are_noted_on_request_only_and_expiry_always() {
    for (wanted, expected) in [(false, vec![]), (true, vec![line("created", "doc", "system")])] {
        let world = World::default();
        let mut view = hooked(&world, wanted);
        let mut create = world.create(Document, "doc", "{}");
        if let Effect::Create { expires, .. } = &mut create {
            *expires = Some(crate::domain::time::Timestamp::from_seconds(world.now.get() + 5));
        }
        done(&mut view, &world.backend(create));
        assert_eq!(told(&view), expected);
        world.now.set(world.now.get() + 5);
        let due = vec![(sid(Document, "doc"), None)];
        done(
            &mut view,
            &world.record(crate::relay::record::By::System, Effect::Expire { service: SERVICE, due }),
        );
        assert_eq!(told(&view).last(), Some(&line("removed", "doc", "system")));
    }
}

#[test]
fn what_has_expired_is_nobodys_doing() {
    let world = World::default();
    let mut view = hooked(&world, false);
    done(&mut view, &world.client(world.create(Map, "plain", "{}")));
    let mut brief = world.set("plain", "key", r#"{"n":1}"#);
    if let Effect::SetItem { expires, .. } = &mut brief {
        *expires = Some(Some(crate::domain::time::Timestamp::from_seconds(world.now.get() + 5)));
    }
    done(&mut view, &world.client(brief));
    world.now.set(world.now.get() + 5);
    done(&mut view, &world.client(world.set("plain", "key", r#"{"n":2}"#)));
    let expected = [
        line("created", "plain", "alice"),
        line("item added", "plain", "alice"),
        line("item removed", "plain", "system"),
        line("item added", "plain", "alice"),
    ];
    assert_eq!(told(&view), expected);
}

#[test]
fn what_expires_on_the_way_of_a_silent_backend_is_told() {
    let world = World::default();
    let mut view = hooked(&world, false);
    let mut brief = world.create(Document, "doc", "{}");
    if let Effect::Create { expires, .. } = &mut brief {
        *expires = Some(crate::domain::time::Timestamp::from_seconds(world.now.get() + 5));
    }
    done(&mut view, &world.backend(brief));
    world.now.set(world.now.get() + 5);
    done(&mut view, &world.backend(world.create(Document, "doc", "{}")));
    assert_eq!(told(&view), [line("removed", "doc", "system")]);
}

#[test]
fn a_service_without_a_webhook_notes_nothing_and_one_that_lost_it_forgets() {
    let world = World::default();
    let mut view = stage(&world);
    done(&mut view, &world.private("alice", "a", "{}", None));
    assert_eq!(told(&view), []);
    let mut view = hooked(&world, false);
    done(&mut view, &world.private("alice", "a", "{}", None));
    done(&mut view, &set(&world, settings(Some("https://other.example/"), false)));
    assert_eq!(told(&view).len(), 3, "another URL gets what waits");
    done(&mut view, &set(&world, settings(None, false)));
    assert_eq!(told(&view), []);
    done(&mut view, &set(&world, settings(Some("https://h.example/"), false)));
    done(&mut view, &world.says("alice", vec![]));
    assert_eq!(pending(&view).first().map(|it| it.0), Some(3), "a number is given once");
}

#[test]
fn a_rejected_or_repeated_change_notes_nothing() {
    let world = World::default();
    let mut view = hooked(&world, true);
    let create =
        Record { batch: Some([9; 16]), ..world.backend(world.create(Document, "once", r#"{"n":1}"#)) };
    done(&mut view, &create);
    assert_eq!(rejected(&mut view, &create), Rejection::Known);
    rejected(&mut view, &world.backend(world.create(Document, "once", "{}")));
    assert_eq!(told(&view), [line("created", "once", "system")]);
}

#[test]
fn a_message_is_noted_and_not_kept() {
    let world = World::default();
    let mut view = hooked(&world, true);
    done(&mut view, &world.backend(world.create(Stream, "own", "{}")));
    let passed_on = Publication {
        shell: shell(Stream, "loud", Space::Shared { policy: "cursors".into() }),
        spot: Spot::Message(MessageSid::new([6; 16])),
        data: data("{}"),
        expires: None,
    };
    let record = world.client(Effect::Message {
        service: SERVICE,
        stream: sid(Stream, "own"),
        shell: None,
        message: MessageSid::new([5; 16]),
        data: data(r#"{"n":1}"#),
        publications: vec![passed_on],
    });
    let before = pictured(&view).1;
    let noted = apply(&mut view, &record).expect("it applies").noted.expect("it is noted");
    let whose: Vec<_> = noted.passing.iter().map(|it| (it.0, it.1.identity.clone())).collect();
    assert_eq!(whose, [(1, Some(identity("alice"))), (1, None)], "behind the stream's making");
    assert_eq!(pictured(&view).1, before, "nothing of it is kept");
}

#[test]
fn marks_take_out_what_they_name_and_pass_over_the_rest() {
    let world = World::default();
    let mut view = hooked(&world, false);
    for text in ["{}", r#"{"n":1}"#] {
        done(&mut view, &world.client(world.create(Document, text, text)));
    }
    let settle =
        |hooks| world.record(crate::relay::record::By::System, Effect::Settle { service: SERVICE, hooks });
    done(&mut view, &settle(vec![1, 7, 1]));
    assert_eq!(pending(&view).iter().map(|it| it.0).collect::<Vec<_>>(), [0]);
    done(&mut view, &settle(vec![1, 0]));
    assert_eq!(pending(&view), []);
    done(&mut view, &world.backend(Effect::RemoveService { service: SERVICE }));
    assert!(apply(&mut view, &settle(vec![0])).is_err(), "the service is gone, and its hooks with it");
}

#[test]
fn the_oldest_make_room_and_are_counted() {
    let world = World::default();
    let mut view = hooked(&world, false);
    done(&mut view, &world.client(world.create(Document, "doc", "{}")));
    let more = 25;
    for _ in 0..HOOKS_PENDING_MAX + more {
        done(&mut view, &world.client(world.update("doc", r#"{"n":1}"#)));
    }
    let tenant = view.tenant(SERVICE).expect("the service");
    let first = tenant.pending.from(0).next().map(|it| it.0);
    assert_eq!((first, tenant.pending.from(0).count()), (Some(more as u64 + 1), HOOKS_PENDING_MAX));
    assert_eq!(tenant.pending.overflowed(), more as u64 + 1);

    let mut view = hooked(&world, false);
    done(&mut view, &world.client(world.create(Document, "doc", "{}")));
    let large = format!(r#"{{"t":"{}"}}"#, "x".repeat(16_000));
    for _ in 0..3_000 {
        done(&mut view, &world.client(world.update("doc", &large)));
    }
    let bytes: u64 = pending(&view).iter().map(|it| it.1.size_bytes()).sum();
    assert!(bytes <= HOOKS_PENDING_BYTES_MAX && HOOKS_PENDING_BYTES_MAX - 17_000 < bytes, "{bytes}");
}

#[test]
fn what_waits_survives_the_log_and_the_checkpoint() {
    Disk::each(|disk| {
        let world = World::default();
        let (mut store, mut view) = (disk.open(), View::default());
        let before =
            vec![world.founding(), world.service(), set(&world, settings(Some("https://h.example/"), true))];
        append(&mut store, &mut view, &[before]);
        append(&mut store, &mut view, &[vec![world.private("alice", "a", r#"{"n":1}"#, None)]]);
        checkpointed(&mut store, &view);
        append(&mut store, &mut view, &[vec![world.says("alice", vec![])]]);
        drop(store);
        let recovered = disk.recovered();
        assert_eq!(pending(&recovered), pending(&view));
        assert_eq!(pictured(&recovered), pictured(&view), "numbers, bytes and counts, too");
        assert_eq!(pending(&view).len(), 5);
    });
}

#[test]
fn the_writer_gives_word_of_what_waits() {
    let memory = super::Memory::default();
    let mut running = Running::on(super::Store::Memory(memory.clone()));
    let world = World::default();
    running.found(&world);
    let url = crate::domain::service::SettingsChange {
        webhook_url: Some(Some("https://h.example/".into())),
        webhooks_from_rest: Some(true),
        ..Default::default()
    };
    running.commit(vec![world.settled(&running.view, url)]);
    running.commit(vec![world.made(&running.view, "made")]);
    assert_eq!(told(&running.view), [line("created", "made", "system")]);
    running.commit(vec![rewrite::settlement(SERVICE, vec![0], DecisionId(9), world.at())]);
    assert_eq!(told(&running.view), []);
    running.writer.stop();
    assert_eq!(
        pictured(&super::Store::Memory(memory).recover().expect("recovered")),
        pictured(&running.view)
    );
}

/// One of a few changes of a few objects.
fn change() -> impl Strategy<Value = (u8, u8, u8)> {
    (0..6_u8, 0..4_u8, any::<u8>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What waits is a function of the log, whatever was marked between, and a checkpoint changes nothing.
    #[test]
    fn what_waits_is_in_order_and_is_recovered(changes in proptest::collection::vec(change(), 0..60)) {
        let world = World::default();
        let mut view = hooked(&world, true);
        let mut events: HashMap<_, u64> = HashMap::new();
        let mut expected: Vec<u64> = Vec::new();
        for (what, which, n) in changes {
            let name = format!("o{which}");
            let record = match what {
                0 => world.client(world.create(Document, &name, "{}")),
                1 => world.client(world.update(&name, &format!(r#"{{"n":{n}}}"#))),
                2 => world.client(world.create(Map, &name, "{}")),
                3 => world.client(world.set(&name, "k", &format!(r#"{{"n":{n}}}"#))),
                4 => world.backend(world.unset(&name, "k")),
                _ => world.record(
                    crate::relay::record::By::System,
                    Effect::Settle { service: SERVICE, hooks: vec![u64::from(n), u64::from(which)] },
                ),
            };
            let before = view.tenant(SERVICE).expect("the service").pending.next();
            let applied = apply(&mut view, &record);
            let after = view.tenant(SERVICE).expect("the service").pending.next();
            if let Effect::Settle { hooks, .. } = &record.effect {
                expected.retain(|it| !hooks.contains(it));
            }
            expected.extend(before..after);
            prop_assert_eq!(applied.is_ok_and(|it| it.noted.is_some()), before < after);
        }
        let waiting = pending(&view);
        prop_assert_eq!(waiting.iter().map(|it| it.0).collect::<Vec<_>>(), expected);
        for (_, hook) in &waiting {
            if let Note::ItemSet { event, .. } | Note::ItemRemoved { event, .. } = hook.note {
                let last = events.insert(hook.object, event.0).unwrap_or_default();
                prop_assert!(last < event.0, "in the order of events");
            }
        }
        let again = Checkpoint::of(&view).and_then(Checkpoint::into_view).expect("a checkpoint");
        prop_assert_eq!(pictured(&again), pictured(&view));
    }
}

#[test]
fn an_expiry_alone_is_for_no_webhook() {
    let world = World::default();
    let mut view = hooked(&world, true);
    done(&mut view, &world.client(world.create(Document, "d", "{}")));
    done(&mut view, &world.client(world.create(Map, "m", "")));
    done(&mut view, &world.client(world.set("m", "k", "{}")));
    let before = pending(&view);
    for (kind, name, item) in [(Document, "d", None), (Map, "m", Some("k")), (Map, "m", None)] {
        done(&mut view, &world.client(world.expires(sid(kind, name), item, Some(60))));
    }
    assert_eq!(pending(&view), before);
}
