//! Page tokens: the last row and the direction, never an offset, so that a client which removes
//! what it reads skips nothing. Opaque to clients, the same on both planes and after a restart.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    domain::{
        limits::PAGE_TOKEN_BYTES_MAX,
        name::{Identity, ItemId, ItemKey},
        query::{Bounds, Order, Range},
    },
    wire::fault::Fault,
};

/// What rows are ordered by, as it stands in a token: a letter and a text.
pub trait Mark: Clone {
    /// The text, which begins with a letter of this kind of mark.
    fn to_mark(&self) -> String;
    /// The mark of a text, if it is of this kind.
    fn of_mark(text: &str) -> Option<Self>;
}

impl Mark for ItemId {
    fn to_mark(&self) -> String {
        match self {
            Self::Index(index) => format!("i{index}"),
            Self::Key(key) => format!("k{key}"),
        }
    }

    fn of_mark(text: &str) -> Option<Self> {
        match text.strip_prefix('i') {
            Some(digits) => digits.parse().ok().map(Self::Index),
            None => ItemKey::try_from(text.strip_prefix('k')?).ok().map(Self::Key),
        }
    }
}

impl Mark for u64 {
    fn to_mark(&self) -> String {
        format!("o{self}")
    }

    fn of_mark(text: &str) -> Option<Self> {
        text.strip_prefix('o')?.parse().ok()
    }
}

impl Mark for Identity {
    fn to_mark(&self) -> String {
        format!("p{self}")
    }

    fn of_mark(text: &str) -> Option<Self> {
        Self::try_from(text.strip_prefix('p')?).ok()
    }
}

/// Where a page continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken<K> {
    /// Whether it goes on or back.
    pub turn: Turn,
    /// The order of the listing, whichever way it is turned.
    pub order: Order,
    /// The row beside which the page lies.
    pub at: K,
}

/// The way a page lies from its token's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Further in the listing's order.
    Next,
    /// Back.
    Previous,
}

impl<K: Mark> PageToken<K> {
    /// The text.
    pub fn to_text(&self) -> String {
        let turn = if self.turn == Turn::Next { 'n' } else { 'p' };
        let order = if self.order == Order::Ascending { 'a' } else { 'd' };
        URL_SAFE_NO_PAD.encode(format!("2{turn}{order}{}", self.at.to_mark()))
    }

    /// # Errors
    /// When the text is none of ours, or of a listing of something else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Self::parsed(text).ok_or(Fault::PageToken)
    }

    fn parsed(text: &str) -> Option<Self> {
        if PAGE_TOKEN_BYTES_MAX < text.len() {
            return None;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut letters = text.strip_prefix('2')?.chars();
        let turn = match letters.next()? {
            'n' => Turn::Next,
            'p' => Turn::Previous,
            _ => return None,
        };
        let order = match letters.next()? {
            'a' => Order::Ascending,
            'd' => Order::Descending,
            _ => return None,
        };
        Some(Self { turn, order, at: K::of_mark(letters.as_str())? })
    }

    /// The range that it asks for. A page that lies back is read against the order, and its rows
    /// are turned round afterwards.
    pub fn range(&self, rows: usize) -> Range<K> {
        let order = match (self.turn, self.order) {
            (Turn::Next, order) => order,
            (Turn::Previous, Order::Ascending) => Order::Descending,
            (Turn::Previous, Order::Descending) => Order::Ascending,
        };
        Range { only: None, from: Some(self.at.clone()), bounds: Bounds::Exclusive, order, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Mark + std::fmt::Debug + PartialEq>(at: K) {
        for (turn, order, read) in [
            (Turn::Next, Order::Ascending, Order::Ascending),
            (Turn::Next, Order::Descending, Order::Descending),
            (Turn::Previous, Order::Ascending, Order::Descending),
            (Turn::Previous, Order::Descending, Order::Ascending),
        ] {
            let token = PageToken { turn, order, at: at.clone() };
            assert!(token.to_text().len() <= PAGE_TOKEN_BYTES_MAX);
            assert_eq!(PageToken::parse(&token.to_text()).as_ref(), Ok(&token));
            let range = token.range(7);
            assert_eq!((range.order, range.bounds, range.rows), (read, Bounds::Exclusive, 7));
        }
    }

    #[test]
    fn tokens_come_back_as_they_were() {
        check(ItemId::Key(ItemKey::try_from("é/😀".repeat(100)).expect("a key")));
        check(ItemId::Index(u64::MAX));
        check(7_u64);
        check(Identity::try_from("é".repeat(256)).expect("an identity"));
    }

    #[test]
    fn foreign_tokens_are_refused() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let foreign = [
            "",
            "x",
            "%",
            &encode("2nak"),
            &encode("1nakx"),
            &encode("2xakx"),
            &encode("2nxkx"),
            &encode("2naix"),
        ];
        for text in foreign {
            assert_eq!(PageToken::<ItemId>::parse(text), Err(Fault::PageToken), "{text}");
        }
        assert_eq!(PageToken::<ItemId>::parse(&"a".repeat(3_000)), Err(Fault::PageToken));
        assert_eq!(PageToken::<u64>::parse(&encode("2nai1")), Err(Fault::PageToken), "of other rows");
    }
}
