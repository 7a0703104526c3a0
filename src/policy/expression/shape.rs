//! Shapes: what is known of a value before it is there: its sorts, its fields, and how large it can be.

use std::{collections::HashMap, sync::Arc};

use crate::{
    domain::limits::{DATA_BYTES_MAX, DATA_NODES_MAX, UNTYPED_BYTES_MAX, UNTYPED_VALUES_MAX},
    policy::expression::kinds::Kinds,
};

/// The place of a shape among the [`Shapes`] of one expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ShapeId(usize);

/// How large a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Values in it, itself among them.
    pub nodes: u64,
    /// Bytes of all texts in it.
    pub bytes: u64,
}

impl Size {
    /// A value without parts and without text.
    pub const ONE: Self = Self { nodes: 1, bytes: 0 };

    /// As much as one object of data can have.
    pub const DATA: Self = Self { nodes: DATA_NODES_MAX as u64, bytes: DATA_BYTES_MAX as u64 };

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self { nodes: self.nodes.saturating_add(other.nodes), bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// This so many times.
    pub(super) const fn times(self, count: u64) -> Self {
        Self { nodes: self.nodes.saturating_mul(count), bytes: self.bytes.saturating_mul(count) }
    }

    /// The smaller of both.
    pub const fn at_most(self, other: Self) -> Self {
        Self {
            nodes: if self.nodes < other.nodes { self.nodes } else { other.nodes },
            bytes: if self.bytes < other.bytes { self.bytes } else { other.bytes },
        }
    }

    const fn at_least(self, other: Self) -> Self {
        Self {
            nodes: if other.nodes < self.nodes { self.nodes } else { other.nodes },
            bytes: if other.bytes < self.bytes { self.bytes } else { other.bytes },
        }
    }

    /// Steps that it takes to look at all of it, or to copy it.
    pub(super) const fn steps(self) -> u64 {
        self.nodes.saturating_add(self.bytes / 32)
    }
}

/// A field that a schema names.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    pub(super) shape: ShapeId,
    pub(super) required: bool,
}

/// Fields that are not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// There are none.
    Closed,
    /// There may be some, of this shape.
    Open(ShapeId),
}

/// What is known of a value.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) kinds: Kinds,
    pub(super) fields: Vec<Field>,
    pub(super) rest: Rest,
    pub(super) items: ShapeId,
    /// Items of a list, entries of an object.
    pub(super) count: u64,
    pub(super) size: Size,
    /// Whether fields may be used unguarded, since nothing says which there are: a missing one is a fault then.
    pub(super) lenient: bool,
}

/// What a path finds below a shape.
pub(super) enum Found {
    /// The schema names it.
    Field(ShapeId, /* required */ bool),
    /// Nothing is known of it.
    Unnamed(ShapeId),
    /// The schema does not allow it.
    Closed,
}

/// The shapes of one expression: those of its names, and those of what it computes.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    list: Vec<Shape>,
    plain: HashMap<u64, ShapeId>,
}

impl Shapes {
    /// Any JSON, of which no schema speaks: claims, lookups.
    pub(super) const UNTYPED: ShapeId = ShapeId(0);
    /// Any JSON of which the schema says nothing.
    pub(super) const ANY: ShapeId = ShapeId(1);
    pub(super) const NULL: ShapeId = ShapeId(2);
    pub(super) const BOOL: ShapeId = ShapeId(3);
    pub(super) const INT: ShapeId = ShapeId(4);
    pub(super) const DOUBLE: ShapeId = ShapeId(5);
    pub(super) const TIME: ShapeId = ShapeId(6);
    pub(super) const CLAIMS: ShapeId = ShapeId(7);
    /// What there is of a lookup that is there.
    pub(super) const OBJECT: ShapeId = ShapeId(8);
    /// What a lookup is that may be absent.
    pub(super) const OBJECT_OR_NULL: ShapeId = ShapeId(9);
    /// Any JSON in claims and lookups, of which no schema speaks: so much is read of it, and no more.
    pub(super) const PART: ShapeId = ShapeId(10);

