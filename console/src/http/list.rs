//! Lists that are given a page at a time: `?After=` and `?Limit=` in, `Items` and `Next` out.

use axum::extract::FromRequestParts;
use http::request::Parts;
use lattice_store::Page;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    body::unknown_field,
    error::{ApiError, ApiResult},
    pairs::Pairs,
};

/// Which page is asked for.
#[derive(Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "PascalCase")]
pub(crate) struct PageQuery {
    /// The `Next` of the page before.
    after: Option<String>,
    /// Items at most: 1 to 200, by default 100.
    limit: Option<u32>,
}

/// The page that a request's query asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageOf(pub(crate) Page);

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed<T> {
    items: Vec<T>,
    /// The `After` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> Listed<T> {
    /// A list that is never long.
    pub(crate) fn whole(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), next: None }
    }

    /// A page of a list, whose next page, where this one is full, starts after `key`'s item.
    pub(crate) fn page<R>(
        rows: Vec<R>,
        page: &Page,
        key: impl Fn(&R) -> String,
        item: impl Fn(R) -> T,
    ) -> Self {
        let full = rows.len() as u64 >= u64::from(page.limit);
        let next = rows.last().filter(|_| full).map(key);
        Self { items: rows.into_iter().map(item).collect(), next }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Pairs(pairs) = Pairs::from_request_parts(parts, state).await?;
        read(pairs).map(Self)
    }
}

fn read(pairs: Vec<(String, String)>) -> ApiResult<Page> {
    const DEFAULT_LIMIT: u32 = 100;
    let mut page = Page::first(DEFAULT_LIMIT);
    for (key, value) in pairs {
        match key.as_str() {
            "After" => page.after = Some(value),
            "Limit" => page.limit = limit(&value)?,
            _ => return Err(unknown_field(&key, &["After", "Limit"]).into()),
        }
    }
    Ok(page)
}

fn limit(text: &str) -> ApiResult<u32> {
    let limit = text.parse().ok().filter(|limit| (1..=Page::MOST).contains(limit));
    let expected = || format!("a whole number from 1 to {} is expected", Page::MOST);
    limit.ok_or_else(|| ApiError::value("Limit", expected()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<Page, String> {
        let owned = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        read(owned.collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_asked_for_by_after_and_limit_and_nothing_else() {
        assert_eq!(query(&[]).unwrap(), Page::first(100));
        let page = Page { after: Some("7".into()), limit: 3 };
        assert_eq!(query(&[("After", "7"), ("Limit", "3")]).unwrap(), page);
        let error = query(&[("Limmit", "3")]).unwrap_err();
        assert_eq!(error, "unknown field `Limmit`; did you mean `Limit`?");
        for bad in ["0", "201", "-1", "many", ""] {
            assert!(query(&[("Limit", bad)]).unwrap_err().contains("`Limit`"), "{bad}");
        }
    }

    #[test]
    fn a_full_page_says_where_the_next_one_starts() {
        let list = Listed::page(vec![1, 2], &Page::first(2), i32::to_string, |row| row);
        assert_eq!(list.next.as_deref(), Some("2"));
        let list = Listed::page(vec![1], &Page::first(2), i32::to_string, |row| row);
        assert_eq!(list.next, None);
    }
}
