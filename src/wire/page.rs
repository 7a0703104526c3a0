//! Page tokens: the last key and the direction, never an offset, so that a client which removes
//! what it reads skips nothing. Opaque to clients, the same on both planes and after a restart.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    domain::{
        limits::PAGE_TOKEN_BYTES_MAX,
        name::ItemKey,
        query::{Bounds, Order, Range},
    },
    wire::fault::Fault,
};

/// Where a page continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// Whether it goes on or back.
    pub turn: Turn,
    /// The order of the listing, whichever way it is turned.
    pub order: Order,
    /// The key beside which the page lies.
    pub key: ItemKey,
}

/// The way a page lies from its token's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Further in the listing's order.
    Next,
    /// Back.
    Previous,
}

impl PageToken {
    /// The text.
    pub fn to_text(&self) -> String {
        let turn = if self.turn == Turn::Next { 'n' } else { 'p' };
        let order = if self.order == Order::Ascending { 'a' } else { 'd' };
        URL_SAFE_NO_PAD.encode(format!("1{turn}{order}{}", self.key))
    }

    /// # Errors
    /// When the text is none of ours.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if PAGE_TOKEN_BYTES_MAX < text.len() {
            return Err(Fault::PageToken);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::PageToken)?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::PageToken)?;
        let mut letters = text.chars();
        let (Some('1'), Some(turn), Some(order)) = (letters.next(), letters.next(), letters.next()) else {
            return Err(Fault::PageToken);
        };
        let turn = match turn {
            'n' => Turn::Next,
            'p' => Turn::Previous,
            _ => return Err(Fault::PageToken),
        };
        let order = match order {
            'a' => Order::Ascending,
            'd' => Order::Descending,
            _ => return Err(Fault::PageToken),
        };
        let key = ItemKey::try_from(letters.as_str()).map_err(|_| Fault::PageToken)?;
        Ok(Self { turn, order, key })
    }

    /// The range that it asks for. A page that lies back is read against the order, and its rows
    /// are turned round afterwards.
    pub fn range(&self, rows: usize) -> Range {
        let order = match (self.turn, self.order) {
            (Turn::Next, order) => order,
            (Turn::Previous, Order::Ascending) => Order::Descending,
            (Turn::Previous, Order::Descending) => Order::Ascending,
        };
        Range { only: None, from: Some(self.key.clone()), bounds: Bounds::Exclusive, order, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_were() {
        for (turn, order, read) in [
            (Turn::Next, Order::Ascending, Order::Ascending),
            (Turn::Next, Order::Descending, Order::Descending),
            (Turn::Previous, Order::Ascending, Order::Descending),
            (Turn::Previous, Order::Descending, Order::Ascending),
        ] {
            let token =
                PageToken { turn, order, key: ItemKey::try_from("é/😀".repeat(100)).expect("a key") };
            assert!(token.to_text().len() <= PAGE_TOKEN_BYTES_MAX);
            assert_eq!(PageToken::parse(&token.to_text()), Ok(token.clone()));
            let range = token.range(7);
            assert_eq!((range.order, range.bounds, range.rows), (read, Bounds::Exclusive, 7));
        }
    }

    #[test]
    fn foreign_tokens_are_refused() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in ["", "x", "%", &encode("1na"), &encode("2nak"), &encode("1xak"), &encode("1nxk")] {
            assert_eq!(PageToken::parse(text), Err(Fault::PageToken), "{text}");
        }
        assert_eq!(PageToken::parse(&"a".repeat(3_000)), Err(Fault::PageToken));
    }
}
