//! Lists that come page by page. The next page is the `page_token` within the URL of `metadata.next`; no
//! page is the last one because it is empty, but because nothing comes next. Only the token is followed:
//! a key never goes to a host that an answer names.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::api::{Api, CloudError};

/// Pages of one list; far more than any list has.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default)]
    metadata: Option<Meta>,
    #[serde(default)]
    data: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    next: Option<String>,
}

impl Api {
    /// All of a list; `path` has its query already, if it has one.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, CloudError> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{mark}page_size=100");
        let (mut all, mut seen, mut at) = (Vec::new(), BTreeSet::new(), first.clone());
        loop {
            let page: Page<T> = self.get(&at).await?;
            all.extend(page.data.into_iter().flatten());
            let next = page.metadata.and_then(|meta| meta.next);
            let Some(token) = token(path, next.as_deref())? else { return Ok(all) };
            at = format!("{first}&page_token={token}");
            if !seen.insert(token) || seen.len() > MOST {
                let told = format!("GET {path}: the list has no end: a page comes a second time");
                return Err(CloudError::Unexpected(told));
            }
        }
    }
}

/// The token of the next page, as it stands in its URL; `None` at the end.
pub(super) fn token(path: &str, next: Option<&str>) -> Result<Option<String>, CloudError> {
    let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(None) };
    let query = next.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let token = query.split('&').find_map(|pair| pair.strip_prefix("page_token="));
    match token.filter(|token| !token.is_empty()) {
        Some(token) => Ok(Some(token.to_owned())),
        None => Err(CloudError::Unexpected(format!(
            "GET {path}: the address of the next page has no `page_token`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::nothing(None, Ok(None))]
    #[case::empty(Some(""), Ok(None))]
    #[case::token(Some("https://h/p?page_size=10&page_token=a%3D#x"), Ok(Some("a%3D")))]
    #[case::relative(Some("/p?page_token=b"), Ok(Some("b")))]
    #[case::malformed(Some("://not a url"), Err(()))]
    #[case::without(Some("https://h/p?page_token="), Err(()))]
    fn the_next_page_is_a_token(
        #[case] next: Option<&str>,
        #[case] told: Result<Option<&str>, ()>,
    ) {
        let found = token("/p", next).map_err(|_| ());
        assert_eq!(found, told.map(|page| page.map(str::to_owned)));
    }
}
