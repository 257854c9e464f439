//! The custom fields of a shop.

use serde_json::{Value, json};

/// The text in a custom field.
pub(super) fn field<'a>(shop: &'a Value, code: &str) -> Option<&'a str> {
    let fields = shop["shop_additional_fields"].as_array()?;
    let field = fields.iter().find(|field| field["code"] == code)?;
    field["value"].as_str()
}

/// Fills or empties a custom field.
///
/// Mirakl shows an empty one without its value or not at all: here the former in shops with an even
/// id, the latter in the others.
pub(super) fn set_field(shop: &mut Value, code: &str, value: Option<&str>) {
    let is_even = shop["shop_id"].as_i64().is_some_and(|id| id % 2 == 0);
    let element = match value {
        Some(value) => {
            let mut element = empty(code);
            element["value"] = value.into();
            Some(element)
        }
        None => is_even.then(|| empty(code)),
    };
    put(shop, code, element);
}

/// A custom field without its value.
pub(super) fn empty(code: &str) -> Value {
    let kind = match code {
        "stripe-url" => "LINK",
        "stripe-ignored" => "BOOLEAN",
        _ => "STRING",
    };
    json!({ "code": code, "type": kind })
}

/// Puts an element in the place of the one with its code.
pub(super) fn put(shop: &mut Value, code: &str, element: Option<Value>) {
    let Some(shop) = shop.as_object_mut() else {
        return;
    };
    let fields = shop
        .entry("shop_additional_fields")
        .or_insert_with(|| json!([]));
    if !fields.is_array() {
        *fields = json!([]);
    }
    let Some(fields) = fields.as_array_mut() else {
        return;
    };
    fields.retain(|field| field["code"] != code);
    fields.extend(element);
}
