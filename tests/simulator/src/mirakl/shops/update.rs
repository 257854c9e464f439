//! What S07 writes.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::custom_fields::set_field;
use super::shelf::{Shop, Shops};

/// Most shops in a call.
const MOST: usize = 100;
/// Most characters of a custom field.
const LONGEST_VALUE: usize = 2000;
const LONGEST_REASON: usize = 5000;

/// Writes what a body asks for and answers shop by shop, or says why the whole is refused.
pub(super) fn write(shops: &mut Shops, body: &str, now: DateTime<Utc>) -> Result<Value, String> {
    let body: Value =
        serde_json::from_str(body).map_err(|_| "The body is not valid JSON".to_owned())?;
    let inputs = body.get("shops").and_then(Value::as_array);
    let inputs = inputs
        .filter(|inputs| !inputs.is_empty())
        .ok_or("The field 'shops' must hold at least one shop")?;
    if inputs.len() > MOST {
        return Err(format!("The limit of {MOST} is exceeded for field 'shops'"));
    }
    let refused = |input: &&Value| shops.refused_with.is_some() && id(input) == shops.refused_with;
    if let Some(input) = inputs.iter().find(refused) {
        let id = &input["shop_id"];
        return Err(format!("The shop {id} cannot be updated"));
    }
    let returns: Vec<Value> = inputs
        .iter()
        .map(|input| match shops.write(input, now) {
            Ok(shop) => json!({ "shop_updated": shop }),
            Err(errors) => json!({ "shop_error": { "input": input, "errors": errors } }),
        })
        .collect();
    Ok(json!({ "shop_returns": returns }))
}

impl Shops {
    /// Writes all that is asked for one shop, or nothing; the shop as it is then.
    fn write(&mut self, input: &Value, now: DateTime<Utc>) -> Result<Value, Vec<Value>> {
        let id = id(input).ok_or_else(|| {
            let message = "The shop_id is required";
            vec![error("SHOP_ID_REQUIRED", "shop_id", message)]
        })?;
        let shop = self.get(id).ok_or_else(|| {
            let message = format!("The shop {id} does not exist");
            vec![error("SHOP_NOT_FOUND", "shop_id", &message)]
        })?;
        let mut errors = self.judge(shop, input);
        let mut written = shop.value.clone();
        errors.extend(write_fields(&mut written, &self.fields, input));
        errors.extend(write_kyc(&mut written, input));
        if !errors.is_empty() {
            return Err(errors);
        }
        self.replace(id, written, now);
        self.get(id)
            .map(|shop| shop.value.clone())
            .ok_or_else(Vec::new)
    }

    /// Why nothing at all may be written to a shop.
    fn judge(&self, shop: &Shop, input: &Value) -> Vec<Value> {
        let mut errors = Vec::new();
        if shop.is_terminated() {
            let message = format!("The shop {} is terminated", shop.id);
            errors.push(error("SHOP_TERMINATED", "shop_id", &message));
        }
        if let Some(message) = self.refused.get(&shop.id) {
            let fields = input.as_object().into_iter().flat_map(Map::keys);
            let field = fields.into_iter().find(|name| *name != "shop_id");
            let field = field.map_or("shop_id", String::as_str);
            errors.push(error("SHOP_UPDATE_REFUSED", field, message));
        }
        errors
    }
}

/// Writes the custom fields given; what is wrong with them.
fn write_fields(shop: &mut Value, known: &[String], input: &Value) -> Vec<Value> {
    const NAME: &str = "shop_additional_fields";
    let fields = match input.get(NAME) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(fields)) => fields,
        Some(_) => return vec![error("INVALID_FIELD", NAME, "An array is expected")],
    };
    let mut errors = Vec::new();
    for field in fields {
        let code = field["code"].as_str().unwrap_or_default();
        if !known.iter().any(|known| known == code) {
            let message = format!("The additional field '{code}' does not exist");
            errors.push(error("ADDITIONAL_FIELD_NOT_FOUND", NAME, &message));
            continue;
        }
        match field.get("value") {
            None | Some(Value::Null) => set_field(shop, code, None),
            Some(Value::String(value)) if value.chars().count() <= LONGEST_VALUE => {
                set_field(shop, code, Some(value));
            }
            Some(_) => {
                let message = format!(
                    "The value of '{code}' must be a text of at most {LONGEST_VALUE} characters"
                );
                errors.push(error("ADDITIONAL_FIELD_INVALID", NAME, &message));
            }
        }
    }
    errors
}

/// Writes the KYC status given; what is wrong with it.
fn write_kyc(shop: &mut Value, input: &Value) -> Vec<Value> {
    let Some(asked) = input.get("kyc").filter(|kyc| !kyc.is_null()) else {
        return Vec::new();
    };
    let Some(kyc) = shop.get_mut("kyc").and_then(Value::as_object_mut) else {
        let message = "The KYC feature is not enabled for this shop";
        return vec![error("KYC_DISABLED", "kyc", message)];
    };
    let mut errors = Vec::new();
    if let Some(status) = asked.get("status") {
        let known = [
            "PENDING_SUBMISSION",
            "PENDING_APPROVAL",
            "REFUSED",
            "APPROVED",
        ];
        if known.iter().any(|known| status == known) {
            kyc.insert("status".to_owned(), status.clone());
        } else {
            let message = format!("The status {status} is not allowed");
            errors.push(error("KYC_STATUS_INVALID", "kyc.status", &message));
        }
    }
    match asked.get("reason") {
        None => {}
        Some(Value::Null) => {
            kyc.remove("reason");
        }
        Some(Value::String(reason)) if reason.chars().count() <= LONGEST_REASON => {
            kyc.insert("reason".to_owned(), reason.as_str().into());
        }
        Some(_) => {
            let message =
                format!("The reason must be a text of at most {LONGEST_REASON} characters");
            errors.push(error("KYC_REASON_INVALID", "kyc.reason", &message));
        }
    }
    errors
}

fn id(input: &Value) -> Option<i64> {
    input.get("shop_id")?.as_i64()
}

fn error(code: &str, field: &str, message: &str) -> Value {
    json!({ "code": code, "field": field, "message": message })
}
