//! From the files of all policies to a set, or to all faults at once. Nothing else makes a set.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};

use crate::{
    domain::{limits::POLICIES_MAX, name::UniqueName, object::ObjectKind, sid::ServiceSid},
    policy::{
        compiled::Policy,
        fault::{Fault, Place, sorted},
        files::{Content, Files},
        prove,
        reserved::Reserved,
        route::{Index, Route},
        source,
    },
};

/// All policies in force: compiled, and proven not to get in each other's way.
#[derive(Debug)]
pub struct PolicySet {
    hash: Arc<str>,
    policies: Vec<Arc<Policy>>,
    by_name: BTreeMap<Arc<str>, usize>,
    index: Index,
}

impl PolicySet {
    /// The set without a policy: each name is plain.
    pub fn empty() -> Self {
        Self::of(Vec::new(), Hash::new("set").finish())
    }

    fn of(policies: Vec<Arc<Policy>>, hash: String) -> Self {
        let by_name = policies.iter().enumerate().map(|(at, it)| (it.name.clone(), at)).collect();
        Self { hash: hash.into(), by_name, index: Index::of(&policies), policies }
    }

    /// SHA-256 over names and files, in hexadecimal digits: two sets with one hash decide alike.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// The policies, by name.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The policy of this name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Policy>> {
        self.by_name.get(name).and_then(|it| self.policies.get(*it))
    }

    /// The names that its policies reserve.
    pub fn reserved(&self) -> Vec<Reserved> {
        self.policies.iter().map(|it| it.reserved()).collect()
    }

    /// Whose business a name is, in a service with this unique name.
    pub fn route(
        &self,
        service: ServiceSid,
        service_name: Option<&str>,
        kind: ObjectKind,
        name: &UniqueName,
    ) -> Route {
        self.index.route(&self.policies, (service, service_name), kind, name)
    }
}

/// Compiles all policies together.
///
/// # Errors
/// All faults that were found, by file and place.
pub fn compile(folder: &[Files]) -> Result<PolicySet, Vec<Fault>> {
    let mut folder: Vec<&Files> = folder.iter().collect();
    folder.sort_by(|one, two| one.name.cmp(&two.name));
    let mut faults = Vec::new();
    if let Some(first) = folder.get(POLICIES_MAX) {
        faults.push(
            Place::start(&first.path).fault(format!("there are more than {POLICIES_MAX} policies"), None),
        );
        return Err(faults);
    }
    for pair in folder.windows(2) {
        if let [one, two] = pair
            && one.name == two.name
        {
            let what = format!("two policies are called `{}`", two.name);
            faults.push(Place::start(&two.path).fault(what, None));
        }
    }
    let mut reads = Vec::new();
    let mut whole = Hash::new("set");
    for files in folder {
        let Some(mut read) = source::read(files, &mut faults) else { continue };
        let own = hash(files, read.schemas.iter().map(String::as_str));
        read.policy.version = own.get(..12).unwrap_or_default().into();
        read.policy.number = number(&files.name, &own);
        whole.part(files.name.as_bytes());
        whole.part(own.as_bytes());
        reads.push(read);
    }
    prove::prove(&reads, &mut faults);
    if !faults.is_empty() {
        return Err(sorted(faults));
    }
    Ok(PolicySet::of(reads.into_iter().map(|it| Arc::new(it.policy)).collect(), whole.finish()))
}

/// Compiles one policy anew within a set: the others stay as they are, and all are proven together.
///
/// # Errors
/// The faults of the new one, and of the set with it.
pub fn replace(set: &PolicySet, files: &Files) -> Result<PolicySet, Vec<Fault>> {
    let mut faults = Vec::new();
    let start = || Place::start(&files.path);
    let mut reads: Vec<source::Read> = set
        .policies
        .iter()
        .filter(|it| *it.name != *files.name)
        .map(|it| source::Read {
            from_place: start(),
            target_places: it.targets.iter().map(|_| start()).collect(),
            lookup_places: it.looked_up().map(|_| start()).collect(),
            schemas: Default::default(),
            policy: (**it).clone(),
        })
        .collect();
    if let Some(mut read) = source::read(files, &mut faults) {
        let own = hash(files, read.schemas.iter().map(String::as_str));
        read.policy.version = own.get(..12).unwrap_or_default().into();
        read.policy.number = number(&files.name, &own);
        reads.push(read);
    }
    reads.sort_by(|one, two| one.policy.name.cmp(&two.policy.name));
    prove::prove(&reads, &mut faults);
    if !faults.is_empty() {
        return Err(sorted(faults));
    }
    let mut whole = Hash::new("set");
    for read in &reads {
        whole.part(read.policy.name.as_bytes());
        whole.part(read.policy.version.as_bytes());
    }
    Ok(PolicySet::of(reads.into_iter().map(|it| Arc::new(it.policy)).collect(), whole.finish()))
}

/// A number that no other policy, and no other version of this one, has.
fn number(name: &str, own: &str) -> u64 {
    let mut hash = Hash::new("number");
    hash.part(name.as_bytes());
    hash.part(own.as_bytes());
    hash.finish().get(..16).and_then(|it| u64::from_str_radix(it, 16).ok()).unwrap_or_default()
}

/// The hash of one policy's own files: those that it does not name do not count.
fn hash<'f>(files: &Files, schemas: impl Iterator<Item = &'f str>) -> String {
    let mut hash = Hash::new("policy");
    hash.content(&files.policy);
    for name in schemas {
        if let Some(content) = files.schemas.get(name) {
            hash.part(name.as_bytes());
            hash.content(content);
        }
    }
    hash.finish()
}

/// A hash over parts, each with its length, so that no two lists of parts look alike.
struct Hash(Context);

impl Hash {
    fn new(what: &str) -> Self {
        let mut hash = Self(Context::new(&SHA256));
        hash.part(what.as_bytes());
        hash
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn content(&mut self, content: &Content) {
        if let Content::Bytes(bytes) = content {
            self.part(bytes);
        }
    }

    fn finish(self) -> String {
        self.0.finish().as_ref().iter().fold(String::new(), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}
