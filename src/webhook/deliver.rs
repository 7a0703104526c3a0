//! The sender: takes news, starts what may start, and has what was sent marked, many in one batch.
//!
//! One task, and what flies is polled in it. It shares with the passage the published view and a place in the writer's queue,
//! so no receiver can hold up a write.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt,
    future::{BoxFuture, FutureExt, OptionFuture, join_all},
    stream::FuturesUnordered,
};
use hyper::StatusCode;
use tokio::{
    sync::watch,
    time::{Instant, interval, sleep_until, timeout},
};
use tracing::{debug, error, warn};

use super::{
    Reach, form,
    lanes::{Entry, Job, Lanes, Outcome},
    post::{Failed, Letter, Poster},
    sign,
};
use crate::{
    domain::{
        hook::{Hook, Note},
        limits::{
            HOOK_ATTEMPTS_MAX, HOOK_WARNING_SECONDS, HOOKS_SETTLE_MS, HOOKS_SETTLED_MAX,
            HOOKS_STOP_SECONDS_MAX,
        },
        sid::ServiceSid,
    },
    relay::{Error, Hooks, News, Passing, Relay},
};

/// Between two looks at the hooks that had to make room.
const OVERFLOW_PERIOD: Duration = Duration::from_secs(10);
/// Before marks that could not be written are tried again.
const MARK_PAUSE: Duration = Duration::from_secs(1);

/// The sender of all services.
pub(super) struct Deliverer<'h> {
    hooks: &'h Hooks,
    relay: Relay,
    key: Arc<str>,
    poster: Poster,
    pause: Duration,
    lanes: Lanes,
    known: HashMap<ServiceSid, Known>,
    /// Sent or given up on, and not marked yet.
    ended: BTreeMap<ServiceSid, Vec<u64>>,
    /// When they are to be marked.
    mark_at: Option<Instant>,
    /// Hooks of messages for which there was no room, since it was said last.
    dropped: u64,
    /// Whether it was said that there is no key.
    mute: bool,
    /// When the cause of a failure was last told as a warning, by service.
    warned: HashMap<ServiceSid, Instant>,
}

/// What was read of a service's queue.
struct Known {
    next: u64,
    overflowed: u64,
}

/// A flight that is over.
struct Landed {
    job: Job,
    hook: Arc<Hook>,
    outcome: Result<StatusCode, Failed>,
}

/// The marks of one round, and whether they could be written.
type Marked = Vec<(ServiceSid, Vec<u64>, Result<(), Error>)>;

impl<'h> Deliverer<'h> {
    pub(super) fn new(hooks: &'h Hooks, relay: Relay, key: &str, reach: Reach, pause: Duration) -> Self {
        Self {
            hooks,
            relay,
            key: key.into(),
            poster: Poster::new(reach),
            pause,
            lanes: Lanes::default(),
            known: HashMap::new(),
            ended: BTreeMap::new(),
            mark_at: None,
            dropped: 0,
            mute: false,
            warned: HashMap::new(),
        }
    }

