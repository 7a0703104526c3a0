//! A TypeScript type as a value, and its text.

use std::fmt::Write as _;

use serde_json::Value;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// Nothing is known of it.
    Unknown,
    /// No value has it.
    Never,
    /// One of the language's own: `string`, `number`, `boolean`, `null`, `undefined`.
    Plain(&'static str),
    /// One value.
    Literal(Value),
    /// A type that is declared elsewhere.
    Named(String),
    /// Any number of elements.
    Array(Box<Type>),
    /// The first elements, of which some may be left out, and the type of those behind them.
    Tuple { first: Vec<(Type, Presence)>, rest: Option<Box<Type>> },
    /// Fields, and the type of all others.
    Object { fields: Vec<Field>, others: Option<Box<Type>> },
    /// One of several.
    Union(Vec<Type>),
    /// All of several at once.
    Both(Vec<Type>),
}

/// Whether something may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) about: Option<String>,
    pub(super) presence: Presence,
    pub(super) value: Type,
}

impl Field {
    /// A field without a word about it.
    pub(super) fn bare(name: &str, presence: Presence, value: Type) -> Self {
        Self { name: name.to_owned(), about: None, presence, value }
    }
}

impl Type {
    /// One of several: what is named twice, or says nothing, is left out.
    pub(super) fn union(of: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        for one in of {
            match one {
                Self::Unknown => return Self::Unknown,
                Self::Never => (),
                Self::Union(inner) => inner.into_iter().for_each(|it| add(&mut parts, it)),
                other => add(&mut parts, other),
            }
        }
        Self::only(parts, Self::Never, Self::Union)
    }

    /// All of several at once.
    pub(super) fn both(of: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        for one in of {
            match one {
                Self::Never => return Self::Never,
                Self::Unknown => (),
                Self::Both(inner) => inner.into_iter().for_each(|it| add(&mut parts, it)),
                other => add(&mut parts, other),
            }
        }
        Self::only(parts, Self::Unknown, Self::Both)
    }

    fn only(mut parts: Vec<Self>, none: Self, several: fn(Vec<Self>) -> Self) -> Self {
        match parts.len() {
            0 => none,
            1 => parts.pop().unwrap_or(none),
            _ => several(parts),
        }
    }

    /// An object whose other fields have a type, too. TypeScript wants the type of all others to hold those that
    /// are named; where that would repeat a type that is written out, it is `unknown`, so that the text stays
    /// as small as the schema.
    pub(super) fn object(fields: Vec<Field>, others: Option<Self>) -> Self {
        let others = others.map(|it| {
            if fields.iter().any(|field| field.value.is_written_out()) {
                return Box::new(Self::Unknown);
            }
            let left_out = fields.iter().any(|it| it.presence == Presence::Optional);
            let undefined = left_out.then_some(Self::Plain("undefined"));
            let own = fields.iter().map(|it| it.value.clone());
            Box::new(Self::union(std::iter::once(it).chain(own).chain(undefined)))
        });
        Self::Object { fields, others }
    }

    fn is_written_out(&self) -> bool {
        match self {
            Self::Unknown | Self::Never | Self::Plain(_) | Self::Named(_) => false,
            Self::Literal(value) => value.is_array() || value.is_object(),
            Self::Array(inner) => inner.is_written_out(),
            Self::Tuple { .. } | Self::Object { .. } | Self::Both(_) => true,
            Self::Union(parts) => parts.iter().any(Self::is_written_out),
        }
    }

    /// Its text; lines after the first are indented by `depth` steps.
    pub(super) fn text(&self, depth: usize) -> String {
        match self {
            Self::Unknown => "unknown".to_owned(),
            Self::Never => "never".to_owned(),
            Self::Plain(word) => (*word).to_owned(),
            Self::Literal(value) => literal(value),
            Self::Named(name) => name.clone(),
            Self::Array(element) => format!("{}[]", element.atom(depth)),
            Self::Tuple { first, rest } => {
                let one = |it: &(Self, Presence)| match it.1 {
                    Presence::Required => it.0.text(depth),
                    Presence::Optional => format!("{}?", it.0.atom(depth)),
                };
                let rest = rest.iter().map(|it| format!("...{}[]", it.atom(depth)));
                format!("[{}]", first.iter().map(one).chain(rest).collect::<Vec<_>>().join(", "))
            }
            Self::Object { fields, others } => object(fields, others.as_deref(), depth),
            Self::Union(parts) => joined(parts, " | ", depth),
            Self::Both(parts) => joined(parts, " & ", depth),
        }
    }

    /// Its text, in parentheses when something that binds more closely stands beside it.
    fn atom(&self, depth: usize) -> String {
        match self {
            Self::Union(_) | Self::Both(_) => format!("({})", self.text(depth)),
            _ => self.text(depth),
        }
    }
}

fn add(parts: &mut Vec<Type>, part: Type) {
    if !parts.contains(&part) {
        parts.push(part);
    }
}

fn joined(parts: &[Type], between: &str, depth: usize) -> String {
    parts.iter().map(|it| it.atom(depth)).collect::<Vec<_>>().join(between)
}

fn object(fields: &[Field], others: Option<&Type>, depth: usize) -> String {
    if fields.is_empty() {
        return format!("Record<string, {}>", others.unwrap_or(&Type::Never).text(depth));
    }
    let indent = "  ".repeat(depth + 1);
    let mut out = "{\n".to_owned();
    for Field { name, about, presence, value } in fields {
        if let Some(about) = about {
            out.push_str(&comment(about, depth + 1));
        }
        let mark = if *presence == Presence::Optional { "?" } else { "" };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{indent}{}{mark}: {};", key(name), value.text(depth + 1));
    }
    if let Some(others) = others {
        let _ = writeln!(out, "{indent}[key: string]: {};", others.text(depth + 1));
    }
    out + &"  ".repeat(depth) + "}"
}

/// A comment of one line or of several, which nothing in the text can end.
pub(super) fn comment(about: &str, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let about = about.replace("*/", "*\\/");
    let lines: Vec<&str> = about.split(['\n', '\r', '\u{2028}', '\u{2029}']).map(str::trim_end).collect();
    match lines.as_slice() {
        [only] => format!("{indent}/** {only} */\n"),
        several => {
            let line = |it: &&str| format!("{indent} * {it}").trim_end().to_owned() + "\n";
            format!("{indent}/**\n{}{indent} */\n", several.iter().map(line).collect::<String>())
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) if entries.is_empty() => "Record<string, never>".to_owned(),
        Value::Object(entries) => {
            let one = |(name, value): (&String, &Value)| format!("{}: {}", key(name), literal(value));
            format!("{{ {} }}", entries.iter().map(one).collect::<Vec<_>>().join("; "))
        }
        plain => plain.to_string(),
    }
}

/// The key of a field: bare when it may be.
fn key(name: &str) -> String {
    let bare = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_' || it == '$')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '$');
    if bare { name.to_owned() } else { Value::from(name).to_string() }
}
