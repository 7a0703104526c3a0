//! TypeScript types of what policies say of data, for whoever writes a client: the private and the shared side of
//! each policy, and functions that make its names.

mod form;
mod names;
mod schema;
mod derive;

use std::fmt::Write as _;

use crate::{
    domain::object::ObjectKind,
    policy::{
        compile::PolicySet,
        compiled::Policy,
        pattern::{Pattern, Segment},
        typescript::{
            form::{Type, comment},
            names::{Names, camel, parameter, pascal},
            schema::Declaration,
        },
    },
};

const HEAD: &str = "// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.\n";

const SEGMENT: &str = "
/** One segment of a name; with a `/` in it, or empty, the name would be another one. */
function segment(text: string): string {
  if (text === \"\" || text.includes(\"/\")) {
    throw new Error(`this cannot be part of a name: ${JSON.stringify(text)}`);
  }
  return text;
}
";

/// The names of helpers; no policy's name is theirs.
const PATH_SEGMENT: &str = "pathSegment";

const PATH: &str = "
/** A name or a key as one segment of a URL's path, for `fetch`: a `/` in it would begin another segment. */
export function pathSegment(name: string): string {
  return encodeURIComponent(name);
}
";

/// The module of a set of policies, as text.
pub fn typescript(set: &PolicySet) -> String {
    let mut module = Module { out: HEAD.to_owned(), types: Names::default(), values: Names::default() };
    module.values.take(PATH_SEGMENT);
    for policy in set.policies() {
        module.policy(policy);
    }
    if module.out.contains("${segment(") {
        module.out.push_str(SEGMENT);
    }
    if !set.policies().is_empty() {
        module.out.push_str(PATH);
    }
    module.out
}

struct Module {
    out: String,
    types: Names,
    values: Names,
}

impl Module {
    fn policy(&mut self, policy: &Policy) {
        let (large, small) = (pascal(&policy.name), camel(&policy.name));
        let from = &policy.from;
        let what = format!("private {} `{}` of the policy `{}`", from.kind, from.pattern, policy.name);
        let declared = match &from.schema {
            Some(schema) => self.declare(schema.document(), &format!("{large}Private")),
            None => vec![self.alone(&format!("{large}Private"), derive::unknown())],
        };
        self.types(&declared, from.kind, &what);
        self.name(&from.pattern, &format!("{small}Name"), &format!("The name of the {what}."));
        let private = declared.into_iter().next().map(|it| it.value).filter(|_| from.schema.is_some());
        for (number, target) in (1..).zip(&policy.targets) {
            // The first has no number, so a second one leaves its name as it is.
            let number = if number == 1 { String::new() } else { number.to_string() };
            let name = format!("{large}Shared{number}");
            let what = format!("shared {} `{}` of the policy `{}`", target.kind, target.name, policy.name);
            let declared = match (&target.fold, &target.schema) {
                // The schema is that of what each source brings; who reads gets the document of all.
                (Some(fold), schema) => {
                    let input = match schema {
                        Some(schema) => schema::alone(schema.document()),
                        None => Some(derive::shared(private.as_ref(), &target.rewrite)),
                    };
                    vec![self.alone(&name, derive::folded(fold, input.as_ref()))]
                }
                (None, Some(schema)) => self.declare(schema.document(), &name),
                (None, None) => vec![self.alone(&name, derive::shared(private.as_ref(), &target.rewrite))],
            };
            self.types(&declared, target.kind, &what);
            let about = format!("The name of the {what}.");
            self.name(&target.name, &format!("{small}SharedName{number}"), &about);
            if let Some(key) = &target.key {
                let about = format!("The key `{key}` of an item in the {what}.");
                self.name(key, &format!("{small}SharedKey{number}"), &about);
            }
        }
    }

    fn declare(&mut self, schema: &serde_json::Value, name: &str) -> Vec<Declaration> {
        let name = self.types.take(name);
        schema::declare(schema, &name, &mut self.types)
    }

    /// A type that no schema describes.
    fn alone(&mut self, name: &str, value: Type) -> Declaration {
        Declaration { name: self.types.take(name), about: None, value }
    }

    /// Writes the types of one schema; `what` is what the first of them is the data of.
    fn types(&mut self, declared: &[Declaration], kind: ObjectKind, what: &str) {
        let what = match kind {
            ObjectKind::Document => format!("The data of the {what}."),
            ObjectKind::List | ObjectKind::Map => format!("The data of each item of the {what}."),
            ObjectKind::Stream => format!("Each message of the {what}."),
        };
        for (at, Declaration { name, about, value }) in declared.iter().enumerate() {
            let about = match (about, at) {
                (Some(about), 0) => Some(format!("{about}\n\n{what}")),
                (None, 0) => Some(what.clone()),
                (about, _) => about.clone(),
            };
            let about = about.map(|it| comment(&it, 0)).unwrap_or_default();
            let text = value.text(0);
            // Writing to a text cannot fail.
            let _ = match value {
                Type::Object { fields, .. } if !fields.is_empty() => {
                    writeln!(self.out, "\n{about}export interface {name} {text}")
                }
                _ => writeln!(self.out, "\n{about}export type {name} = {text};"),
            };
        }
    }

    /// Writes what makes the names, or the keys, of a pattern.
    fn name(&mut self, pattern: &Pattern, name: &str, about: &str) {
        let (name, about) = (self.values.take(name), comment(about, 0));
        let parameters: Vec<String> = pattern.variables().map(|it| parameter(it) + ": string").collect();
        let text: Vec<String> = pattern.segments().iter().map(segment).collect();
        let text = format!("`{}`", text.join("/"));
        // Writing to a text cannot fail.
        let _ = if parameters.is_empty() {
            writeln!(self.out, "\n{about}export const {name} = {text};")
        } else {
            let parameters = parameters.join(", ");
            writeln!(
                self.out,
                "\n{about}export function {name}({parameters}): string {{\n  return {text};\n}}"
            )
        };
    }
}

/// One segment within a template literal.
fn segment(of: &Segment) -> String {
    match of {
        Segment::Literal(text) => text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${"),
        Segment::Variable(name) => format!("${{segment({})}}", parameter(name)),
    }
}

#[cfg(test)]
mod tests;
