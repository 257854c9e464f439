//! From the digits that Mirakl sends to what Stripe is asked, and what hostile ids can do to a request.

use rust_decimal::Decimal;

use super::check;
use crate::domain::ids::{AccountId, ChargeId, InvoiceId, OrderId, RefundId, ShopId};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::{Currency, Money};
use crate::domain::refund::RefundType;
use crate::domain::transfer::TransferType;
use crate::stripe::{NewPayout, NewRefund, NewReversal, NewTransfer};

/// Every kind of currency at Stripe.
const CURRENCIES: [&str; 9] = [
    "EUR", "USD", "JPY", "KRW", "KWD", "TND", "ISK", "UGX", "HUF",
];

/// A JSON number: exact or refused; then exact or refused in each currency; then back to the same digits.
pub(super) fn decimal(text: &str) {
    let Some(amount) = crate::mirakl::read_amount(text) else {
        return;
    };
    let units = check::units(text.trim_matches([' ', '\n', '\r', '\t']));
    let Some(units) = units else {
        panic!("{text} was read as {amount}");
    };
    check::same(amount, units, text);
    let again = crate::mirakl::exact_number(amount).to_string();
    assert_eq!(
        check::units(&again),
        Some(units),
        "{text} is sent as {again}"
    );
    assert_eq!(crate::mirakl::read_amount(&again), Some(amount));
    for code in CURRENCIES {
        let currency = Currency::parse(code).expect("known");
        in_currency(amount, units, currency);
    }
}

fn in_currency(amount: Decimal, units: i128, currency: Currency) {
    let decimals = Money::from_minor(1, currency).to_major().scale();
    let unit = 10_i128.pow(8 - decimals);
    let step = match currency.code() {
        "KWD" | "TND" => 10,
        "ISK" | "UGX" => 100,
        _ => 1,
    };
    let fits = units % (unit * step) == 0 && i64::try_from(units / unit).is_ok();
    match Money::from_major(amount, currency) {
        Ok(money) => {
            assert!(fits, "{amount} {currency} became {money}");
            assert_eq!(
                i128::from(money.minor()) * unit,
                units,
                "{amount} {currency}"
            );
            check::same(money.to_major(), units, "back");
            let shown = money.to_string();
            let (digits, _) = shown.split_once(' ').expect("amount and currency");
            assert_eq!(check::units(digits), Some(units), "{shown}");
        }
        Err(_) => assert!(!fits, "{amount} {currency} was refused"),
    }
}

/// Ids of any kind: each field of a request holds its id and nothing else, and two ids never share a key.
pub(super) fn requests(text: &str) {
    let mut parts = text.split('\n');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (id, other, host, account) = (next(), next(), next(), next());
    let attempt = u32::try_from(text.len()).unwrap_or(1);
    let key = |id: &str, attempt| {
        IdempotencyKey::new(&host, "transfer", "PRODUCT_ORDER", id, attempt).to_string()
    };
    let sent = key(&id, attempt);
    assert!(
        sent.len() <= 255 && sent.bytes().all(|byte| byte.is_ascii_graphic()),
        "{sent:?}"
    );
    assert_eq!(sent, key(&id, attempt));
    assert_ne!(sent, key(&id, attempt + 1));
    assert!(
        id == other || sent != key(&other, attempt),
        "{id:?} and {other:?} share {sent}"
    );

    let currency = Currency::parse("EUR").expect("known");
    let amount = Money::from_minor(1234, currency);
    let (order, refund, invoice) = (OrderId(other), RefundId(id.clone()), InvoiceId(id.clone()));
    let (destination, charge) = (AccountId(account.clone()), ChargeId(account.clone()));
    let shop_id = ShopId(2000);
    for kind in TransferType::ALL {
        let body = NewTransfer {
            amount,
            destination: &destination,
            source: Some(&charge),
            kind,
            mirakl_id: &id,
            mirakl_host: &host,
            shop_id,
        };
        let mut expected = vec![
            ("amount", "1234"),
            ("currency", "eur"),
            ("destination", &account),
            ("source_transaction", &account),
            ("metadata[miraklId]", &id),
            ("metadata[miraklType]", kind.as_str()),
            ("metadata[miraklHost]", &host),
            ("metadata[miraklShopId]", "2000"),
        ];
        if kind.order_kind().is_none() {
            expected.push(("metadata[invoiceId]", &id));
        }
        expected.push(("metadata[pluginName]", "mirakl-stripe"));
        says(&body.encode(), &expected);
    }
    let payout = NewPayout {
        amount,
        invoice: &invoice,
        mirakl_host: &host,
        shop_id,
    };
    says(
        &payout.encode(),
        &[
            ("amount", "1234"),
            ("currency", "eur"),
            ("metadata[miraklId]", &id),
            ("metadata[miraklType]", "INVOICE"),
            ("metadata[miraklHost]", &host),
            ("metadata[miraklShopId]", "2000"),
            ("metadata[invoiceId]", &id),
            ("metadata[pluginName]", "mirakl-stripe"),
        ],
    );
    of_refund(&charge, &refund, &order, &host);
}

/// A refund and its reversal.
fn of_refund(charge: &ChargeId, refund: &RefundId, order: &OrderId, host: &str) {
    let amount = Money::from_minor(1234, Currency::parse("EUR").expect("known"));
    let (id, account) = (refund.as_str(), charge.as_str());
    for kind in [RefundType::ProductRefund, RefundType::ServiceRefund] {
        let shop_id = Some(ShopId(2000));
        let origin = [
            ("metadata[miraklId]", id),
            ("metadata[miraklType]", kind.as_str()),
            ("metadata[miraklHost]", host),
            ("metadata[miraklRefundId]", id),
            ("metadata[miraklOrderId]", order.as_str()),
            ("metadata[miraklShopId]", "2000"),
            ("metadata[pluginName]", "mirakl-stripe"),
        ];
        let body = NewRefund {
            amount,
            charge,
            kind,
            refund_id: refund,
            order_id: order,
            mirakl_host: host,
            shop_id,
        };
        let head = [("charge", account), ("amount", "1234")];
        says(&body.encode(), &[&head[..], &origin].concat());
        let body = NewReversal {
            amount,
            kind,
            refund_id: refund,
            order_id: order,
            mirakl_host: host,
            shop_id,
        };
        says(&body.encode(), &[&head[1..], &origin].concat());
    }
}

/// A body says exactly this.
fn says(body: &str, expected: &[(&str, &str)]) {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    assert_eq!(pairs, expected, "{body}");
    assert!(body.is_ascii() && !body.contains(['\r', '\n']));
}
