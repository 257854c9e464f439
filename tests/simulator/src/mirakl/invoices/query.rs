//! The query of IV01.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::mirakl::filter::Span;
use crate::mirakl::paging::Part;
use crate::mirakl::parameters::{date, list, repeat, wrong};
use crate::mirakl::values::text;

/// The fields that say which ones are asked for, as JSON pointers.
const ID: &str = "/invoice_id";
const SHOP: &str = "/shop_id";
const CYCLE: &str = "/seller_billing_cycle_id";
/// The fields that are filtered by even if nothing is asked for.
const KIND: &str = "/type";
const STATE: &str = "/state";

/// A parameter, the field it is compared with, and the values it may have.
type Choice = (&'static str, &'static str, &'static [&'static str]);

/// Parameters of one value.
const CHOICES: [Choice; 3] = [
    (
        "type",
        KIND,
        &["ALL", "AUTO_INVOICE", "MANUAL_INVOICE", "MANUAL_CREDIT"],
    ),
    (
        "payment_status",
        "/payment/state",
        &["PENDING", "PAID", "FAILED"],
    ),
    ("currency", "/currency_iso_code", &CURRENCIES),
];

/// Parameters that are comma lists.
const LISTS: [Choice; 4] = [
    ("states", STATE, &["DRAFT", "GENERATED", "COMPLETE"]),
    (
        "pay_out_psp_codes",
        "/pay_out_psp_code",
        &["NOT_SPECIFIED", "MANGOPAY", "MIRAKL_PAYOUT", "OPERATOR"],
    ),
    (
        "shop_model",
        "/shop_model",
        &["MARKETPLACE", "DROPSHIP", "ONE_CREDITOR"],
    ),
    (
        "issuing_user_types",
        "/issuing_user/type",
        &["OPERATOR", "BATCH", "PARTNER"],
    ),
];

/// The currencies that Mirakl knows.
const CURRENCIES: [&str; 61] = [
    "AED", "ARS", "AUD", "BAM", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK",
    "DKK", "EGP", "EUR", "GBP", "GEL", "GTQ", "HKD", "HRK", "HUF", "IDR", "ILS", "INR", "IQD",
    "JOD", "JPY", "KES", "KRW", "KWD", "LKR", "MAD", "MGA", "MXN", "MYR", "NGN", "NOK", "NZD",
    "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB",
    "TND", "TRY", "TWD", "UAH", "USD", "UYU", "UZS", "VND", "ZAR",
];

/// What a page asks for.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) part: Part,
    pub(super) descending: bool,
    created: Span,
    /// The values that a field may have.
    wanted: HashMap<&'static str, HashSet<String>>,
}

impl Query {
    /// Reads a raw query; unknown parameters are passed over, as Mirakl does.
    pub(super) fn read(raw: &str) -> Result<Self, String> {
        let mut query = Self {
            part: Part::default(),
            descending: false,
            created: Span::default(),
            wanted: HashMap::new(),
        };
        query.want(KIND, ["AUTO_INVOICE"]);
        query.want(STATE, ["GENERATED", "COMPLETE"]);
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            query.set(&name, &value)?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || wrong(name, value);
        let integer = |text: &str| text.parse::<i64>().map_err(|_| wrong());
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
            "start_date" => self.created.start = Some(date(name, value)?),
            "end_date" => self.created.end = Some(date(name, value)?),
            "shop" => self.want(SHOP, [integer(value)?.to_string()]),
            "invoice_id" => {
                for id in list(name, value)? {
                    self.add(ID, name, &integer(&id)?.to_string())?;
                }
            }
            "seller_billing_cycle_id" => {
                for cycle in list(name, value)? {
                    self.add(CYCLE, name, &cycle)?;
                }
            }
            "payment_voucher_number" => self.want("/payment_voucher_number", [value]),
            "shop_operator_internal_id" => self.want("/shop_operator_internal_id", [value]),
            _ => self.choose(name, value)?,
        }
        Ok(())
    }

    /// Takes a parameter whose values are enumerated.
    fn choose(&mut self, name: &str, value: &str) -> Result<(), String> {
        let named = |choices: &[Choice]| choices.iter().find(|(own, ..)| *own == name).copied();
        let ((_, field, known), values) = if let Some(choice) = named(&CHOICES) {
            (choice, HashSet::from([value.to_owned()]))
        } else if let Some(choice) = named(&LISTS) {
            (choice, list(name, value)?)
        } else {
            return Ok(());
        };
        if !values.iter().all(|value| known.contains(&value.as_str())) {
            return Err(wrong(name, value));
        }
        if value == "ALL" {
            self.wanted.remove(field);
        } else {
            self.want(field, values);
        }
        Ok(())
    }

    fn want(&mut self, field: &'static str, values: impl IntoIterator<Item = impl Into<String>>) {
        let values = values.into_iter().map(Into::into).collect();
        self.wanted.insert(field, values);
    }

    fn add(&mut self, field: &'static str, name: &str, value: &str) -> Result<(), String> {
        repeat(self.wanted.entry(field).or_default(), name, value)
    }

    pub(super) fn holds(&self, created: i64, invoice: &Value) -> bool {
        self.created.holds(created)
            && self.wanted.iter().all(|(field, values)| {
                let own = invoice.pointer(field).map(text);
                own.is_some_and(|own| values.contains(&own))
            })
    }

    /// Whether certain accounting documents are asked for.
    pub(super) fn is_selective(&self) -> bool {
        let certain = [ID, SHOP, CYCLE];
        certain.iter().any(|field| self.wanted.contains_key(field))
    }
}
