use rust_decimal::Decimal;
use serde_json::Value;

use super::{ask, elements, text};
use crate::domain::order::{LineRefund, OrderLine, ProductOrder};
use crate::domain::service::ServiceOrder;
use crate::fuzzing::check::{self, units_of};
use crate::http::Answer;
use crate::mirakl::{OrdersQuery, ReadOrder, ReadService, ServicesQuery};

/// OR11: each element is an order or named as one that is not; sums are those of the digits sent.
pub(in crate::fuzzing) fn product_orders(answers: &[Answer]) {
    let ids = ["C1-A".into()];
    let (end, _) = ask(answers, async |mirakl| {
        let mut page = mirakl.orders(&OrdersQuery::Ids(&ids)).await?;
        let mut all = vec![std::mem::take(&mut page.items)];
        while let Some(next) = page.next.take() {
            page = mirakl.orders_at(next).await?;
            all.push(std::mem::take(&mut page.items));
        }
        Ok(all)
    });
    let Ok(pages) = end else {
        return;
    };
    pages.iter().flatten().for_each(kept);
    let (Some(elements), [page]) = (elements(answers, &["orders"]), &pages[..]) else {
        return;
    };
    assert_eq!(page.len(), elements.len(), "an order was lost");
    for (read, element) in page.iter().zip(&elements) {
        if let (Ok(order), true) = (read, element.is_object()) {
            agrees(order, element);
        }
    }
}

/// What is stored of an order can be stored.
fn kept(read: &ReadOrder) {
    match read {
        Ok(order) => {
            check::storable_id(order.id.as_str(), "order_id");
            check::storable(order.commercial_id.as_str(), "commercial_id");
            check::storable(
                order.transaction_number.as_deref().unwrap_or_default(),
                "transaction_number",
            );
            check::date(order.created_at, "created_date");
            check::date(order.updated_at, "last_updated_date");
            // A reason names the line that it waits for.
            for line in &order.lines {
                check::storable(&line.id, "order_line_id");
                check::dates(line.debited_at, "debited_date");
            }
            check::dates(order.debited_at, "customer_debited_date");
        }
        Err(unread) => {
            check::message(&unread.cause, "the cause");
            if let Some(id) = &unread.id {
                check::storable_id(id.as_str(), "order_id");
            }
            if let Some(basket) = &unread.basket {
                check::storable(basket.as_str(), "commercial_id");
            }
        }
    }
}

fn agrees(order: &ProductOrder, element: &Value) {
    assert_eq!(Some(order.id.as_str()), text(element, "order_id"));
    assert_eq!(
        Some(order.commercial_id.as_str()),
        text(element, "commercial_id")
    );
    assert_eq!(
        Some(order.currency.as_str()),
        text(element, "currency_iso_code")
    );
    check::as_sent(order.total_price, element.get("total_price"), "total_price");
    check::as_sent(
        order.total_commission,
        element.get("total_commission"),
        "total_commission",
    );
    let direct = element
        .get("customer_directly_pays_seller")
        .and_then(Value::as_bool);
    assert_eq!(order.customer_pays_seller, direct.unwrap_or(false));
    let Some(lines) = element.get("order_lines").and_then(Value::as_array) else {
        return;
    };
    assert_eq!(order.lines.len(), lines.len(), "a line was lost");
    for (line, element) in order.lines.iter().zip(lines) {
        if element.is_object() {
            line_agrees(line, element);
        }
    }
}

fn line_agrees(line: &OrderLine, element: &Value) {
    check::as_sent(
        line.total_price,
        element.get("total_price"),
        "a line's total_price",
    );
    check::as_sent(
        line.total_commission,
        element.get("total_commission"),
        "a line's commission",
    );
    same(line.taxes, taxes(element), "taxes");
    same(
        line.taxes_not_payable,
        of_taxes(element, "payable_to_shop"),
        "taxes_not_payable",
    );
    same(
        line.taxes_not_debitable,
        of_taxes(element, "debitable_from_customer"),
        "taxes_not_debitable",
    );
    let prices = |flag| {
        let price = marked(element.get("price_amount_breakdown"), flag)?;
        Some(price + marked(element.get("shipping_price_amount_breakdown"), flag)?)
    };
    same(
        line.prices_not_payable,
        prices("payable_to_shop"),
        "prices_not_payable",
    );
    same(
        line.prices_not_debitable,
        prices("debitable_from_customer"),
        "prices_not_debitable",
    );
    let cancelations = element.get("cancelations");
    same(
        line.canceled,
        check::sum(cancelations, amount_and_shipping),
        "canceled",
    );
    same(
        line.canceled_taxes,
        check::sum(cancelations, taxes),
        "canceled_taxes",
    );
    let refunds = element.get("refunds").and_then(Value::as_array);
    assert_eq!(
        line.refunds.len(),
        refunds.map_or(0, Vec::len),
        "a refund was lost"
    );
    for (refund, element) in line.refunds.iter().zip(refunds.into_iter().flatten()) {
        if element.is_object() {
            refund_agrees(refund, element);
        }
    }
}

fn refund_agrees(refund: &LineRefund, element: &Value) {
    same(
        refund.amount,
        amount_and_shipping(element),
        "a refund's amount",
    );
    same(refund.taxes, taxes(element), "a refund's taxes");
    same(
        refund.taxes_not_payable,
        of_taxes(element, "payable_to_shop"),
        "a refund's taxes_not_payable",
    );
    let shown = element
        .get("commission_total_amount")
        .filter(|value| !value.is_null());
    assert_eq!(
        refund.commission.is_some(),
        shown.is_some(),
        "no commission is not commission 0"
    );
    if let Some(commission) = refund.commission {
        check::as_sent(commission, shown, "a refund's commission");
    }
}

