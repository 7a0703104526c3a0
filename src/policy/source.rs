//! One `policy.toml`, read and compiled; the proofs about the whole set come after.

mod cost;
mod fold;
mod from;
mod limit;
mod list;
mod lookup;
mod place;
mod rewrite;
mod target;
mod vars;
mod way;
mod when;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicUsize},
};

use crate::{
    domain::{
        limits::{POLICY_NAME_CHARS_MAX, POLICY_SERVICES_MAX},
        object::ObjectKind,
    },
    policy::{
        compiled::{Detail, Mode, Policy, ServiceName, Source},
        expression::{self, LookupName, Typed},
        fault::{Fault, Faults, Place, meant},
        files::Files,
        folding::Folding,
        schema::Schema,
        setting::Scope,
        written::{self, At, Keys, Table, listed},
    },
};
use rewrite::Scopes;

/// A policy whose own file is in order, with the places that proofs about the set may name.
pub(super) struct Read {
    pub(super) policy: Policy,
    pub(super) from_place: Place,
    /// Of the names of the targets, in their order.
    pub(super) target_places: Vec<Place>,
    /// Of what the policy looks up, in the order of `looked_up`.
    pub(super) lookup_places: Vec<Place>,
    /// The schema files that it refers to.
    pub(super) schemas: BTreeSet<String>,
}

const TOP: Keys = Keys {
    known: &["description", "services", "mode", "from", "vars", "limit", "lookup", "when", "to", "refusal"],
    later: &["journal", "strike", "hook", "adopt"],
    elsewhere: &[
        ("list", "in `[from]` or `[[to]]`"),
        ("stream", "in `[from]` or `[[to]]`"),
        ("document", "in `[from]` or `[[to]]`"),
        ("map", "in `[from]` or `[[to]]`"),
        ("schema", "in `[from]`, `[[lookup]]` or `[[to]]`"),
        ("max_bytes", "in `[from]`"),
        ("objects_max", "in `[from]`"),
        ("per", "in `[[limit]]`"),
        ("allow", "in `[[limit]]`"),
        ("burst", "in `[[limit]]`"),
        ("until", "in `[from]`"),
        ("ttl", "in `[[to]]`"),
        ("read", "in `[[to]]`"),
        ("set", "in `[[to]]`"),
        ("take", "in `[[to]]`"),
        ("detail", "in `[refusal]`"),
        ("rule", "in `[[when]]`"),
        ("that", "in `[[when]]`"),
        ("withdraw", "in `[from]`"),
    ],
};
const REFUSAL: Keys = Keys {
    known: &["detail"],
    later: &[],
    elsewhere: &[
        ("mode", "at the top of the file, above the first table"),
        ("services", "at the top of the file, above the first table"),
        ("description", "at the top of the file, above the first table"),
    ],
};

/// The keys of each table, for the form to be held in step with: the top, `[from]`, `[[limit]]`, `[[to]]`, `[refusal]`.
#[cfg(test)]
pub(super) fn tables() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("the top", TOP.known),
        ("[from]", from::KEYS.known),
        ("[vars.NAME]", vars::KEYS.known),
        ("[[limit]]", limit::KEYS.known),
        ("[[lookup]]", lookup::KEYS.known),
        ("[[when]]", when::KEYS.known),
        ("[[to]]", target::KEYS.known),
        ("a mask", rewrite::MASK.known),
        ("[to.fold]", fold::KEYS.known),
        ("[refusal]", REFUSAL.known),
    ]
}

/// Reads one policy; `None` when its patterns are not known. The set is good only if no fault was noted.
pub(super) fn read(files: &Files, all: &mut Vec<Fault>) -> Option<Read> {
    let path = format!("{}/policy.toml", files.path);
    if let Some(fault) = name_fault(files) {
        all.push(fault);
    }
    let text = match files.policy.text() {
        Ok(text) => text,
        Err(why) => {
            all.push(Place::start(&path).fault(format!("`policy.toml` {}", why.what), why.help()));
            return None;
        }
    };
    let mut faults = Faults::new(&path, text);
    let mut schemas = Schemas { files, compiled: BTreeMap::new(), faults: Vec::new() };
    let read = written::parse(text, &mut faults).and_then(|toml| {
        let top = Table::whole(format!("policy `{}`", files.name), &toml);
        read_top(&top, files, &mut schemas, &mut faults)
    });
    all.append(&mut schemas.faults);
    all.extend(faults.into_list());
    read
}

