//! The sweep of a whole relay in memory.

use std::time::Duration;

use super::Sweep;
use crate::{
    domain::{
        change::Operation, data::Input, limits::SWEEP_MAX, object::ObjectKind, service::SettingsChange,
        time::Ttl,
    },
    policy::PolicySet,
    relay::presence::reconnects::{done, in_memory},
};

#[tokio::test]
async fn the_sweep_goes_on_at_once_while_anything_is_due() {
    let (relay, backend) = in_memory(PolicySet::empty());
    let create = Operation::CreateService { default: true, settings: SettingsChange::default() };
    done(&relay, &backend, create).await;
    let service = relay.default_service().expect("a service");
    let ttl = Some(Ttl::try_from(60).expect("a time to live"));
    let count = SWEEP_MAX * 5 / 2;
    let documents = (0..count).map(|_| {
        let data = Input::empty();
        done(
            &relay,
            &backend,
            Operation::Create { service, kind: ObjectKind::Document, name: None, data, ttl },
        )
    });
    futures::future::join_all(documents).await;
    let left = || relay.inner.hub.view().tenant(service).map_or(0, |it| it.objects.len());
    assert_eq!(left(), count);

    relay.inner.clock.advance(60_000);
    let mut state = Sweep::default();
    tokio::task::spawn_blocking({
        let relay = relay.clone();
        move || while relay.sweep_step(&mut state) == Duration::ZERO {}
    })
    .await
    .expect("the sweep ends");
    assert_eq!(left(), 0, "a step that says that nothing is left leaves nothing");
    relay.stop().await;
}
