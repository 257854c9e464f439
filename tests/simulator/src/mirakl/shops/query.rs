//! The query of S20.

use std::collections::HashSet;

use super::shelf::Shop;
use crate::mirakl::paging::Part;
use crate::mirakl::parameters::{date, list, wrong};

/// What a page asks for.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) part: Part,
    ids: Option<HashSet<i64>>,
    domains: HashSet<String>,
    updated_since: Option<i64>,
}

impl Query {
    /// Reads a raw query; unknown parameters are passed over, as Mirakl does.
    pub(super) fn read(raw: &str) -> Result<Self, String> {
        let mut query = Self {
            part: Part::default(),
            ids: None,
            // Service shops must be asked for.
            domains: HashSet::from(["PRODUCT".to_owned()]),
            updated_since: None,
        };
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            query.set(&name, &value)?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || wrong(name, value);
        match name {
            "max" | "offset" | "paginate" => self.part.set(name, value)?,
            "shop_ids" => {
                let ids = list(name, value)?;
                let ids = ids.iter().map(|id| id.parse().map_err(|_| wrong()));
                self.ids = Some(ids.collect::<Result<_, _>>()?);
            }
            "domains" => {
                self.domains = list(name, value)?;
                let known = |domain: &String| matches!(domain.as_str(), "PRODUCT" | "SERVICE");
                if !self.domains.iter().all(known) {
                    return Err(wrong());
                }
            }
            "updated_since" => self.updated_since = Some(date(name, value)?),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn holds(&self, shop: &Shop) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&shop.id))
            && self.updated_since.is_none_or(|since| since <= shop.updated)
            && self.domains.iter().any(|domain| shop.has_domain(domain))
    }

    /// Whether certain shops are asked for.
    pub(super) fn is_selective(&self) -> bool {
        self.ids.is_some()
    }
}
