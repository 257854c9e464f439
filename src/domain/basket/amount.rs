//! What the customer owes for a basket, and what of it was given up: exact, or not at all.

use rust_decimal::Decimal;

use super::Basket;
use super::reason::HoldReason;
use crate::domain::money::{Currency, Money};
use crate::domain::order::{LineState, OrderLine, OrderState, ProductOrder, TaxMode};
use crate::domain::service::{ServiceOrder, ServiceState};

/// What the orders of a basket come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// What the customer pays for what is live, or may still become so.
    pub live: Money,
    /// What the customer does not pay: refused, cancelled, expired.
    pub released: Money,
}

/// Adds up a basket in the currency of its payment.
pub fn owed(basket: &Basket, currency: Currency) -> Result<Owed, HoldReason> {
    let (mut live, mut released) = (Decimal::ZERO, Decimal::ZERO);
    for order in &basket.orders {
        if order.customer_pays_seller {
            continue;
        }
        same_currency(&order.id, &order.currency, currency)?;
        let sums = of_product(order)?;
        live = add(live, sums.live)?;
        released = add(released, sums.released)?;
    }
    for order in &basket.services {
        same_currency(&order.id, &order.currency, currency)?;
        let sums = of_service(basket, order)?;
        live = add(live, sums.live)?;
        released = add(released, sums.released)?;
    }
    let exact = |amount| {
        Money::from_major(amount, currency)
            .map_err(|error| HoldReason::CannotAddUp(error.to_string()))
    };
    Ok(Owed {
        live: exact(live)?,
        released: exact(released)?,
    })
}

/// What Mirakl knows to be given back of what is live, in the currency of the payment.
pub fn given_back(basket: &Basket, currency: Currency) -> Result<Money, HoldReason> {
    let mut sum = Decimal::ZERO;
    let passes_through = |order: &&ProductOrder| {
        !order.customer_pays_seller && !matches!(order.state, OrderState::Ended(_))
    };
    for order in basket.orders.iter().filter(passes_through) {
        let refunds = order.live_lines().flat_map(|line| &line.refunds);
        for refund in refunds.filter(|refund| refund.confirmed) {
            sum = add(sum, refund.amount)?;
            if order.tax_mode == TaxMode::Excluded {
                sum = add(sum, refund.taxes)?;
            }
        }
    }
    let live = |order: &&ServiceOrder| !matches!(order.state, ServiceState::Ended(_));
    let refunds = basket.services.iter().filter(live);
    let refunds = refunds.flat_map(|order| &order.refunds);
    for refund in refunds.filter(|refund| refund.confirmed) {
        for part in [refund.amount, refund.taxes, refund.options] {
            sum = add(sum, part)?;
        }
    }
    Money::from_major(sum, currency).map_err(|error| cannot(error.to_string()))
}

fn same_currency(
    order: &crate::domain::ids::OrderId,
    needed: &str,
    paid: Currency,
) -> Result<(), HoldReason> {
    if Currency::parse(needed).is_ok_and(|needed| needed == paid) {
        return Ok(());
    }
    Err(HoldReason::OtherCurrency {
        order: order.clone(),
        needed: needed.to_owned(),
        paid,
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    live: Decimal,
    released: Decimal,
}

fn of_product(order: &ProductOrder) -> Result<Sums, HoldReason> {
    let on_top = match &order.tax_mode {
        TaxMode::Included => false,
        TaxMode::Excluded => true,
        TaxMode::Unknown(mode) => {
            return Err(cannot(format!(
                "order {} has the tax mode {mode:?}, which is not known here",
                order.id
            )));
        }
    };
    let ended = matches!(order.state, OrderState::Ended(_));
    let mut sums = Sums::default();
    for line in &order.lines {
        let whole = whole(line, on_top)?;
        let canceled = match on_top {
            true => add(line.canceled, line.canceled_taxes)?,
            false => line.canceled,
        };
        match &line.state {
            LineState::Unknown(state) => {
                return Err(cannot(format!(
                    "line {} is in state {state:?}, which is not known here",
                    line.id
                )));
            }
            LineState::Live if !ended => {
                sums.live = add(sums.live, whole)?;
                sums.released = add(sums.released, canceled)?;
            }
            LineState::Live | LineState::Ended => {
                sums.released = add(sums.released, given_up(line, whole, canceled)?)?;
            }
        }
    }
    Ok(sums)
}

/// What the customer pays for a line as it is now.
fn whole(line: &OrderLine, on_top: bool) -> Result<Decimal, HoldReason> {
    let price = add(line.total_price, -line.prices_not_debitable)?;
    match on_top {
        true => add(price, add(line.taxes, -line.taxes_not_debitable)?),
        false => Ok(price),
    }
}

/// What a line that ended gives up: its price, or what was cancelled of it. Where a line shows both
/// and they differ, it cannot be told whether one is part of the other.
fn given_up(line: &OrderLine, whole: Decimal, canceled: Decimal) -> Result<Decimal, HoldReason> {
    if canceled.is_zero() || canceled == whole {
        Ok(whole)
    } else if whole.is_zero() {
        Ok(canceled)
    } else {
        Err(cannot(format!(
            "line {} has ended with a price of {whole} and cancellations of {canceled}",
            line.id
        )))
    }
}

fn of_service(basket: &Basket, order: &ServiceOrder) -> Result<Sums, HoldReason> {
    let mut debits = Decimal::ZERO;
    let mut any = false;
    for debit in basket.debits_of(&order.id) {
        any = true;
        debits = add(debits, debit.amount)?;
    }
    let amount = match (any, order.price) {
        (true, _) => debits,
        (false, Some(price)) => price,
        (false, None) => {
            return Err(cannot(format!(
                "service order {} has a price that is not known here",
                order.id
            )));
        }
    };
    let ended = matches!(order.state, ServiceState::Ended(_));
    Ok(match ended {
        true => Sums {
            released: amount,
            ..Sums::default()
        },
        false => Sums {
            live: amount,
            ..Sums::default()
        },
    })
}

fn add(a: Decimal, b: Decimal) -> Result<Decimal, HoldReason> {
    a.checked_add(b)
        .ok_or_else(|| cannot("an amount is too large".to_owned()))
}

fn cannot(what: String) -> HoldReason {
    HoldReason::CannotAddUp(what)
}