    /// Sends until it is stopped; then what is on its way may end, and is marked.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let hooks = self.hooks;
        let mut flights = FuturesUnordered::new();
        let mut marking: Option<BoxFuture<'h, Marked>> = None;
        let mut overflow = interval(OVERFLOW_PERIOD);
        loop {
            while let Some(job) = self.lanes.take(Instant::now()) {
                flights.extend(self.flight(job));
            }
            if marking.is_none() && self.mark_at.is_some_and(|it| it <= Instant::now()) {
                marking = Some(self.mark());
            }
            let (rested, mark_at) = (self.lanes.rested(), self.mark_at.filter(|_| marking.is_none()));
            tokio::select! {
                // An error means that nobody is left who could stop it.
                _ = stopping.wait_for(|it| *it) => break,
                Some(landed) = flights.next(), if !flights.is_empty() => self.landed(landed),
                news = hooks.news() => self.absorb(news),
                Some(marked) = OptionFuture::from(marking.as_mut()), if marking.is_some() => {
                    marking = None;
                    self.marked(marked);
                }
                Some(()) = OptionFuture::from(rested.map(sleep_until)), if rested.is_some() => {}
                Some(()) = OptionFuture::from(mark_at.map(sleep_until)), if mark_at.is_some() => {}
                _ = overflow.tick() => self.tell_overflow(),
            }
        }
        let patience = Duration::from_secs(HOOKS_STOP_SECONDS_MAX);
        let last = async {
            while let Some(landed) = flights.next().await {
                self.landed(landed);
            }
        };
        // What does not land in time is sent again after the next start, and so is what cannot be marked.
        let _late = timeout(patience, last).await;
        let _unmarked = timeout(patience, async {
            OptionFuture::from(marking).await;
            while !self.ended.is_empty() {
                self.mark().await;
            }
        })
        .await;
    }

    /// Lines up what is new: hooks of the state, and between them the messages, each where it belongs.
    fn absorb(&mut self, news: News) {
        if self.key.is_empty() {
            if !self.mute {
                error!("webhooks are not sent: there is no auth token to sign them with");
            }
            self.mute = true;
            return;
        }
        let News { mut services, passing, dropped } = news;
        self.dropped = self.dropped.saturating_add(dropped);
        let mut messages: HashMap<ServiceSid, Vec<Passing>> = HashMap::new();
        for it in passing {
            services.insert(it.service);
            messages.entry(it.service).or_default().push(it);
        }
        for service in services {
            let from = self.known.get(&service).map_or(0, |it| it.next);
            let Some(waiting) = self.hooks.waiting(service, from) else { continue };
            let overflowed = self.known.get(&service).map_or(waiting.overflowed, |it| it.overflowed);
            self.known.insert(service, Known { next: waiting.next, overflowed });
            let mut messages = messages.remove(&service).unwrap_or_default().into_iter().peekable();
            for (number, object) in waiting.hooks {
                while let Some(it) = messages.next_if(|it| it.before <= number) {
                    self.line_up(it);
                }
                self.lanes.push(service, object, Entry::Stored(number));
            }
            messages.for_each(|it| self.line_up(it));
        }
    }

    fn line_up(&mut self, message: Passing) {
        let Passing { service, hook, .. } = message;
        let taken = self.lanes.push(service, hook.object, Entry::Passing(hook));
        self.dropped = self.dropped.saturating_add(u64::from(!taken));
    }

    /// Begins a job; `None` when there is nothing to send any more.
    fn flight(&mut self, job: Job) -> Option<BoxFuture<'h, Landed>> {
        let hook = match &job.entry {
            Entry::Stored(number) => self.hooks.hook(job.service, *number),
            Entry::Passing(hook) => Some(hook.clone()),
        };
        let (Some(hook), Some(url)) = (hook, self.hooks.url(job.service)) else {
            self.lanes.ended(job.service, job.object, Outcome::Nothing);
            return None;
        };
        let (_, fields) = form::fields(self.relay.account(), job.service, &hook);
        let signature = sign::signature(&self.key, &url, &fields);
        let body = form::encoded(&fields);
        let token = match (&job.entry, &hook.note) {
            (Entry::Passing(_), Note::Message { message, .. }) => message.to_string(),
            (Entry::Stored(number), _) => format!("{}-{number}", job.service),
            (Entry::Passing(_), _) => sign::token(hook.at, &body),
        };
        let letter = Letter { url, body, signature, token };
        let poster = self.poster.clone();
        Some(async move { Landed { job, hook, outcome: poster.post(&letter).await } }.boxed())
    }

    /// Says what became of a job, and what happens next in its lane.
    fn landed(&mut self, landed: Landed) {
        let Landed { job: Job { service, object, entry, attempt }, hook, outcome } = landed;
        let event = form::event(&hook);
        let duration_ms = self.relay.now().as_millis().saturating_sub(hook.at.as_millis());
        let last = match outcome {
            Ok(status) => {
                debug!(service.sid = %service, event.r#type = event, attempts = attempt, status = status.as_u16(),
                    duration_ms, "webhook delivered");
                Outcome::Delivered
            }
            Err(Failed { status, why }) => {
                let status = status.map_or(0, |it| it.as_u16());
                if attempt < HOOK_ATTEMPTS_MAX {
                    let pause = jittered(self.pause.saturating_mul(4_u32.saturating_pow(attempt - 1)));
                    let retry_ms = pause.as_millis() as u64;
                    if self.warns(service) {
                        warn!(service.sid = %service, event.r#type = event, attempts = attempt, status, duration_ms,
                            retry_ms, error = why, "webhook attempt failed");
                    } else {
                        debug!(service.sid = %service, event.r#type = event, attempts = attempt, status, duration_ms,
                            retry_ms, error = why, "webhook attempt failed");
                    }
                    self.lanes.again(service, object, Instant::now() + pause);
                    return;
                }
                warn!(service.sid = %service, event.r#type = event, attempts = attempt, status, duration_ms,
                    error = why, "webhook given up");
                Outcome::Failed
            }
        };
        self.lanes.ended(service, object, last);
        if let Entry::Stored(number) = entry {
            let ended = self.ended.entry(service).or_default();
            ended.push(number);
            let full = HOOKS_SETTLED_MAX <= ended.len();
            let at =
                Instant::now() + if full { Duration::ZERO } else { Duration::from_millis(HOOKS_SETTLE_MS) };
            self.mark_at = Some(self.mark_at.map_or(at, |it| if full { at } else { it }));
        }
    }

    /// Whether the cause of a failed attempt is a warning: once for each service in [`HOOK_WARNING_SECONDS`].
    fn warns(&mut self, service: ServiceSid) -> bool {
        let (now, pause) = (Instant::now(), Duration::from_secs(HOOK_WARNING_SECONDS));
        let due = self.warned.get(&service).is_none_or(|it| pause <= now.duration_since(*it));
        if due {
            self.warned.insert(service, now);
        }
        due
    }

    /// Has what has ended marked: one batch for each service, and one sync for all of them.
    fn mark(&mut self) -> BoxFuture<'h, Marked> {
        let (hooks, mut batches) = (self.hooks, Vec::new());
        for (service, mut numbers) in std::mem::take(&mut self.ended) {
            let rest = numbers.split_off(numbers.len().min(HOOKS_SETTLED_MAX));
            if !rest.is_empty() {
                self.ended.insert(service, rest);
            }
            batches.push(async move {
                let result = hooks.settle(service, numbers.clone()).await;
                (service, numbers, result)
            });
        }
        self.mark_at = (!self.ended.is_empty()).then(Instant::now);
        join_all(batches).boxed()
    }

    fn marked(&mut self, marked: Marked) {
        for (service, numbers, result) in marked {
            // Refused: the service is gone, and its hooks with it.
            if let Err(Error::Failed(_)) = result {
                self.ended.entry(service).or_default().extend(numbers);
                self.mark_at = Some(Instant::now() + MARK_PAUSE);
            }
        }
    }

    /// Says how many hooks had to make room, and forgets them, and services that are gone.
    fn tell_overflow(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped != 0 {
            warn!(dropped, "webhooks of messages were dropped: there was no room");
        }
        let pause = Duration::from_secs(HOOK_WARNING_SECONDS);
        self.warned.retain(|_, it| it.elapsed() < pause);
        self.known.retain(|service, known| {
            let Some(waiting) = self.hooks.waiting(*service, u64::MAX) else { return false };
            let given_up = waiting.overflowed.saturating_sub(known.overflowed);
            if given_up != 0 {
                warn!(service.sid = %service, given_up, "webhooks given up: too many are waiting");
                self.lanes.forget(*service, waiting.first);
            }
            known.overflowed = waiting.overflowed;
            true
        });
    }
}

/// The pause, give or take a quarter: receivers that came back are not met by all at once.
fn jittered(pause: Duration) -> Duration {
    let mut drawn = [0; 2];
    // Without random bytes the pause is what it is.
    let drawn =
        if aws_lc_rs::rand::fill(&mut drawn).is_ok() { u16::from_be_bytes(drawn) } else { u16::MAX / 2 };
    pause.mul_f64(0.75 + f64::from(drawn) / f64::from(u16::MAX) / 2.0)
}
