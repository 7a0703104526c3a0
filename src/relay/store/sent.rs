//! Messages that may be sent again: nothing of them is logged, so they are remembered beside the view.
//!
//! Best effort: what was sent before a restart, or is pushed out by later messages, is sent again.

use std::collections::{HashMap, VecDeque};

use super::attempts::BatchId;
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
    known: HashMap<Attempt, MessageSid>,
    order: VecDeque<Attempt>,
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
    pub(super) fn get(&self, attempt: &Attempt) -> Option<MessageSid> {
        self.known.get(attempt).copied()
    }

    /// Remembers a message that is about to be told; beyond [`MESSAGES_REMEMBERED_MAX`] the oldest is forgotten.
    pub(super) fn note(&mut self, attempt: Attempt, message: MessageSid) {
        if self.known.insert(attempt, message).is_none() {
            self.order.push_back(attempt);
        }
        if MESSAGES_REMEMBERED_MAX < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_messages_are_remembered() {
        let attempt = |n: usize| (ServiceSid::new([1; 16]), (n as u128).to_be_bytes());
        let mut sent = Sent::default();
        for n in 0..=MESSAGES_REMEMBERED_MAX {
            sent.note(attempt(n), MessageSid::new([2; 16]));
            sent.note(attempt(n), MessageSid::new([2; 16]));
        }
        assert_eq!((sent.get(&attempt(0)), sent.order.len()), (None, MESSAGES_REMEMBERED_MAX));
        assert!(sent.get(&attempt(1)).is_some() && sent.known.len() == sent.order.len());
        let elsewhere = (ServiceSid::new([3; 16]), attempt(1).1);
        assert!(sent.get(&elsewhere).is_none(), "another service is another attempt");
    }
}
