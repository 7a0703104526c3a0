//! A refusal or failure → HTTP status, Twilio's code, and a body that says no more than it may.
//!
//! Where Sync has a sentence, the message is that sentence; what else helps stands in `details`. The SDK shows
//! status, code and message only, so where a policy refused the message ends in one tail
//! `[policy=… rule=… at=/x retry_ms=… decision=…]`, cut by the policy's `detail`.

mod texts;

use crate::{
    domain::{
        data::BadData,
        detail::Detail,
        limits::{MESSAGE_BYTES_MAX, TAIL_VALUE_BYTES_MAX, VIOLATIONS_MAX},
        object::ObjectKind,
    },
    relay::{Error, Failure, Missing, Reason, Refusal},
    token::TokenFault,
    wire::{
        fault::{Fault, Stop},
        json::{Object, array},
    },
};

/// Which door is answered: Twilio's codes differ between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// `/v1`, the backends' door.
    Rest,
    /// `/v3` and the socket, the clients' door.
    Sdk,
}

/// An answer that is not a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Twilio's code, or one of Airlock's own (72001 and up).
    pub code: u32,
    /// At most 512 bytes.
    pub message: String,
    /// When to come again.
    pub retry_ms: Option<u64>,
    details: Option<String>,
}

impl Problem {
    /// The answer to a request that was stopped.
    pub fn of(stop: &Stop, plane: Plane) -> Self {
        match stop {
            Stop::Fault(fault) => Self::of_fault(fault, plane),
            Stop::Error(error) => Self::of_error(error, plane),
        }
    }

    /// The answer to what the relay refused or could not do.
    pub fn of_error(error: &Error, plane: Plane) -> Self {
        match error {
            Error::Refused(refusal) => Self::of_refusal(refusal, plane),
            Error::Failed(failure) => Self::plain(503, failure_code(*failure), &failure.to_string()),
        }
    }

    /// The code of that answer, without its text: the log needs no more.
    pub fn code_of_error(error: &Error, plane: Plane) -> u32 {
        match error {
            Error::Refused(refusal) => reason_code(&refusal.reason, plane).1,
            Error::Failed(failure) => failure_code(*failure),
        }
    }

    /// The answer to a request that is not well-formed.
    pub fn of_fault(fault: &Fault, plane: Plane) -> Self {
        let (status, code) = fault_code(fault, plane);
        let at = match fault {
            Fault::Data { fault, .. } => fault.pointer(),
            _ => None,
        };
        Self::without_policy(status, code, &fault.to_string(), Told::at(at))
    }

    fn of_refusal(refusal: &Refusal, plane: Plane) -> Self {
        let told = Told::of(refusal);
        let (status, code) = reason_code(&refusal.reason, plane);
        let own = sentence(&refusal.reason, refusal.policy.as_ref().map(|it| it.detail));
        let retry_ms = told.retry_ms;
        let mut problem = if refusal.policy.is_some() && is_of_policy(&refusal.reason) {
            let sentence = match told.violations.first() {
                Some(first) => format!("{own}: {}", unbracketed(&first.2)),
                None => own,
            };
            let mut problem = Self::plain(status, code, &sentence);
            problem.append(&told);
            problem
        } else {
            Self::without_policy(status, code, &own, told)
        };
        problem.retry_ms = retry_ms;
        problem
    }

    /// An answer that no policy is behind: Sync's sentence where there is one, and our own as `details`.
    fn without_policy(status: u16, code: u32, own: &str, mut told: Told) -> Self {
        let mut sentence = own.to_owned();
        match texts::of_code(code) {
            Some(text) if text != capitalized(own) => {
                told.reason = EXPLAINED.contains(&code).then(|| own.to_owned());
                sentence = text.to_owned();
            }
            Some(_) => (),
            None => {
                if let Some(at) = &told.at {
                    sentence = format!("{own}: at `{}`", cut(&flat(at), 2 * TAIL_VALUE_BYTES_MAX));
                }
            }
        }
        let mut problem = Self::plain(status, code, &sentence);
        problem.details = told.to_json();
        problem
    }

    /// An answer of HTTP itself: no route, a wrong method, a broken request.
    pub fn of_status(status: u16, sentence: &str) -> Self {
        let code = match status {
            401 => 20_003,
            404 => 20_404,
            405 => 20_004,
            429 => 20_429,
            400..=499 => 20_001,
            _ => 20_500,
        };
        Self::plain(status, code, sentence)
    }