fn amount_and_shipping(element: &Value) -> Option<i128> {
    Some(units_of(element.get("amount"))? + units_of(element.get("shipping_amount"))?)
}

fn taxes(element: &Value) -> Option<i128> {
    let of = |name| check::sum(element.get(name), |tax| units_of(tax.get("amount")));
    Some(of("taxes")? + of("shipping_taxes")?)
}

fn of_taxes(element: &Value, flag: &str) -> Option<i128> {
    let of = |name| {
        check::sum(element.get(name), |tax| {
            marked(tax.get("amount_breakdown"), flag)
        })
    };
    Some(of("taxes")? + of("shipping_taxes")?)
}

/// The parts of a breakdown whose flag is `false`.
fn marked(breakdown: Option<&Value>, flag: &str) -> Option<i128> {
    match breakdown {
        None | Some(Value::Null) => Some(0),
        Some(Value::Object(breakdown)) => check::sum(breakdown.get("parts"), |part| {
            match part.get(flag) == Some(&Value::Bool(false)) {
                true => units_of(part.get("amount")),
                false => Some(0),
            }
        }),
        Some(_) => None,
    }
}

fn same(amount: Decimal, units: Option<i128>, what: &str) {
    if let Some(units) = units {
        check::same(amount, units, what);
    }
}

/// SOR11: each element is an order or named as one that is not; a price is exact or not there.
pub(in crate::fuzzing) fn service_orders(answers: &[Answer]) {
    let ids = ["S1".into()];
    let (end, _) = ask(answers, async |mirakl| {
        mirakl.services_page(&ServicesQuery::Ids(&ids)).await
    });
    let Ok(page) = end else {
        return;
    };
    page.items.iter().for_each(service_kept);
    let Some(elements) = elements(answers, &["data"]) else {
        return;
    };
    assert_eq!(page.items.len(), elements.len(), "a service order was lost");
    for (read, element) in page.items.iter().zip(&elements) {
        if let (Ok(order), true) = (read, element.is_object()) {
            service_agrees(order, element);
        }
    }
}

fn service_kept(read: &ReadService) {
    match read {
        Ok(order) => {
            check::storable_id(order.id.as_str(), "id");
            check::storable_id(order.commercial_id.as_str(), "commercial_order_id");
            check::date(order.created_at, "date_created");
            check::date(order.updated_at, "date_updated");
        }
        Err(unread) => {
            check::message(&unread.cause, "the cause");
            if let Some(id) = &unread.order_id {
                check::storable_id(id.as_str(), "id");
            }
            if let Some(basket) = &unread.basket {
                check::storable(basket.as_str(), "commercial_order_id");
            }
        }
    }
}

fn service_agrees(order: &ServiceOrder, element: &Value) {
    assert_eq!(Some(order.id.as_str()), text(element, "id"));
    let commission = element
        .get("commission")
        .and_then(|shown| shown.get("amount_including_taxes"));
    if let Some(read) = order.commission {
        check::as_sent(read, commission, "commission");
    }
    let units = element.get("price").and_then(price_at_16);
    if let (Some(read), Some(units)) = (order.price, units) {
        check::same_at(16, read, units, "price");
    }
    let refunds = element.get("refunds").and_then(Value::as_array);
    assert_eq!(
        order.refunds.len(),
        refunds.map_or(0, Vec::len),
        "a refund was lost"
    );
    for (refund, element) in order.refunds.iter().zip(refunds.into_iter().flatten()) {
        if element.is_object() {
            check::as_sent(refund.amount, element.get("amount"), "a refund's amount");
            assert_eq!(refund.confirmed, text(element, "state") == Some("OK"));
        }
    }
}

/// Unit prices times quantities, options and all taxes, in units of 10⁻¹⁶.
fn price_at_16(price: &Value) -> Option<i128> {
    let times = |amount: Option<&Value>, quantity: Option<&Value>| {
        let quantity = match quantity {
            None | Some(Value::Null) => 10_i128.pow(8),
            quantity => units_of(quantity)?,
        };
        units_of(amount)?.checked_mul(quantity)
    };
    let at_16 = |units: i128| units.checked_mul(10_i128.pow(8));
    let tax = |of: &Value| check::sum(of.get("taxes"), |tax| units_of(tax.get("amount")));
    let own = match price.get("ordered_service_units") {
        None | Some(Value::Null) => times(price.get("amount"), price.get("quantity"))?,
        Some(Value::Array(units)) if units.is_empty() => {
            times(price.get("amount"), price.get("quantity"))?
        }
        units => check::sum(units, |unit| {
            check::sum(unit.get("values"), |value| {
                let amount = times(value.get("amount"), value.get("ordered_quantity"))?;
                amount.checked_add(at_16(tax(value)?)?)
            })
        })?,
    };
    let options = check::sum(price.get("options"), |option| {
        let values = check::sum(option.get("values"), |value| {
            Some(units_of(value.get("amount"))? + tax(value)?)
        })?;
        Some(units_of(option.get("amount"))? + tax(option)? + values)
    })?;
    own.checked_add(at_16(tax(price)? + options)?)
}