    pub(super) fn new() -> Self {
        let plain = |kinds: Kinds, size: Size| Shape {
            kinds,
            fields: Vec::new(),
            rest: Rest::Open(Self::UNTYPED),
            items: Self::UNTYPED,
            count: size.nodes,
            size,
            lenient: true,
        };
        let strict = Shape {
            rest: Rest::Open(Self::ANY),
            items: Self::ANY,
            lenient: false,
            ..plain(Kinds::JSON, Size::DATA)
        };
        let part = |kinds: Kinds| Shape {
            rest: Rest::Open(Self::PART),
            items: Self::PART,
            ..plain(kinds, Size { nodes: UNTYPED_VALUES_MAX, bytes: UNTYPED_BYTES_MAX })
        };
        let list = vec![
            plain(Kinds::JSON, Size::DATA),
            strict,
            plain(Kinds::NULL, Size::ONE),
            plain(Kinds::BOOL, Size::ONE),
            plain(Kinds::INT, Size::ONE),
            plain(Kinds::DOUBLE, Size::ONE),
            plain(Kinds::TIME, Size::ONE),
            part(Kinds::MAP),
            part(Kinds::MAP),
            part(Kinds::MAP | Kinds::NULL),
            part(Kinds::JSON),
        ];
        Self { list, plain: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, id: ShapeId) -> &Shape {
        // An id is minted by `add` alone, and nothing is ever removed.
        self.list.get(id.0).or(self.list.first()).unwrap_or(&UNKNOWN)
    }

    pub(super) fn kinds(&self, id: ShapeId) -> Kinds {
        self.get(id).kinds
    }

    pub(super) fn size(&self, id: ShapeId) -> Size {
        self.get(id).size
    }

    pub(super) fn add(&mut self, shape: Shape) -> ShapeId {
        self.list.push(shape);
        ShapeId(self.list.len().saturating_sub(1))
    }

    /// Puts a shape where one was kept free for it.
    pub(super) fn put(&mut self, id: ShapeId, shape: Shape) {
        if let Some(place) = self.list.get_mut(id.0) {
            *place = shape;
        }
    }

    /// The shape, or null.
    pub(super) fn or_null(&mut self, id: ShapeId) -> ShapeId {
        let mut shape = self.get(id).clone();
        shape.kinds = shape.kinds | Kinds::NULL;
        self.add(shape)
    }

    /// Values of these sorts without known parts, at most so large.
    pub(super) fn computed(&mut self, kinds: Kinds, size: Size) -> ShapeId {
        let plain = self.get(Self::UNTYPED).clone();
        self.add(Shape { kinds, size, count: size.nodes, ..plain })
    }

    /// A text of at most so many bytes.
    pub(super) fn text(&mut self, bytes: u64) -> ShapeId {
        if let Some(id) = self.plain.get(&bytes) {
            return *id;
        }
        let id = self.computed(Kinds::STRING, Size { nodes: 1, bytes });
        self.plain.insert(bytes, id);
        id
    }

    /// A list of at most so many items.
    pub(super) fn list(&mut self, items: ShapeId, count: u64) -> ShapeId {
        let size = self.size(items).times(count).and(Size::ONE);
        self.list_of(items, count, size)
    }

    /// A list whose size is known better than by its items.
    pub(super) fn list_of(&mut self, items: ShapeId, count: u64, size: Size) -> ShapeId {
        let plain = self.get(Self::UNTYPED).clone();
        self.add(Shape { kinds: Kinds::LIST, items, count, size, ..plain })
    }

    /// An object that has these fields and no others.
    pub(super) fn object(&mut self, fields: Vec<Field>) -> ShapeId {
        let size = fields.iter().fold(Size::ONE, |sum, it| {
            sum.and(self.size(it.shape)).and(Size { nodes: 0, bytes: it.name.len() as u64 })
        });
        let (count, plain) = (fields.len() as u64, self.get(Self::UNTYPED).clone());
        self.add(Shape {
            kinds: Kinds::MAP,
            fields,
            rest: Rest::Closed,
            count,
            size,
            lenient: false,
            ..plain
        })
    }

    /// A value that is of one shape or of the other.
    pub(super) fn either(&mut self, one: ShapeId, two: ShapeId) -> ShapeId {
        if one == two {
            return one;
        }
        let (left, right) = (self.get(one), self.get(two));
        let mut joined = if left.kinds.meets(Kinds::LIST | Kinds::MAP) { left } else { right }.clone();
        let parts = |it: &Shape| it.kinds.meets(Kinds::LIST | Kinds::MAP);
        if parts(left) && parts(right) {
            joined.fields = Vec::new();
            joined.rest = Rest::Open(Self::UNTYPED);
            joined.lenient = true;
        }
        let (items, same) = ((left.items, right.items), left.items == right.items);
        joined.kinds = left.kinds | right.kinds;
        joined.count = left.count.max(right.count);
        joined.size = left.size.at_least(right.size);
        if parts(left) && parts(right) && !same {
            joined.items = self.either_parts(items);
        }
        self.add(joined)
    }

    /// The parts of two shapes, one level deep: below, nothing is known.
    fn either_parts(&mut self, parts: (ShapeId, ShapeId)) -> ShapeId {
        let (left, right) = (self.get(parts.0), self.get(parts.1));
        let (kinds, size) = (left.kinds | right.kinds, left.size.at_least(right.size));
        self.computed(kinds, size)
    }

    /// What a field's name finds.
    pub(super) fn field(&self, id: ShapeId, name: &str) -> Found {
        let shape = self.get(id);
        match (shape.fields.iter().find(|it| &*it.name == name), shape.rest) {
            (Some(field), _) => Found::Field(field.shape, field.required),
            (None, Rest::Open(rest)) => Found::Unnamed(rest),
            (None, Rest::Closed) => Found::Closed,
        }
    }

    /// The shape of whatever an object of this shape holds.
    pub(super) fn entry(&mut self, id: ShapeId) -> ShapeId {
        let shape = self.get(id).clone();
        let rest = match shape.rest {
            Rest::Open(rest) => Some(rest),
            Rest::Closed => None,
        };
        let mut all = rest.into_iter().chain(shape.fields.iter().map(|it| it.shape));
        let first = all.next().unwrap_or(Self::UNTYPED);
        all.fold(first, |joined, it| self.either(joined, it))
    }

    /// Gives a shape of a schema its size, from those of its parts.
    pub(super) fn measure(&mut self, id: ShapeId) {
        const NOTHING: Size = Size { nodes: 0, bytes: 0 };
        let shape = self.get(id);
        if !shape.kinds.meets(Kinds::LIST | Kinds::MAP) {
            return;
        }
        let items = match shape.kinds.meets(Kinds::LIST) {
            true => self.size(shape.items).times(shape.count),
            false => NOTHING,
        };
        let entries = match (shape.kinds.meets(Kinds::MAP), shape.rest) {
            (true, Rest::Open(_)) => Size::DATA,
            (true, Rest::Closed) => shape.fields.iter().fold(NOTHING, |sum, it| {
                sum.and(self.size(it.shape)).and(Size { nodes: 0, bytes: it.name.len() as u64 })
            }),
            (false, _) => NOTHING,
        };
        let size = items.at_least(entries).and(Size::ONE).at_least(shape.size).at_most(Size::DATA);
        if let Some(shape) = self.list.get_mut(id.0) {
            shape.size = size;
        }
    }
}

/// What is assumed of a shape that is not there.
static UNKNOWN: Shape = Shape {
    kinds: Kinds::JSON,
    fields: Vec::new(),
    rest: Rest::Open(Shapes::UNTYPED),
    items: Shapes::UNTYPED,
    count: Size::DATA.nodes,
    size: Size::DATA,
    lenient: true,
};