    fn plain(status: u16, code: u32, sentence: &str) -> Self {
        let message = cut(&capitalized(sentence), MESSAGE_BYTES_MAX);
        Self { status, code, message, retry_ms: None, details: None }
    }

    /// Appends the tail and repeats it in `details`.
    fn append(&mut self, told: &Told) {
        let tail = told.tail();
        if !tail.is_empty() {
            let room = MESSAGE_BYTES_MAX.saturating_sub(tail.len() + 3);
            self.message = format!("{} [{tail}]", cut(&self.message, room));
        }
        self.details = told.to_json();
    }

    /// The same, with the path that a backend asked for when there is nothing there.
    pub fn at_path(mut self, path: &str) -> Self {
        if self.code == 20_404 {
            let path = path.strip_prefix("/v1").filter(|it| it.starts_with('/')).unwrap_or(path);
            self.message = format!("The requested resource {} was not found", cut(path, 400));
        }
        self
    }

    /// The body.
    pub fn to_json(&self) -> String {
        let object = Object::new()
            .number("code", self.code.into())
            .text("message", &self.message)
            .text("more_info", &format!("https://www.twilio.com/docs/errors/{}", self.code))
            .number("status", self.status.into());
        match &self.details {
            Some(details) => object.raw("details", details).finish(),
            None => object.finish(),
        }
    }

    /// What `subscription_failed` carries.
    pub fn to_event_json(&self) -> String {
        Object::new()
            .number("status", self.status.into())
            .number("code", self.code.into())
            .text("message", &self.message)
            .finish()
    }
}

/// What a refused caller may learn, after `detail` has cut it.
#[derive(Default)]
struct Told {
    /// In our own words, where the message is a sentence of Sync's that says less.
    reason: Option<String>,
    policy: Option<String>,
    rule: Option<String>,
    at: Option<String>,
    retry_ms: Option<u64>,
    decision: Option<String>,
    violations: Vec<(String, String, String)>,
}

impl Told {
    fn at(pointer: Option<&str>) -> Self {
        Self { at: pointer.map(str::to_owned), ..Self::default() }
    }

    fn of(refusal: &Refusal) -> Self {
        let detail = refusal.policy.as_ref().map_or(Detail::Pointer, |it| it.detail);
        if detail == Detail::Code {
            return Self { retry_ms: refusal.retry_ms, ..Self::default() };
        }
        let policy = refusal.policy.as_ref().map(|it| it.name.to_string());
        let rule = policy.is_some().then(|| refusal.rule.as_deref().map(str::to_owned)).flatten();
        if refusal.reason == Reason::Forbidden {
            // INVARIANT: one answer for what is another's and what does not stand (house, 11), so
            // nothing that differs from one attempt to the next, or with the object.
            return Self { policy, rule, ..Self::default() };
        }
        let decision = refusal.decision.map(|it| it.to_string());
        if policy.is_none() && refusal.retry_ms.is_none() && decision.is_none() {
            return Self::default();
        }
        let violations = match detail {
            Detail::Full => refusal.violations.as_slice(),
            Detail::Code | Detail::Pointer => &[],
        };
        Self {
            reason: None,
            policy,
            rule,
            at: refusal.pointer().map(str::to_owned),
            retry_ms: refusal.retry_ms,
            decision,
            violations: violations
                .iter()
                .take(VIOLATIONS_MAX)
                .map(|it| (it.pointer.clone(), it.keyword.clone(), it.message.clone()))
                .collect(),
        }
    }

