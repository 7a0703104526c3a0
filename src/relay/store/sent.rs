//! Messages that may be sent again: nothing of them is logged, so they are remembered beside the view.
//!
//! Best effort: what was sent before a restart, or is pushed out by later messages, is sent again.

use std::collections::HashMap;

use super::{attempts::BatchId, fair_memory::FairMemory};
use crate::{
    domain::{
        limits::MESSAGES_REMEMBERED_MAX,
        sid::{MessageSid, ServiceSid},
    },
    relay::record::{Effect, Record},
};

/// One attempt, in its service.
pub(super) type Attempt = (ServiceSid, BatchId);

/// The last messages that were told and of which nothing stands.
#[derive(Default)]
pub(super) struct Sent {
    services: HashMap<ServiceSid, FairMemory<MessageSid>>,
    count: usize,
}

impl Sent {
    /// The attempt and the message of a record of which nothing is kept.
    pub(super) fn of(record: &Record) -> Option<(Attempt, MessageSid)> {
        match &record.effect {
            Effect::Message { service, message, .. } if !record.is_kept() => {
                Some(((*service, record.batch?), *message))
            }
            _ => None,
        }
    }

    /// The message that this attempt has sent.
    pub(super) fn get(&self, (service, attempt): &Attempt) -> Option<MessageSid> {
        self.services.get(service)?.get(attempt).copied()
    }

    /// Remembers a message that is about to be told. Beyond [`MESSAGES_REMEMBERED_MAX`] the service with the most
    /// forgets one, the oldest of whoever has sent most there.
    pub(super) fn note(&mut self, (service, attempt): Attempt, message: MessageSid) {
        let sent = self.services.entry(service).or_default();
        let before = sent.len();
        sent.note(attempt, message, MESSAGES_REMEMBERED_MAX);
        self.count += sent.len() - before;
        if MESSAGES_REMEMBERED_MAX < self.count
            && let Some((service, largest)) = self.services.iter_mut().max_by_key(|it| (it.1.len(), *it.0))
        {
            largest.forget_one();
            self.count -= 1;
            if let (service, 0) = (*service, largest.len()) {
                self.services.remove(&service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(service: u8, sender: u8, n: usize) -> Attempt {
        let id = (u128::from(sender) << 96) + n as u128;
        (ServiceSid::new([service; 16]), id.to_be_bytes())
    }

    #[test]
    fn only_the_last_messages_are_remembered() {
        let mut sent = Sent::default();
        for n in 0..=MESSAGES_REMEMBERED_MAX {
            sent.note(attempt(1, 1, n), MessageSid::new([2; 16]));
            sent.note(attempt(1, 1, n), MessageSid::new([2; 16]));
        }
        assert_eq!((sent.get(&attempt(1, 1, 0)), sent.count), (None, MESSAGES_REMEMBERED_MAX));
        assert!(sent.get(&attempt(1, 1, 1)).is_some());
        assert!(sent.get(&attempt(3, 1, 1)).is_none(), "another service is another attempt");
    }

    #[test]
    fn a_service_or_a_sender_that_sends_much_forgets_only_its_own() {
        let mut sent = Sent::default();
        sent.note(attempt(1, 1, 0), MessageSid::new([1; 16]));
        sent.note(attempt(2, 1, 0), MessageSid::new([1; 16]));
        for n in 0..2 * MESSAGES_REMEMBERED_MAX {
            sent.note(attempt(2, 2, n), MessageSid::new([2; 16]));
        }
        assert!(sent.get(&attempt(1, 1, 0)).is_some() && sent.get(&attempt(2, 1, 0)).is_some());
        assert_eq!(sent.count, MESSAGES_REMEMBERED_MAX);
    }
}
