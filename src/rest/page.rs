//! One page of rows: what is asked for, and the `meta` with absolute URLs that the libraries follow.

use form_urlencoded::Serializer;

use super::form::Form;
use crate::{
    domain::query::{Order, Range},
    relay::Page,
    wire::{
        fault::Fault,
        page::{Mark, PageToken, Turn},
        request,
        resource::{Meta, rest_page},
    },
};

/// A page as it was asked for.
#[derive(Debug)]
pub(super) struct Asked<K> {
    rows: usize,
    page: u64,
    token: Option<PageToken<K>>,
    range: Range<K>,
    /// `From`, `Bounds` and `Order`, repeated in every URL.
    echo: Vec<(&'static str, String)>,
}

impl<K: Mark> Asked<K> {
    /// A page of items, whose order and start can be asked for.
    ///
    /// # Errors
    /// The first parameter that is not what it must be.
    pub(super) fn parse(query: &Form, from: impl Fn(&str) -> Result<K, Fault>) -> Result<Self, Fault> {
        let listing = Self::listing(query)?;
        let range = Range {
            from: query.filled("From").map(from).transpose()?,
            bounds: request::bounds(query.filled("Bounds"))?,
            order: request::order(query.filled("Order"))?,
            ..listing.range
        };
        let echo = ["From", "Bounds", "Order"]
            .into_iter()
            .filter_map(|name| query.filled(name).map(|value| (name, value.to_owned())))
            .collect();
        Ok(Self { range, echo, ..listing })
    }

    /// A page of a listing that has one order only.
    ///
    /// # Errors
    /// The first parameter that is not what it must be.
    pub(super) fn listing(query: &Form) -> Result<Self, Fault> {
        let rows = request::page_size(query.filled("PageSize"))?;
        let token = query.filled("PageToken").map(PageToken::parse).transpose()?;
        // Only the client counts pages; what it says is repeated.
        let page = query.filled("Page").map_or(Ok(0), str::parse);
        let page = page.map_err(|_| Fault::Parameter { name: "Page" })?;
        Ok(Self { rows, page, token, range: Range { rows, ..Range::default() }, echo: Vec::new() })
    }

    /// What to read: the token decides where, if there is one.
    pub(super) fn range(&self) -> Range<K> {
        self.token.as_ref().map_or_else(|| self.range.clone(), |it| it.range(self.rows))
    }

    fn order(&self) -> Order {
        self.token.as_ref().map_or(self.range.order, |it| it.order)
    }

    /// The page as JSON. `key` is the word for the rows, `url` that of the listing; `more` is said in
    /// the direction of the reading. On the other side of a token lies what it was made beside.
    pub(super) fn render<T>(
        &self,
        (key, url): (&'static str, &str),
        mut page: Page<T>,
        text: impl Fn(&T) -> String,
        mark: impl Fn(&T) -> K,
    ) -> String {
        let back = self.token.as_ref().is_some_and(|it| it.turn == Turn::Previous);
        if back {
            page.rows.reverse();
        }
        // A listing begins where `From` says: nothing lies before its first page.
        let (before, more) = if back { (page.more, true) } else { (self.token.is_some(), page.more) };
        let turned = |turn: Turn, row: Option<&T>, number: u64| {
            let token = PageToken { turn, order: self.order(), at: mark(row?) }.to_text();
            Some(self.url(url, number, Some(&token)))
        };
        let texts: Vec<String> = page.rows.iter().map(text).collect();
        let own = self.token.as_ref().map(PageToken::to_text);
        let (first, last) = (page.rows.first(), page.rows.last());
        let next = more.then(|| turned(Turn::Next, last, self.page.saturating_add(1))).flatten();
        let previous = before.then(|| turned(Turn::Previous, first, self.page.saturating_sub(1))).flatten();
        rest_page(
            key,
            &texts,
            &Meta {
                page: self.page,
                page_size: self.rows,
                url: self.url(url, self.page, own.as_deref()),
                first_page_url: self.url(url, 0, None),
                next_page_url: next,
                previous_page_url: previous,
            },
        )
    }

    fn url(&self, url: &str, page: u64, token: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.echo);
        query.append_pair("PageSize", &self.rows.to_string()).append_pair("Page", &page.to_string());
        if let Some(token) = token {
            query.append_pair("PageToken", token);
        }
        format!("{url}?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::{name::ItemId, object::ObjectKind, query::Bounds};

    fn item(text: &str) -> Result<ItemId, Fault> {
        request::item(ObjectKind::Map, text)
    }

    fn asked(query: &str) -> Result<Asked<ItemId>, Fault> {
        Asked::parse(&Form::parse(query.as_bytes())?, item)
    }

    fn page(query: &str, keys: &[&str], more: bool) -> Value {
        let asked = asked(query).expect("a page");
        let rows: Vec<ItemId> = keys.iter().map(|it| item(it).expect("a key")).collect();
        let page = Page { rows, before: false, more };
        let text = asked.render(("items", "http://h/Items"), page, |it| format!("\"{it}\""), Clone::clone);
        serde_json::from_str(&text).expect("JSON")
    }

    fn query_of(url: &Value) -> String {
        url.as_str().and_then(|it| it.split_once('?')).expect("a URL with a query").1.to_owned()
    }

    #[test]
    fn pages_lead_on_and_back() {
        let first = page("From=b+c&Order=asc&PageSize=2", &["b c", "d"], true);
        assert_eq!(first["items"], serde_json::json!(["b c", "d"]));
        let meta = &first["meta"];
        assert_eq!(meta["key"], "items");
        assert_eq!(meta["first_page_url"], "http://h/Items?From=b+c&Order=asc&PageSize=2&Page=0");
        assert_eq!(meta["url"], meta["first_page_url"]);
        assert_eq!(meta["previous_page_url"], Value::Null);

        let next = query_of(&meta["next_page_url"]);
        let range = asked(&next).expect("a page").range();
        assert_eq!((range.from.expect("a key").to_string().as_str(), range.bounds), ("d", Bounds::Exclusive));
        let second = page(&next, &["e", "f"], false);
        assert_eq!((&second["meta"]["page"], &second["meta"]["next_page_url"]), (&1.into(), &Value::Null));

        let back = query_of(&second["meta"]["previous_page_url"]);
        let range = asked(&back).expect("a page").range();
        assert_eq!((range.from.expect("a key").to_string().as_str(), range.order), ("e", Order::Descending));
        let again = page(&back, &["d", "b c"], false);
        assert_eq!(again["items"], serde_json::json!(["b c", "d"]));
        assert_eq!(query_of(&again["meta"]["next_page_url"]), next);
        assert_eq!(again["meta"]["previous_page_url"], Value::Null);
    }

    #[test]
    fn sizes_are_clamped_and_the_rest_refused() {
        let meta = page("PageSize=500", &[], false);
        assert_eq!(meta["meta"]["page_size"], 100);
        assert_eq!(meta["meta"]["first_page_url"], "http://h/Items?PageSize=100&Page=0");
        for (query, fault) in [
            ("PageSize=0", Fault::PageSize),
            ("PageSize=1001", Fault::PageSize),
            ("PageToken=zz", Fault::PageToken),
            ("Page=x", Fault::Parameter { name: "Page" }),
            ("Order=up", Fault::Order),
            ("Bounds=open", Fault::Bounds),
        ] {
            assert_eq!(asked(query).err(), Some(fault), "{query}");
        }
    }
}
