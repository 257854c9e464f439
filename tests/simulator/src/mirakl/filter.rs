//! The query of OR11.

use std::collections::HashSet;

use super::book::Entry;
use super::paging::Part;
use super::parameters::{date, list, wrong};

/// Mirakl looks back a little further than asked, so that an update under way is not missed.
const MARGIN_MS: i64 = 60_000;

/// What a page asks for.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) part: Part,
    pub(super) descending: bool,
    /// The mode in which all amounts are to be shown.
    pub(super) tax_mode: Option<String>,
    pub(super) filter: Filter,
}

/// Which orders are in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) order_ids: Option<HashSet<String>>,
    pub(super) commercial_ids: Option<HashSet<String>>,
    shop_ids: Option<HashSet<String>>,
    states: Option<HashSet<String>>,
    workflow: Option<String>,
    debited: Option<bool>,
    updated: Span,
    created: Span,
}

/// From and to, both inclusive, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
}

impl Span {
    pub(super) fn holds(self, at: i64) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at <= end)
    }
}

impl Query {
    /// Reads a raw query; unknown parameters are passed over, as Mirakl does.
    pub(super) fn read(raw: &str) -> Result<Self, String> {
        let mut query = Self {
            part: Part::default(),
            descending: false,
            tax_mode: None,
            filter: Filter::default(),
        };
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            query.set(&name, &value)?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || wrong(name, value);
        let filter = &mut self.filter;
        match name {
            "max" | "offset" => self.part.set(name, value)?,
            "order" => {
                self.descending = match value {
                    "asc" => false,
                    "desc" => true,
                    _ => return Err(wrong()),
                }
            }
            "sort" if value != "dateCreated" => return Err(wrong()),
            "order_tax_mode" => {
                if !matches!(value, "TAX_INCLUDED" | "TAX_EXCLUDED") {
                    return Err(wrong());
                }
                self.tax_mode = Some(value.to_owned());
            }
            "order_ids" => filter.order_ids = Some(list(name, value)?),
            "commercial_ids" => filter.commercial_ids = Some(list(name, value)?),
            "shop_ids" => filter.shop_ids = Some(list(name, value)?),
            "order_state_codes" => filter.states = Some(list(name, value)?),
            "payment_workflow" => filter.workflow = Some(value.to_owned()),
            "customer_debited" => filter.debited = Some(value.parse().map_err(|_| wrong())?),
            "start_date" => filter.created.start = Some(date(name, value)?),
            "end_date" => filter.created.end = Some(date(name, value)?),
            "start_update_date" => {
                filter.updated.start = Some(date(name, value)? - MARGIN_MS);
            }
            "end_update_date" => filter.updated.end = Some(date(name, value)?),
            _ => {}
        }
        Ok(())
    }
}

impl Filter {
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        let among = |set: &Option<HashSet<String>>, value: &str| {
            set.as_ref().is_none_or(|set| set.contains(value))
        };
        self.updated.holds(entry.updated)
            && self.created.holds(entry.created)
            && self.debited.is_none_or(|debited| debited == entry.debited)
            && self.workflow.as_ref().is_none_or(|w| *w == entry.workflow)
            && among(&self.order_ids, &entry.id)
            && among(&self.commercial_ids, &entry.commercial_id)
            && among(&self.shop_ids, &entry.shop_id)
            && among(&self.states, &entry.state)
    }

    /// Whether certain orders are asked for, by their ids or kinds rather than by time.
    pub(super) fn is_selective(&self) -> bool {
        self.order_ids.is_some()
            || self.commercial_ids.is_some()
            || self.shop_ids.is_some()
            || self.states.is_some()
            || self.workflow.is_some()
            || self.debited.is_some()
    }
}
