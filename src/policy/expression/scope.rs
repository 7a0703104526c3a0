//! The names that an expression can use, with what is known of each.

use std::sync::atomic::Ordering;

use crate::{
    domain::limits::{IDENTITY_CHARS_MAX, NAME_CHARS_MAX},
    policy::expression::{
        LookupName, Scope, Typed,
        path::{Path, Root, Step},
        schema,
        shape::{Field, ShapeId, Shapes, Size},
    },
};

/// The names of the scope, and the variables of the comprehensions around what is looked at.
pub(super) struct Known<'s> {
    scope: &'s Scope<'s>,
    roots: Roots,
    locals: Vec<Local>,
    locals_made: usize,
}

/// A variable of a comprehension.
struct Local {
    path: Path,
    shape: ShapeId,
    /// How large all the items are together.
    whole: Size,
}

/// The shapes of the names.
struct Roots {
    data: ShapeId,
    previous: ShapeId,
    variables: ShapeId,
    reader: ShapeId,
    name: ShapeId,
    identity: ShapeId,
    /// In the order of the scope.
    lookups: Vec<ShapeId>,
}

impl Roots {
    fn of(scope: &Scope<'_>, shapes: &mut Shapes) -> Self {
        let data = match scope.data {
            Typed::Schema(root) => schema::shape(root, shapes),
            Typed::Unknown => Shapes::OBJECT,
        };
        let previous = shapes.or_null(data);
        let name = shapes.text(4 * NAME_CHARS_MAX as u64);
        let identity = shapes.text(4 * IDENTITY_CHARS_MAX as u64);
        let field = |it: &str, shape: ShapeId| Field { name: it.into(), shape, required: true };
        let variables = shapes.object(scope.variables.iter().map(|it| field(it, name)).collect());
        let reader = shapes.object(vec![field("identity", identity), field("claims", Shapes::CLAIMS)]);
        let lookup = |it: &LookupName<'_>| match (it.schema, it.required) {
            (Some(root), true) => schema::shape(root, shapes),
            (Some(root), false) => {
                let shape = schema::shape(root, shapes);
                shapes.or_null(shape)
            }
            (None, true) => Shapes::OBJECT,
            (None, false) => Shapes::OBJECT_OR_NULL,
        };
        let lookups = scope.lookups.iter().map(lookup).collect();
        Self { data, previous, variables, reader, name, identity, lookups }
    }
}

impl<'s> Known<'s> {
    pub(super) fn new(scope: &'s Scope<'s>, shapes: &mut Shapes) -> Self {
        Self { scope, roots: Roots::of(scope, shapes), locals: Vec::new(), locals_made: 0 }
    }

    /// Brings a variable of a comprehension into scope.
    pub(super) fn push(&mut self, name: &str, shape: ShapeId, whole: Size) {
        self.locals_made += 1;
        let path = Path::of(Root::Local(self.locals_made, name.into()));
        self.locals.push(Local { path, shape, whole });
    }

    /// Ends the scope of the last variable.
    pub(super) fn pop(&mut self) {
        self.locals.pop();
    }

    /// How many comprehensions lie around what is looked at.
    pub(super) fn loops(&self) -> usize {
        self.locals.len()
    }

    /// How large all the items are together of which `path` is one, or a part of one; if each is looked at once.
    pub(super) fn whole(&self, path: &Path) -> Option<Size> {
        let [local] = self.locals.as_slice() else { return None };
        (local.path.root == path.root).then_some(local.whole)
    }

    /// The path and the shape that a name stands for.
    pub(super) fn root(&self, name: &str) -> Option<(Path, ShapeId)> {
        if let Some(local) = self.locals.iter().find(|it| it.path.root.to_string() == name) {
            return Some((local.path.clone(), local.shape));
        }
        let (scope, roots) = (self.scope, &self.roots);
        let lookup = || scope.lookups.iter().position(|it| it.name == name);
        let found = match name {
            "vars" => (Root::Variables, roots.variables),
            "key" if scope.key => (Root::Key, roots.name),
            "reader" if scope.reader => (Root::Reader, roots.reader),
            "data" if !scope.reader => (Root::Data, roots.data),
            "previous" if !scope.reader && scope.previous => (Root::Previous, roots.previous),
            "claims" if !scope.reader => (Root::Claims, Shapes::CLAIMS),
            "identity" if !scope.reader => (Root::Identity, roots.identity),
            "now" if !scope.reader => (Root::Now, Shapes::TIME),
            // Whose identity is meant, where one reads what another wrote? That has to be said.
            "identity" | "data" | "previous" | "claims" | "now" => return None,
            _ => match lookup().filter(|_| !scope.reader) {
                Some(at) => {
                    let shape = roots.lookups.get(at).copied().unwrap_or(Shapes::OBJECT_OR_NULL);
                    (Root::Lookup(at, name.into()), shape)
                }
                None if scope.variables.iter().any(|it| &**it == name) => {
                    return Some((Path::of(Root::Variables).then(Step::Field(name.into())), roots.name));
                }
                None => return None,
            },
        };
        Some((Path::of(found.0), found.1))
    }

    /// Counts one more regular expression of the policy; gives how many there are.
    pub(super) fn count_pattern(&self) -> usize {
        self.scope.patterns.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The names that can stand.
    pub(super) fn names(&self) -> Vec<String> {
        const ROOTS: [&str; 8] = ["data", "previous", "claims", "identity", "now", "vars", "key", "reader"];
        let lookups = self.scope.lookups.iter().map(|it| it.name.to_owned());
        let variables = self.scope.variables.iter().map(|it| it.to_string());
        let locals = self.locals.iter().map(|it| it.path.root.to_string());
        let mut names: Vec<String> = ROOTS.iter().map(|it| (*it).to_owned()).collect();
        names.extend(lookups.chain(variables).chain(locals));
        names.retain(|it| self.root(it).is_some());
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|it| seen.insert(it.clone()));
        names
    }
}
