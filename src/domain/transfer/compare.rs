//! Whether what was transferred still is what the order comes to.

use super::division::{Division, Rows};
use super::order::{Payable, Standing};
use super::reason::HoldReason;
use crate::domain::money::Money;

/// What a look at a transferred order says about one of its transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It still is what the order comes to.
    Agrees,
    /// It is not: both sides, for a person.
    Differs(String),
    /// The order as it is shown now says nothing about it.
    Silent,
}

/// Compares the seller's transfer with its order.
///
/// Refunds lower an order without making its transfer wrong: their reversals follow.
pub fn compare_seller(
    order: &Payable,
    transferred: Money,
    rows: &Rows,
    division: &Division,
) -> Comparison {
    let amounts = order.amounts.as_ref().map_err(Clone::clone);
    let part = |split: bool| {
        let parts = amounts.clone().and_then(|amounts| match split {
            true => amounts.split(),
            false => amounts.whole(),
        });
        parts.map(|parts| (parts.seller, parts.explained))
    };
    let split = match division {
        Division::Whole => false,
        Division::Split | Division::Unclear(_) => true,
    };
    let comparison = compare(order, transferred, "", part(split));
    match comparison {
        Comparison::Differs(_) if rows.taxes_were_ended() => {
            match compare(order, transferred, "", part(false)) {
                Comparison::Agrees => Comparison::Agrees,
                Comparison::Differs(_) | Comparison::Silent => comparison,
            }
        }
        Comparison::Agrees | Comparison::Differs(_) | Comparison::Silent => comparison,
    }
}

/// Compares the transfer of the taxes with its order.
pub fn compare_taxes(order: &Payable, transferred: Money) -> Comparison {
    let amounts = order.amounts.as_ref().map_err(Clone::clone);
    let parts = amounts.and_then(super::Amounts::split);
    let part = parts.map(|parts| (parts.taxes, parts.taxes_explained()));
    compare(order, transferred, " of taxes", part)
}

fn compare(
    order: &Payable,
    transferred: Money,
    what: &str,
    part: Result<(Money, String), HoldReason>,
) -> Comparison {
    if let Standing::Ended(state) = &order.standing {
        return Comparison::Differs(format!(
            "{transferred}{what} was transferred, but the order is now {state}"
        ));
    }
    if !order.comparable {
        return Comparison::Silent;
    }
    match part {
        Ok((now, _)) if now == transferred => Comparison::Agrees,
        Ok((now, _))
            if order.has_refunds
                && now.currency() == transferred.currency()
                && now.minor() < transferred.minor() =>
        {
            Comparison::Agrees
        }
        Ok((now, explained)) => Comparison::Differs(format!(
            "{transferred}{what} was transferred, but the order now comes to {now} ({explained})"
        )),
        Err(reason) => Comparison::Differs(format!(
            "{transferred}{what} was transferred, but the order now cannot be computed: {reason}"
        )),
    }
}