fn read_top(
    top: &Table<'_>,
    files: &Files,
    schemas: &mut Schemas<'_>,
    faults: &mut Faults<'_>,
) -> Option<Read> {
    top.check_keys(&TOP, faults);
    let description = top.text("description", faults).map(|it| Arc::from(it.value));
    let services = read_services(top, faults);
    let mode = read_mode(top, faults);
    let detail = top.table("refusal", "`[refusal]`", faults).and_then(|it| {
        it.check_keys(&REFUSAL, faults);
        let words = [("code", Detail::Code), ("pointer", Detail::Pointer), ("full", Detail::Full)];
        it.word("detail", &words, faults)
    });
    let from = match top.table("from", "`[from]`", faults) {
        Some(table) => from::read(&table, schemas, faults),
        None => {
            if !top.has("from") {
                let help = "write a table `[from]` with `document = …`, or another kind of object";
                faults.add_with_help(&top.span, format!("{} has no `[from]`", top.name()), help);
            }
            None
        }
    };
    let source = from.as_ref().map(|it| &it.value);
    let bounds = vars::read_all(top, source, faults);
    let limits = limit::read_all(top, source, faults);
    let lookups = lookup::read_all(top, source, schemas, faults);
    let variables: Vec<Arc<str>> = source.iter().flat_map(|it| it.pattern.variables().cloned()).collect();
    let known: Vec<_> = lookups.iter().map(|it| it.value.name_in_scope()).collect();
    let patterns = AtomicUsize::new(0);
    let scopes = source.map(|it| scopes(it, &variables, &known, &patterns));
    let rules = when::read_all(top, scopes.as_ref().map(|it| &it.expressions), faults);
    let targets = target::read_all(top, source, scopes.as_ref(), schemas, faults);
    let stand = bounds.iter().filter(|it| it.value.exists.is_some()).map(|it| it.span.start);
    let looked_up = lookups.iter().map(|it| it.span.start).chain(stand);
    let lookup_places = looked_up.map(|it| faults.place(it)).collect();
    let lookups = lookups.iter().map(|it| it.value.clone()).collect();
    let from = from?;
    let parts = cost::Parts { mode, from: &from, bounds: &bounds, rules: &rules, targets: &targets };
    let cost = parts.cost();
    // What is wrong otherwise is told first: it says less of its cost.
    let right = faults.is_empty() && schemas.faults.is_empty();
    for (one, cost) in [("write", &cost), ("read", &parts.read_cost())] {
        if let Some((at, what, help)) = cost.fault(one).filter(|_| right) {
            faults.add_with_help(&(at..at), what, help);
        }
    }
    let rules: Vec<_> = rules.into_iter().map(|it| it.value).collect();
    let reads_previous = rules.iter().any(|it| it.that.reads_previous())
        || targets.iter().any(|it| {
            it.value.rewrite.reads_previous() || it.value.fold.as_ref().is_some_and(Folding::reads_previous)
        });
    let from_place = faults.place(from.span.start);
    let target_places = targets.iter().map(|it| faults.place(it.span.start)).collect();
    let policy = Policy {
        name: files.name.as_str().into(),
        // The compiler knows the hash once all files are read.
        version: "".into(),
        number: 0,
        description,
        mode,
        from: from.value,
        bounds: bounds.into_iter().map(|it| it.value).collect(),
        limits,
        lookups,
        rules,
        cost,
        targets: targets.into_iter().map(|it| it.value).collect(),
        reads_previous,
        detail: detail.map_or(Detail::Pointer, |it| it.value),
        services,
    };
    let schemas = schemas.compiled.keys().cloned().collect();
    Some(Read { policy, from_place, target_places, lookup_places, schemas })
}

/// What the rules and rewrites of a policy may name.
fn scopes<'p>(
    from: &'p Source,
    variables: &'p [Arc<str>],
    lookups: &'p [LookupName<'p>],
    patterns: &'p AtomicUsize,
) -> Scopes<'p> {
    let keyed = from.kind == ObjectKind::Map;
    let data = from.schema.as_ref().map_or(Typed::Unknown, |it| Typed::Schema(it.document()));
    // A message, and an item that is appended, have nothing before them.
    let previous = matches!(from.kind, ObjectKind::Document | ObjectKind::List | ObjectKind::Map);
    Scopes {
        native: Scope { variables, key: keyed },
        expressions: expression::Scope {
            variables,
            key: keyed,
            lookups,
            data,
            previous,
            reader: false,
            patterns,
        },
    }
}

