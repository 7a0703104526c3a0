//! What a schema says of one place of the data, for the keys of a policy that name a place and no expression.

use serde_json::Value;

use crate::policy::expression::{
    kinds::Kinds,
    schema,
    shape::{Found, ShapeId, Shapes},
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
