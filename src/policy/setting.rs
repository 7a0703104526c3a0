//! What `set` puts into published data: a fact about the write, a constant, a filled text, or an expression.

use std::sync::Arc;

use serde_json::{Number, Value};

use crate::{
    domain::limits::{SAFE_INTEGER_MAX, UNTYPED_VALUES_MAX},
    policy::{
        expression::Expression,
        pattern::{IDENTITY, KEY, PSEUDONYM},
        template::Bindings,
        text::Text,
    },
};

/// One value of `set` or `template`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting {
    /// The identity that wrote.
    Identity,
    /// The time of the write, as RFC 3339 text.
    Now,
    /// A field of the token's claims, by its path.
    Claim(Vec<String>),
    /// What a variable captured.
    Capture(Arc<str>),
    /// The key of the source's item.
    Key,
    /// A keyed hash of the identity (decision 35).
    Pseudonym,
    /// This value.
    Constant(Value),
    /// A text with holes.
    Text(Text),
    /// What an expression gives.
    Expression(Expression),
}

/// The variables that a setting may name.
pub(super) struct Scope<'p> {
    /// What `from` binds.
    pub(super) variables: &'p [Arc<str>],
    /// Whether the source has items with keys.
    pub(super) key: bool,
}

impl Scope<'_> {
    /// The variables, `{key}` included.
    pub(super) fn names(&self) -> Vec<&str> {
        self.variables.iter().map(|it| &**it).chain(self.key.then_some(KEY)).collect()
    }
}

/// Why a text is no setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSetting {
    #[error("`{text}` names nothing here")]
    Unknown { text: String, known: String },
    /// It is to be compiled as an expression.
    #[error("`{text}` is an expression")]
    Expression { text: String },
    /// The same: it begins with the data.
    #[error("`{text}` is a path into the data")]
    Data { text: String },
    #[error("`{text}` must name one field of the claims")]
    Claims { text: String },
    #[error("`{text}` is a text that does not end, or holds an unknown escape")]
    Quotes { text: String },
    #[error("`{text}`: an integer beyond 2^53 loses digits in JavaScript")]
    Integer { text: String },
}

impl BadSetting {
    /// How to mend it.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { text, known } => {
                Some(format!("for the text itself write \"'{text}'\"; known are {known} and `claims.…`"))
            }
            Self::Claims { .. } => Some("write `claims.` and names joined by `.`".to_owned()),
            Self::Quotes { .. } => {
                Some(r"known escapes are \\, \', \n, \r and \t, and the quotes".to_owned())
            }
            Self::Integer { text } => Some(format!("for the text itself write \"'{text}'\"")),
            Self::Expression { .. } | Self::Data { .. } => None,
        }
    }
}

impl Setting {
    /// Parses the text of a setting.
    pub(super) fn parse(text: &str, scope: &Scope<'_>) -> Result<Self, BadSetting> {
        let text = text.trim();
        match text {
            "identity" | "vars.identity" => return Ok(Self::Identity),
            "now" => return Ok(Self::Now),
            PSEUDONYM => return Ok(Self::Pseudonym),
            "true" => return Ok(Self::Constant(Value::Bool(true))),
            "false" => return Ok(Self::Constant(Value::Bool(false))),
            "null" => return Ok(Self::Constant(Value::Null)),
            _ => (),
        }
        if text.starts_with(['\'', '"']) {
            return quoted(text);
        }
        if text.starts_with(|it: char| it.is_ascii_digit() || it == '-') {
            return number(text);
        }
        if !text.split('.').all(is_word) {
            return Err(BadSetting::Expression { text: text.to_owned() });
        }
        if text == "claims" {
            return Err(BadSetting::Claims { text: text.to_owned() });
        }
        if let Some(path) = text.strip_prefix("claims.") {
            return Ok(Self::Claim(path.split('.').map(str::to_owned).collect()));
        }
        if text == "data" || text.starts_with("data.") {
            return Err(BadSetting::Data { text: text.to_owned() });
        }
        let variable = text.strip_prefix("vars.").unwrap_or(text);
        if scope.key && variable == KEY {
            return Ok(Self::Key);
        }
        if let Some(found) = scope.variables.iter().find(|it| &***it == variable) {
            return Ok(Self::Capture(found.clone()));
        }
        let mut known = vec![IDENTITY, "now"];
        known.extend(scope.names().into_iter().filter(|it| *it != IDENTITY));
        Err(BadSetting::Unknown { text: text.to_owned(), known: super::written::listed(&known) })
    }

