//! What a schema says of one place of the data, for the keys of a policy that name a place and no expression.

use std::sync::Arc;

use serde_json::Value;

use crate::policy::expression::{
    kinds::Kinds,
    schema,
    shape::{Found, ShapeId, Shapes, Size},
};

/// What a key can do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// A number.
    Number,
    /// A text, a number or a boolean.
    Scalar,
    /// A text, or a list with texts in it.
    Text,
}

impl Needed {
    /// As people say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Scalar => "a text, a number or a boolean",
            Self::Text => "a text or a list of texts",
        }
    }

    fn fits(self, shapes: &Shapes, id: ShapeId) -> bool {
        let kinds = shapes.kinds(id);
        match self {
            Self::Number => kinds.meets(Kinds::NUMBER),
            Self::Scalar => kinds.meets(Kinds::NUMBER | Kinds::STRING | Kinds::BOOL),
            Self::Text => {
                let items = shapes.kinds(shapes.get(id).items);
                kinds.meets(Kinds::STRING) || kinds.meets(Kinds::LIST) && items.meets(Kinds::STRING)
            }
        }
    }
}

/// A place that a schema has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// So many steps of the way lead somewhere.
    pub steps: usize,
    /// The fields that there are.
    pub has: Vec<Arc<str>>,
}

/// The places that a schema knows.
pub struct Places {
    shapes: Shapes,
    top: ShapeId,
}

impl Places {
    /// Those of data under this schema.
    pub fn of(root: &Value) -> Self {
        let mut shapes = Shapes::new();
        let top = schema::shape(root, &mut shapes);
        Self { shapes, top }
    }

    /// Whether there is no such place, whatever the data.
    pub fn closed(&self, steps: &[&str]) -> Option<Closed> {
        let mut id = self.top;
        for (at, step) in steps.iter().enumerate() {
            // No pointer leads through anything but objects.
            let kinds = self.shapes.kinds(id);
            if !kinds.meets(Kinds::MAP) {
                return Some(Closed { steps: at, has: Vec::new() });
            }
            if kinds != Kinds::MAP {
                return None;
            }
            id = match self.shapes.field(id, step) {
                Found::Field(shape, _) | Found::Unnamed(shape) => shape,
                Found::Closed => {
                    let has = self.shapes.get(id).fields.iter().map(|it| it.name.clone()).collect();
                    return Some(Closed { steps: at, has });
                }
            };
        }
        None
    }

    /// How large what stands at a place can be; all of the data, where that is not known.
    pub fn size(&self, steps: &[&str]) -> Size {
        let mut id = self.top;
        for step in steps {
            if self.shapes.kinds(id) != Kinds::MAP {
                return Size::DATA;
            }
            match self.shapes.field(id, step) {
                Found::Field(shape, _) | Found::Unnamed(shape) => id = shape,
                Found::Closed => return Size::ONE,
            }
        }
        self.shapes.size(id)
    }

    /// The fields of the top that are required.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.shapes.get(self.top).fields.iter().filter(|it| it.required).map(|it| &*it.name)
    }
}

/// What the schema lets stand at a place, in words, if nothing of that is what is needed.
pub fn misfit(root: &Value, steps: &[&str], needed: Needed) -> Option<String> {
    let mut shapes = Shapes::new();
    let mut id = schema::shape(root, &mut shapes);
    for step in steps {
        let kinds = shapes.kinds(id);
        id = match (kinds.meets(Kinds::MAP), kinds.meets(Kinds::LIST)) {
            (true, false) => match shapes.field(id, step) {
                Found::Field(shape, _) | Found::Unnamed(shape) => shape,
                Found::Closed => return None,
            },
            (false, true) => shapes.get(id).items,
            _ => return None,
        };
    }
    let kinds = shapes.kinds(id);
    if kinds == Kinds::NONE || needed.fits(&shapes, id) {
        return None;
    }
    let items = shapes.kinds(shapes.get(id).items);
    let listed = needed == Needed::Text && kinds == Kinds::LIST;
    Some(if listed { format!("a list in which each is {}", items.text()) } else { kinds.text() })
}
