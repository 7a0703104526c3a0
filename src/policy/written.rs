//! TOML as it was written: tables whose values are taken by type, with the place of each fault.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    domain::limits::{DATA_DEPTH_MAX, SAFE_INTEGER_MAX},
    policy::fault::{Faults, meant},
};

/// The keys that a table may have, and those that a later version will know.
pub(super) struct Keys {
    pub(super) known: &'static [&'static str],
    pub(super) later: &'static [&'static str],
    /// Keys of other tables, with where they belong.
    pub(super) elsewhere: &'static [(&'static str, &'static str)],
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) span: Range<usize>,
    pub(super) value: T,
}

/// One table of a file.
#[derive(Clone)]
pub(super) struct Table<'t> {
    name: String,
    pub(super) span: Range<usize>,
    entries: &'t DeTable<'t>,
}

/// What a key asks of its value.
#[derive(Clone, Copy)]
enum Wanted {
    Text,
    Boolean,
    Number,
    Texts,
    Table,
    Tables,
}

impl Wanted {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Boolean => "`true` or `false`",
            Self::Number => "a whole number",
            Self::Texts => "an array of texts",
            Self::Table => "a table",
            Self::Tables => "an array of tables",
        }
    }

    /// How to make it of what was found, where that is a small step.
    fn help(self, key: &str, found: &DeValue<'_>) -> Option<String> {
        let bare = |it: &str| it.parse::<u32>().is_ok() || it.parse::<bool>().is_ok();
        match (self, found) {
            (Self::Text, DeValue::Array(_) | DeValue::Table(_)) => None,
            (Self::Text, _) => Some("put it into quotes".to_owned()),
            (Self::Boolean | Self::Number, DeValue::String(text)) => {
                bare(text).then(|| "leave out the quotes".to_owned())
            }
            (Self::Texts, DeValue::String(_)) => Some("put it between `[` and `]`".to_owned()),
            (Self::Table, _) => Some(format!("write `{key} = {{ … }}`")),
            (Self::Tables, _) => Some(format!("write `[[{key}]]`, and its keys below")),
            _ => None,
        }
    }
}

/// Parses a whole file; syntax errors become faults.
pub(super) fn parse<'t>(text: &'t str, faults: &mut Faults<'_>) -> Option<Spanned<DeTable<'t>>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        faults.add(&error.span().unwrap_or(0..0), format!("not TOML: {what}"));
    }
    errors.is_empty().then_some(table)
}

impl<'t> Table<'t> {
    /// The table of a whole file, called `name` in faults.
    pub(super) fn whole(name: String, table: &'t Spanned<DeTable<'t>>) -> Self {
        Self { name, span: 0..0, entries: table.get_ref() }
    }

    /// A value that is a table, called `name` in faults.
    pub(super) fn inner(name: &str, value: &'t Spanned<DeValue<'t>>) -> Option<Self> {
        let DeValue::Table(entries) = value.get_ref() else { return None };
        Some(Self { name: name.to_owned(), span: value.span(), entries })
    }

    /// What faults call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the key stands.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The place of a key, or of the table when it does not stand.
    pub(super) fn key_span(&self, key: &str) -> Range<usize> {
        self.entries.get_key_value(key).map_or_else(|| self.span.clone(), |it| it.0.span())
    }

    /// Faults for each key that is not known.
    pub(super) fn check_keys(&self, keys: &Keys, faults: &mut Faults<'_>) {
        for key in self.entries.keys() {
            let (word, span) = (&**key.get_ref(), key.span());
            if keys.known.contains(&word) {
                continue;
            }
            if keys.later.contains(&word) {
                let what = format!("`{word}` is not supported in this version");
                faults.add_with_help(&span, what, "take it out: the word is kept for a later version");
                continue;
            }
            let what = format!("unknown key `{word}` in {}", self.name);
            if let Some((_, home)) = keys.elsewhere.iter().find(|it| it.0 == word) {
                faults.add_with_help(&span, what, format!("`{word}` belongs {home}"));
            } else if let Some(near) = meant(word, keys.known.iter().copied()) {
                faults.add_with_help(&span, what, format!("did you mean `{near}`?"));
            } else {
                faults.add_with_help(&span, what, format!("known are {}", listed(keys.known)));
            }
        }
    }

    fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.entries.get(key)
    }

    /// Notes a value of another kind; the `wanted` one is said with how to write it.
    fn wrong(&self, key: &str, wanted: Wanted, found: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
        let (words, kind) = (wanted.words(), kind(found.get_ref()));
        let what = format!("`{key}` must be {words}, not {kind}");
        faults.note(&found.span(), what, wanted.help(key, found.get_ref()));
    }

    /// A text.
    pub(super) fn text(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<&'t str>> {
        let found = self.value(key)?;
        let text = found.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, Wanted::Text, found, faults);
        }
        text.map(|value| At { span: found.span(), value })
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
        faults: &mut Faults<'_>,
    ) -> Option<At<T>> {
        let text = self.text(key, faults)?;
        let found = words.iter().find(|it| it.0 == text.value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|it| it.0).collect();
            let help = meant(text.value, known.iter().copied()).map_or_else(
                || format!("write one of {}", listed(&known)),
                |it| format!("did you mean `{it}`?"),
            );
            faults.add_with_help(&text.span, format!("`{key}` cannot be `{}`", text.value), help);
        }
        found.map(|it| At { span: text.span, value: it.1 })
    }

    /// A boolean.
    pub(super) fn boolean(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<bool>> {
        let found = self.value(key)?;
        let value = found.get_ref().as_bool();
        if value.is_none() {
            self.wrong(key, Wanted::Boolean, found, faults);
        }
        value.map(|value| At { span: found.span(), value })
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        key: &str,
        bounds: std::ops::RangeInclusive<u32>,
        faults: &mut Faults<'_>,
    ) -> Option<u32> {
        let found = self.value(key)?;
        let Some(number) = found.get_ref().as_integer() else {
            self.wrong(key, Wanted::Number, found, faults);
            return None;
        };
        let value =
            u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|it| bounds.contains(it));
        if value.is_none() {
            let (start, end) = bounds.into_inner();
            faults.add(&found.span(), format!("`{key}` must be from {start} to {end}, not {number}"));
        }
        value
    }

    /// An array of texts.
    pub(super) fn texts(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<Vec<At<&'t str>>>> {
        let found = self.value(key)?;
        let Some(items) = found.get_ref().as_array() else {
            self.wrong(key, Wanted::Texts, found, faults);
            return None;
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(value) => texts.push(At { span: item.span(), value }),
                None => self.wrong(key, Wanted::Texts, item, faults),
            }
        }
        Some(At { span: found.span(), value: texts })
    }

    /// A table within.
    pub(super) fn table(&self, key: &str, name: &str, faults: &mut Faults<'_>) -> Option<Table<'t>> {
        let found = self.value(key)?;
        match found.get_ref() {
            DeValue::Table(entries) => {
                Some(Table { name: name.to_owned(), span: self.key_span(key), entries })
            }
            DeValue::Array(_) => {
                let what = format!("`{key}` stands once in {}", self.name);
                faults.add_with_help(&self.key_span(key), what, format!("write `[{key}]`, not `[[{key}]]`"));
                None
            }
            _ => {
                self.wrong(key, Wanted::Table, found, faults);
                None
            }
        }
    }

    /// An array of tables.
    pub(super) fn tables(&self, key: &str, name: &str, faults: &mut Faults<'_>) -> Vec<Table<'t>> {
        let Some(found) = self.value(key) else { return Vec::new() };
        let mut tables = Vec::new();
        match found.get_ref() {
            DeValue::Array(items) => {
                for item in items.iter() {
                    match item.get_ref() {
                        DeValue::Table(entries) => {
                            tables.push(Table { name: name.to_owned(), span: item.span(), entries });
                        }
                        _ => self.wrong(key, Wanted::Tables, item, faults),
                    }
                }
            }
            DeValue::Table(_) => {
                let what = format!("`{key}` is an array of tables");
                faults.add_with_help(&self.key_span(key), what, format!("write `[[{key}]]`, not `[{key}]`"));
            }
            _ => self.wrong(key, Wanted::Tables, found, faults),
        }
        tables
    }

    /// All entries in the order in which they were written.
    pub(super) fn entries(&self) -> Vec<(At<&'t str>, &'t Spanned<DeValue<'t>>)> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| (At { span: key.span(), value: &**key.get_ref() }, value))
            .collect();
        entries.sort_by_key(|it| it.0.span.start);
        entries
    }

    /// The raw value.
    pub(super) fn raw(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.value(key)
    }
}

/// A TOML value as JSON; dates, `nan`, `inf` and integers beyond ±2^53 have no JSON form here.
pub(super) fn to_json(value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Value> {
    json_at(value, 0, faults)
}

fn json_at(value: &Spanned<DeValue<'_>>, depth: usize, faults: &mut Faults<'_>) -> Option<Value> {
    if DATA_DEPTH_MAX < depth {
        faults.add(&value.span(), format!("nested deeper than {DATA_DEPTH_MAX} levels"));
        return None;
    }
    match value.get_ref() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(it) => Some(Value::Bool(*it)),
        DeValue::Integer(it) => {
            let number = i64::from_str_radix(it.as_str(), it.radix()).ok();
            let safe = number.filter(|it| (-SAFE_INTEGER_MAX..=SAFE_INTEGER_MAX).contains(it));
            if safe.is_none() {
                let what = "an integer beyond 2^53 loses digits in JavaScript";
                faults.add_with_help(&value.span(), what, "put it into quotes");
            }
            safe.map(Value::from)
        }
        DeValue::Float(it) => {
            let number = it.as_str().parse().ok().and_then(Number::from_f64);
            if number.is_none() {
                let what = format!("`{}` has no JSON form", it.as_str());
                faults.add_with_help(&value.span(), what, "write a number");
            }
            number.map(Value::Number)
        }
        DeValue::Datetime(_) => {
            faults.add_with_help(&value.span(), "a date has no JSON form", "put it into quotes");
            None
        }
        DeValue::Array(items) => items.iter().map(|it| json_at(it, depth + 1, faults)).collect(),
        DeValue::Table(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|it| it.0.span().start);
            let mut object = Map::new();
            for (key, value) in entries {
                if key.get_ref() == "__proto__" {
                    faults.add_with_help(
                        &key.span(),
                        "the key `__proto__` is not allowed",
                        "choose another key",
                    );
                    return None;
                }
                object.insert(key.get_ref().to_string(), json_at(value, depth + 1, faults)?);
            }
            Some(Value::Object(object))
        }
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a decimal",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// Words in backticks, with commas between them.
pub(super) fn listed(words: &[&str]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