fn read_mode(top: &Table<'_>, faults: &mut Faults<'_>) -> Mode {
    let words = [("enforce", Mode::Enforce), ("warn", Mode::Warn), ("off", Mode::Off)];
    top.word("mode", &words, faults).map_or(Mode::Enforce, |it| it.value)
}

fn read_services(top: &Table<'_>, faults: &mut Faults<'_>) -> Option<Vec<ServiceName>> {
    let listed = top.texts("services", faults)?;
    if listed.value.is_empty() {
        let help = "name one, or leave `services` out to govern each service";
        faults.add_with_help(&listed.span, "`services` names no service", help);
    }
    if POLICY_SERVICES_MAX < listed.value.len() {
        let what = format!("`services` names more than {POLICY_SERVICES_MAX} services");
        faults.add_with_help(&listed.span, what, "leave `services` out to govern each service");
    }
    let mut names: Vec<ServiceName> = Vec::new();
    for At { span, value } in listed.value {
        let name = match value.parse() {
            Ok(sid) => ServiceName::Sid(sid),
            Err(_) if crate::domain::sid::looks_like_a_sid(value) || value.is_empty() => {
                let help = "write a SID that begins with `IS`, or a unique name such as `default`";
                faults.add_with_help(&span, format!("`{value}` is not a service"), help);
                continue;
            }
            Err(_) => ServiceName::Unique(value.into()),
        };
        if names.contains(&name) {
            faults.add_with_help(&span, format!("the service `{value}` stands twice"), "take one out");
        }
        names.push(name);
    }
    Some(names)
}

/// Whether a folder's name can be a policy's name.
pub fn is_policy_name(name: &str) -> bool {
    name.len() <= POLICY_NAME_CHARS_MAX
        && name.starts_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit())
        && name.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-')
}

fn name_fault(files: &Files) -> Option<Fault> {
    let name = &files.name;
    (!is_policy_name(name)).then(|| {
        let help = format!("use small letters, digits and `-`, at most {POLICY_NAME_CHARS_MAX} characters");
        let place = Place::start(&format!("{}/policy.toml", files.path));
        place.fault(format!("the folder's name `{name}` cannot be a policy's name"), Some(help))
    })
}

/// The schemas of one policy: each file is compiled once, however often it is named.
struct Schemas<'f> {
    files: &'f Files,
    compiled: BTreeMap<String, Option<Schema>>,
    faults: Vec<Fault>,
}

impl Schemas<'_> {
    /// The schema that a table names with its key `schema`.
    fn read(&mut self, table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Schema> {
        let At { span, value: file } = table.text("schema", faults)?;
        if let Some(known) = self.compiled.get(file) {
            return known.clone();
        }
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\']) {
            let help = "put the schema beside `policy.toml` and write its file name";
            faults.add_with_help(&span, format!("`schema` must be a file name, not `{file}`"), help);
            return None;
        }
        if !file.ends_with(".json") {
            let what = format!("the name of a schema's file must end in `.json`, not `{file}`");
            faults.add_with_help(&span, what, "rename the file");
            return None;
        }
        let Some(content) = self.files.schemas.get(file) else {
            let what = format!("there is no file `{file}` beside `policy.toml`");
            let beside: Vec<&str> = self.files.schemas.keys().map(String::as_str).collect();
            let help = match meant(file, beside.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if beside.is_empty() => "write it: `{}` accepts every object".to_owned(),
                None => format!("there are {}", listed(&beside)),
            };
            faults.add_with_help(&span, what, help);
            return None;
        };
        let schema = match content.text() {
            Ok(text) => {
                let mut own = Faults::new(&format!("{}/{file}", self.files.path), text);
                let schema = Schema::compile(file, text, &mut own);
                self.faults.extend(own.into_list());
                schema
            }
            Err(why) => {
                faults.note(&span, format!("`{file}` {}", why.what), why.help());
                None
            }
        };
        self.compiled.insert(file.to_owned(), schema.clone());
        schema
    }
}