    fn tail(&self) -> String {
        let value = |name: &str, value: &Option<String>, max: usize| {
            value.as_ref().map(|it| format!("{name}={}", cut(&flat(it), max)))
        };
        [
            value("policy", &self.policy, TAIL_VALUE_BYTES_MAX),
            value("rule", &self.rule, TAIL_VALUE_BYTES_MAX),
            value("at", &self.at, 2 * TAIL_VALUE_BYTES_MAX),
            self.retry_ms.map(|it| format!("retry_ms={it}")),
            value("decision", &self.decision, TAIL_VALUE_BYTES_MAX),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
    }

    /// `None` when there is nothing to tell.
    fn to_json(&self) -> Option<String> {
        let Self { reason, policy, rule, at, retry_ms, decision, .. } = self;
        if [reason, policy, rule, at, decision].iter().all(|it| it.is_none()) && retry_ms.is_none() {
            return None;
        }
        let mut object = Object::new()
            .present("reason", reason.as_deref())
            .present("policy", policy.as_deref())
            .present("rule", rule.as_deref())
            .present("at", at.as_deref());
        if let Some(retry_ms) = *retry_ms {
            object = object.number("retry_ms", retry_ms);
        }
        object = object.present("decision", decision.as_deref());
        if self.violations.is_empty() {
            return Some(object.finish());
        }
        let violations: Vec<String> = self
            .violations
            .iter()
            .map(|(at, keyword, message)| {
                Object::new().text("at", at).text("keyword", keyword).text("message", message).finish()
            })
            .collect();
        Some(object.raw("violations", &array(violations.iter().map(String::as_str))).finish())
    }
}

/// Codes whose sentence in Sync is a title: what is wrong in this request stands in `details.reason`.
const EXPLAINED: [u32; 19] = [
    54_003, 54_006, 54_008, 54_010, 54_011, 54_051, 54_053, 54_101, 54_156, 54_206, 54_209, 54_251, 54_351,
    54_419, 54_451, 54_452, 54_453, 54_454, 54_458,
];

/// Whether a policy gives this reason. The others are Sync's own or the server's, whatever governs the address.
fn is_of_policy(reason: &Reason) -> bool {
    match reason {
        Reason::Forbidden
        | Reason::NotConnected
        | Reason::TooLarge { .. }
        | Reason::Data(_)
        | Reason::UnsafeInteger
        | Reason::Schema
        | Reason::Condition
        | Reason::Lookup
        | Reason::Final
        | Reason::Fold
        | Reason::Rewrite
        | Reason::SharedSchema
        | Reason::Limit
        | Reason::Quota { .. }
        | Reason::Private => true,
        Reason::Credential(_)
        | Reason::Watermark { .. }
        | Reason::NotFound(_)
        | Reason::NameTaken
        | Reason::ItemExists
        | Reason::RevisionMismatch { .. }
        | Reason::BelowFloor
        | Reason::TooManySubscriptions
        | Reason::LiveQuery => false,
    }
}

/// What is wrong, no more precisely than `detail` allows.
fn sentence(reason: &Reason, detail: Option<Detail>) -> String {
    match (reason, detail) {
        (Reason::Data(_) | Reason::UnsafeInteger, Some(Detail::Code)) => "the data is malformed".to_owned(),
        (Reason::Quota { .. }, Some(Detail::Code)) => "quota exceeded".to_owned(),
        (Reason::TooLarge { .. }, Some(Detail::Code)) => "Request entity too large".to_owned(),
        (Reason::TooLarge { max_bytes }, _) => {
            format!("Request entity too large: the data has more than {max_bytes} bytes")
        }
        _ => reason.to_string(),
    }
}

fn failure_code(failure: Failure) -> u32 {
    match failure {
        Failure::Store => 72_006,
        Failure::Busy => 72_007,
        Failure::Contended => 72_008,
        Failure::Stopping => 72_012,
    }
}

fn reason_code(reason: &Reason, plane: Plane) -> (u16, u32) {
    match reason {
        Reason::Credential(fault) => (401, token_code(*fault)),
        Reason::Forbidden => (403, 54_007),
        Reason::NotConnected => (403, 72_014),
        Reason::TooLarge { .. } => (413, 54_006),
        Reason::Data(fault) => (400, data_code(fault, ObjectKind::Document, plane)),
        Reason::UnsafeInteger => (400, 72_002),
        Reason::Schema => (400, 72_001),
        Reason::Lookup => (400, 72_015),
        Reason::Condition => (400, 72_016),
        Reason::Final => (403, 72_017),
        Reason::Fold => (409, 72_018),
        Reason::Rewrite => (400, 72_003),
        Reason::SharedSchema => (400, 72_004),
        Reason::Limit => (429, 54_009),
        Reason::Quota { .. } => (429, 72_005),
        Reason::Watermark { .. } => (429, 72_011),
        Reason::NotFound(missing) => (404, missing_code(*missing, plane)),
        Reason::NameTaken => (409, 54_301),
        Reason::ItemExists => (409, 54_208),
        Reason::RevisionMismatch { of, .. } => match of {
            ObjectKind::List => (412, 54_155),
            ObjectKind::Map => (412, 54_205),
            ObjectKind::Document | ObjectKind::Stream => (412, 54_103),
        },
        Reason::Private => (409, 72_013),
        Reason::BelowFloor => (410, 72_009),
        Reason::TooManySubscriptions => (429, 54_419),
        Reason::LiveQuery => (501, 72_019),
    }
}

fn missing_code(missing: Missing, plane: Plane) -> u32 {
    match (plane, missing) {
        (Plane::Rest, _) => 20_404,
        (Plane::Sdk, Missing::Service) => 54_050,
        (Plane::Sdk, Missing::Name(_)) => 54_300,
        (Plane::Sdk, Missing::Grant) => 54_354,
        (Plane::Sdk, Missing::Item(ObjectKind::List)) => 54_151,
        (Plane::Sdk, Missing::Item(_)) => 54_201,
        (Plane::Sdk, Missing::Sid(kind)) => match kind {
            ObjectKind::Document => 54_100,
            ObjectKind::List => 54_150,
            ObjectKind::Map => 54_200,
            ObjectKind::Stream => 54_250,
        },
    }
}

/// Twilio's code of a token fault; the socket's `init` answers with it too.
pub fn token_code(fault: TokenFault) -> u32 {
    match fault {
        TokenFault::Invalid => 20_101,
        TokenFault::Header => 20_102,
        TokenFault::Issuer => 20_103,
        TokenFault::Expired => 20_104,
        TokenFault::NotYetValid => 20_105,
        TokenFault::Grants => 20_106,
        TokenFault::Signature => 20_107,
        TokenFault::TooLong => 20_157,
        TokenFault::OtherIdentity => 51_215,
        TokenFault::Basic => 20_003,
    }
}

fn data_code(fault: &BadData, kind: ObjectKind, plane: Plane) -> u32 {
    let missing = match kind {
        ObjectKind::Document => 54_101,
        ObjectKind::List => 54_156,
        ObjectKind::Map => 54_206,
        ObjectKind::Stream => 54_251,
    };
    match (fault, plane) {
        (BadData::NotJson, _) | (BadData::NotAnObject, Plane::Rest) => 54_008,
        (BadData::Null, _) | (BadData::NotAnObject, Plane::Sdk) => missing,
        (
            BadData::TooDeep { .. }
            | BadData::TooManyNodes
            | BadData::DoubledKey { .. }
            | BadData::ForbiddenKey { .. },
            _,
        ) => 72_002,
    }
}

fn fault_code(fault: &Fault, plane: Plane) -> (u16, u32) {
    match fault {
        Fault::IfMatch => (400, 54_003),
        Fault::BodyTooLarge => (413, 54_006),
        Fault::BodyMissing => (408, 20_001),
        Fault::Body | Fault::Attribute { .. } => (400, 54_008),
        Fault::DoubledAttribute => (400, 72_002),
        Fault::Data { fault, kind } => (400, data_code(fault, *kind, plane)),
        Fault::NoParameter => (400, 54_010),
        Fault::Ttl => (400, 54_011),
        Fault::WebhookUrl => (400, 54_051),
        Fault::FriendlyName => (400, 54_053),
        Fault::UniqueName => (400, 54_302),
        Fault::Key => (400, 54_209),
        Fault::Index => (400, 54_458),
        Fault::Identity => (400, 54_351),
        Fault::Order => (400, 54_451),
        Fault::Bounds => (400, 54_452),
        Fault::PageToken => (400, 54_453),
        Fault::PageSize => (400, 54_454),
        Fault::Parameter { .. } | Fault::Missing { .. } => (400, 20_001),
        Fault::UnknownPath => (404, 20_404),
        Fault::Method => (405, 20_004),
        Fault::ForeignOrigin => (403, 20_403),
        Fault::MediaType => (415, 20_001),
    }
}

/// A text that cannot break out of its place in a tail.
fn flat(text: &str) -> String {
    let bad = |it: char| it.is_control() || it.is_whitespace() || matches!(it, '[' | ']');
    text.chars().map(|it| if bad(it) { '_' } else { it }).collect()
}

/// A text without what opens or closes the tail.
fn unbracketed(text: &str) -> String {
    text.chars().map(|it| if it.is_control() || matches!(it, '[' | ']') { ' ' } else { it }).collect()
}

fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max_bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