    /// The value, or what is missing; `data` is the private side's.
    pub(super) fn value(&self, data: &Value, bindings: &Bindings<'_>) -> Result<Value, String> {
        match self {
            Self::Pseudonym => Ok(Value::String(bindings.pseudonym.to_owned())),
            Self::Text(text) => text
                .fill(|it| bindings.text(it))
                .map(Value::String)
                .map_err(|it| format!("`{{{it}}}` stands for nothing here")),
            Self::Expression(it) => it.value(&bindings.names(data)).map_err(|fault| fault.message),
            Self::Identity => Ok(Value::String(bindings.identity.as_str().to_owned())),
            Self::Now => Ok(Value::String(bindings.now.to_text())),
            Self::Constant(value) => Ok(value.clone()),
            Self::Capture(variable) => bindings
                .captures
                .get(variable)
                .map(|it| Value::String(it.to_owned()))
                .ok_or_else(|| format!("`{{{variable}}}` was not captured")),
            Self::Key => bindings
                .item_key
                .map(|it| Value::String(it.as_str().to_owned()))
                .ok_or_else(|| "the item has no key".to_owned()),
            Self::Claim(path) => path
                .iter()
                .try_fold(bindings.claims, |it, step| it.get(step))
                .ok_or_else(|| format!("the token has no claim `claims.{}`", path.join(".")))
                .and_then(|it| match values(it) <= UNTYPED_VALUES_MAX {
                    true => Ok(it.clone()),
                    false => {
                        Err(format!("`claims.{}` has more than {UNTYPED_VALUES_MAX} values", path.join(".")))
                    }
                }),
        }
    }
}

/// How many values there are in one, itself among them.
fn values(of: &Value) -> u64 {
    match of {
        Value::Array(items) => 1 + items.iter().map(values).sum::<u64>(),
        Value::Object(entries) => 1 + entries.values().map(values).sum::<u64>(),
        _ => 1,
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

fn quoted(text: &str) -> Result<Setting, BadSetting> {
    let bad = || BadSetting::Quotes { text: text.to_owned() };
    let mut letters = text.chars();
    let quote = letters.next().ok_or_else(bad)?;
    let mut out = String::new();
    loop {
        match letters.next().ok_or_else(bad)? {
            '\\' => out.push(match letters.next().ok_or_else(bad)? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                it @ ('\\' | '\'' | '"') => it,
                _ => return Err(bad()),
            }),
            it if it == quote => break,
            it => out.push(it),
        }
    }
    if letters.next().is_some() {
        return Err(BadSetting::Expression { text: text.to_owned() });
    }
    Ok(Setting::Constant(Value::String(out)))
}

fn number(text: &str) -> Result<Setting, BadSetting> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()) {
        let safe = text.parse().ok().filter(|it| (-SAFE_INTEGER_MAX..=SAFE_INTEGER_MAX).contains(it));
        return safe
            .map(|it| Setting::Constant(Value::from(it)))
            .ok_or_else(|| BadSetting::Integer { text: text.to_owned() });
    }
    let decimal =
        digits.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'.' | b'e' | b'E' | b'+' | b'-'));
    let parsed = text.parse().ok().filter(|_| decimal).and_then(Number::from_f64);
    parsed
        .map(|it| Setting::Constant(Value::Number(it)))
        .ok_or_else(|| BadSetting::Expression { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<Setting, BadSetting> {
        let variables: Vec<Arc<str>> = vec!["room".into(), "identity".into()];
        Setting::parse(text, &Scope { variables: &variables, key: true })
    }

    #[test]
    fn settings_are_facts_or_constants() {
        assert_eq!(parse("identity"), Ok(Setting::Identity));
        assert_eq!(parse("now"), Ok(Setting::Now));
        assert_eq!(parse("claims.a.b_2"), Ok(Setting::Claim(vec!["a".into(), "b_2".into()])));
        assert_eq!(parse("vars.room"), Ok(Setting::Capture("room".into())));
        assert_eq!(parse("key"), Ok(Setting::Key));
        for (text, value) in [
            (r"'a\'b\n'", json!("a'b\n")),
            (r#""é""#, json!("é")),
            ("-12", json!(-12)),
            ("1.5e1", json!(15.0)),
            ("true", json!(true)),
            ("null", json!(null)),
        ] {
            assert_eq!(parse(text), Ok(Setting::Constant(value)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_told_apart() {
        assert!(matches!(parse("Ada"), Err(BadSetting::Unknown { .. })));
        assert!(matches!(parse("claims.a + 1"), Err(BadSetting::Expression { .. })));
        assert!(matches!(parse("'a' + 'b'"), Err(BadSetting::Expression { .. })));
        assert!(matches!(parse("1 + 1"), Err(BadSetting::Expression { .. })));
        assert!(matches!(parse("data.x"), Err(BadSetting::Data { .. })));
        assert!(matches!(parse("claims"), Err(BadSetting::Claims { .. })));
        assert!(matches!(parse("'a"), Err(BadSetting::Quotes { .. })));
        assert!(matches!(parse(r"'\x'"), Err(BadSetting::Quotes { .. })));
        assert!(matches!(parse("9007199254740993"), Err(BadSetting::Integer { .. })));
    }
}
