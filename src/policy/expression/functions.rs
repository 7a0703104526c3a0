//! The functions that evaluation has beside those of the crate: regular expressions that were compiled before,
//! numbers of two sorts, and the keys of an object in an order that is always the same.

use std::{
    any::Any,
    cmp::Ordering,
    sync::{Arc, LazyLock},
};

use cel::{
    DeclarationError, Env, ExecutionError,
    common::{
        types::{
            CelBool, CelDouble, CelInt, CelList, CelMap, CelString, DOUBLE_TYPE, DYN_TYPE, INT_TYPE,
            LIST_TYPE, MAP_TYPE, STRING_TYPE, Type,
        },
        value::{CowVal, StaticVal, Val},
    },
};
use regex::{Regex, RegexBuilder};

use crate::domain::limits::{PATTERN_BYTES_MAX, PATTERN_CACHE_BYTES_MAX};

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// A regular expression, as a value that only `@matches` takes.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

static PATTERN: Type = Type::new_unspecified_type("pattern");

impl Pattern {
    /// Compiles it within bounds: its time is linear in the text, its size is limited.
    pub(super) fn compile(text: &str) -> Option<Self> {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_CACHE_BYTES_MAX);
        builder.build().ok().map(Self)
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// The functions of all expressions: a table that never changes, made once.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut environment = Env::default().with_optional_support(false).with_stdlib();
        // The names begin with `@`, which no declaration of the crate does: nothing can be declared twice.
        let declared = declare(&mut environment);
        debug_assert!(declared.is_ok(), "{declared:?}");
        Arc::new(environment)
    });
    ENVIRONMENT.clone()
}

fn declare(environment: &mut Env) -> Result<(), DeclarationError> {
    let doubles = || vec![DOUBLE_TYPE, DOUBLE_TYPE];
    environment.add_overload("@matches", "matches", vec![STRING_TYPE, DYN_TYPE], matches)?;
    environment.add_overload("@number", "number", vec![DYN_TYPE], number)?;
    environment.add_overload("@no_map", "no_map", vec![DYN_TYPE], no_map)?;
    environment.add_overload("@keys", "keys_of_map", vec![MAP_TYPE], keys)?;
    environment.add_overload("@keys", "keys_of_list", vec![LIST_TYPE], first)?;
    environment.add_overload("@modulo", "modulo", doubles(), modulo)?;
    environment.add_overload("@divide", "divide", doubles(), divide)?;
    environment.add_overload("@min", "min_double", doubles(), |args| extreme(args, Ordering::Less))?;
    environment.add_overload("@max", "max_double", doubles(), |args| extreme(args, Ordering::Greater))?;
    let integers = || vec![INT_TYPE, INT_TYPE];
    environment.add_overload("@min", "min_int", integers(), |args| extreme(args, Ordering::Less))?;
    environment.add_overload("@max", "max_int", integers(), |args| extreme(args, Ordering::Greater))
}

/// The error of arguments for which a function was not declared: the crate does not call it with others.
fn unfit(function: &str) -> ExecutionError {
    ExecutionError::no_such_overload(function, Vec::new())
}

fn first<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    args.into_iter().next().ok_or_else(|| unfit("@keys"))
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let [text, pattern] = args.as_slice() else { return Err(unfit("@matches")) };
    match (text.downcast_ref::<CelString>(), pattern.downcast_ref::<Pattern>()) {
        (Some(text), Some(pattern)) => Ok(CowVal::owned(CelBool::from(pattern.0.is_match(text.inner())))),
        _ => Err(unfit("@matches")),
    }
}

/// An integer as a double; everything else as it is.
fn number<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let value = first(args)?;
    #[expect(clippy::cast_precision_loss, reason = "a double is what the other operand is")]
    let double = value.downcast_ref::<CelInt>().map(|it| *it.inner() as f64);
    Ok(double.map_or(value, |it| CowVal::owned(CelDouble::from(it))))
}

/// The keys of an object, in the order of their bytes: the crate's own order differs from one time to the next.
fn keys<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let value = first(args)?;
    let map = value.downcast_ref::<CelMap>().ok_or_else(|| unfit("@keys"))?;
    let mut keys: Vec<_> = map.inner().keys().collect();
    keys.sort();
    let copied = keys.into_iter().map(|it| it.inner().clone_as_boxed()).collect::<Vec<Box<dyn Val + 'v>>>();
    Ok(CowVal::owned(CelList::from(copied)))
}

/// Anything but an object: the crate would add the keys of one to a list, each time in another order.
fn no_map<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let value = first(args)?;
    if value.downcast_ref::<CelMap>().is_none() {
        return Ok(value);
    }
    let types = ["list", "map"].map(str::to_owned);
    Err(ExecutionError::no_such_overload("_+_", types.to_vec()))
}

fn doubles(args: &[CowVal<'_, '_>]) -> Option<(f64, f64)> {
    let [left, right] = args else { return None };
    Some((*left.downcast_ref::<CelDouble>()?.inner(), *right.downcast_ref::<CelDouble>()?.inner()))
}

fn modulo<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let (left, right) = doubles(&args).ok_or_else(|| unfit("@modulo"))?;
    if right == 0.0 {
        return Err(ExecutionError::RemainderByZero(cel::Value::Null));
    }
    Ok(CowVal::owned(CelDouble::from(left % right)))
}

fn divide<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let (left, right) = doubles(&args).ok_or_else(|| unfit("@divide"))?;
    if right == 0.0 {
        return Err(ExecutionError::DivisionByZero(cel::Value::Null));
    }
    Ok(CowVal::owned(CelDouble::from(left / right)))
}

/// The one of two numbers that is less, or greater.
fn extreme<'b, 'v>(args: Vec<CowVal<'b, 'v>>, wanted: Ordering) -> Answer<'b, 'v> {
    let mut args = args.into_iter();
    let (Some(left), Some(right)) = (args.next(), args.next()) else { return Err(unfit("@min")) };
    let order = left.as_comparer().ok_or_else(|| unfit("@min"))?.compare(right.as_ref())?;
    Ok(if order == wanted { left } else { right })
}
