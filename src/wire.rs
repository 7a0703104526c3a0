//! STUB, to be dropped on merge: the other branch has the real one.
#![allow(missing_docs)]
pub mod event {
    use crate::{
        domain::{event::Event, object::EventId, sid::ObjectSid},
        wire::problem::Problem,
    };
    use serde_json::{Number, json};
    #[derive(Clone, Copy)]
    pub enum Replay {
        Completed,
        Interrupted,
    }
    pub fn payload(event: &Event, base_url: &str) -> String {
        format!("{{\"base\":\"{base_url}\",\"id\":{}}}", event.id.0)
    }
    pub fn established(correlation: &Number, object: ObjectSid, replay: Replay, last: EventId) -> String {
        let status = match replay {
            Replay::Completed => "completed",
            Replay::Interrupted => "interrupted",
        };
        json!({"event_type":"subscription_established","correlation_id":correlation,"event_protocol_version":4,"events":[{"object_sid":object.to_string(),"object_type":object.kind.as_str(),"replay_status":status,"last_event_id":last.0}]}).to_string()
    }
    pub fn failed(correlation: &Number, sid: &str, kind: &str, problem: &Problem) -> String {
        json!({"event_type":"subscription_failed","correlation_id":correlation,"event_protocol_version":4,"events":[{"object_sid":sid,"object_type":kind,"error":{"status":problem.status,"code":problem.code,"message":problem.message}}]}).to_string()
    }
    pub fn canceled(correlation: &Number, sid: &str, kind: &str) -> String {
        json!({"event_type":"subscription_canceled","correlation_id":correlation,"event_protocol_version":4,"events":[{"object_sid":sid,"object_type":kind}]}).to_string()
    }
}
pub mod problem {
    use crate::relay::Error;
    use bytes::Bytes;
    #[derive(Clone, Copy)]
    pub enum Plane {
        Sdk,
        Rest,
    }
    pub struct Problem {
        pub status: u16,
        pub code: u32,
        pub message: String,
        pub body: Bytes,
    }
    pub fn of(error: &Error, _plane: Plane) -> Problem {
        plain(if matches!(error, Error::Failed(_)) { 503 } else { 403 }, &error.to_string())
    }
    pub fn plain(status: u16, message: &str) -> Problem {
        let code = 20_000 + u32::from(status);
        let body = serde_json::json!({"status":status,"code":code,"message":message}).to_string().into();
        Problem { status, code, message: message.to_owned(), body }
    }
}
