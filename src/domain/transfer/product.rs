//! What a product order comes to.

use rust_decimal::Decimal;

use super::amount::{Amounts, add, currency};
use super::reason::HoldReason;
use crate::domain::order::{LineState, ProductOrder, TaxMode};

/// Total + taxes on top, commission, and what the shop does not get, exactly.
///
/// Totals that contradict the live lines are held: paying by either could be wrong.
pub(super) fn amounts(order: &ProductOrder) -> Result<Amounts, HoldReason> {
    let currency = currency(&order.currency)?;
    let sums = Sums::of(order)?;
    sums.agree_with(order)?;
    let on_top = match &order.tax_mode {
        TaxMode::Included => Decimal::ZERO,
        TaxMode::Excluded => sums.taxes,
        TaxMode::Unknown(mode) => {
            return Err(HoldReason::CannotAddUp(format!(
                "unknown tax mode {mode:?}"
            )));
        }
    };
    let included = order.tax_mode == TaxMode::Included;
    if included && !sums.prices_not_payable.is_zero() && !sums.taxes_not_payable.is_zero() {
        return Err(HoldReason::CannotAddUp(format!(
            "prices that hold their taxes mark {} as not payable to the shop, and the taxes mark {}: \
             it cannot be told whether these are the same",
            sums.prices_not_payable, sums.taxes_not_payable
        )));
    }
    let customer_explained = match on_top.is_zero() {
        true => format!("total {}", order.total_price),
        false => format!("total {} + taxes {on_top}", order.total_price),
    };
    Ok(Amounts {
        currency,
        customer: add(order.total_price, on_top)?,
        customer_explained,
        commission: order.total_commission,
        not_payable: add(sums.prices_not_payable, sums.taxes_not_payable)?,
        taxes: taxes_apart(order, sums.taxes),
    })
}

/// The taxes of the live lines, in either tax mode, where they are all the taxes there are.
fn taxes_apart(order: &ProductOrder, taxes: Decimal) -> Result<Decimal, String> {
    if order.has_order_taxes {
        return Err("it has taxes of the order as a whole".to_owned());
    }
    let withheld = order
        .live_lines()
        .find(|line| !line.prices_not_payable.is_zero() || !line.taxes_not_payable.is_zero());
    match withheld {
        Some(line) => Err(format!(
            "line {} has parts that are not payable to the shop",
            line.id
        )),
        None => Ok(taxes),
    }
}

/// What the live lines add up to.
#[derive(Default)]
struct Sums {
    total_price: Decimal,
    total_commission: Decimal,
    taxes: Decimal,
    prices_not_payable: Decimal,
    taxes_not_payable: Decimal,
}

impl Sums {
    fn of(order: &ProductOrder) -> Result<Self, HoldReason> {
        let mut sums = Self::default();
        for line in order.live_lines() {
            if let LineState::Unknown(state) = &line.state {
                return Err(HoldReason::CannotAddUp(format!(
                    "line {} is in state {state:?}, which this program does not know",
                    line.id
                )));
            }
            sums.total_price = add(sums.total_price, line.total_price)?;
            sums.total_commission = add(sums.total_commission, line.total_commission)?;
            sums.taxes = add(sums.taxes, line.taxes)?;
            sums.prices_not_payable = add(sums.prices_not_payable, line.prices_not_payable)?;
            sums.taxes_not_payable = add(sums.taxes_not_payable, line.taxes_not_payable)?;
        }
        Ok(sums)
    }

    fn agree_with(&self, order: &ProductOrder) -> Result<(), HoldReason> {
        for (what, total, sum) in [
            ("total_price", order.total_price, self.total_price),
            (
                "total_commission",
                order.total_commission,
                self.total_commission,
            ),
        ] {
            if total != sum {
                return Err(HoldReason::CannotAddUp(format!(
                    "{what} is {total}, its live lines add up to {sum}"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::amount::Parts;
    use super::super::fixtures::{decimal, line, order};
    use super::*;
    use crate::domain::money::Money;
    use crate::domain::order::OrderLine;

    fn whole(order: &ProductOrder) -> Result<Parts, HoldReason> {
        amounts(order)?.whole()
    }

    fn minor(order: &ProductOrder) -> Result<i64, &'static str> {
        let amount = whole(order);
        amount
            .map(|amount| amount.seller.minor())
            .map_err(|r| r.code())
    }

    fn ended(line: OrderLine) -> OrderLine {
        OrderLine {
            state: LineState::Ended,
            ..line
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn the_sellers_part_to_the_cent() {
        let excluded = |lines| ProductOrder {
            tax_mode: TaxMode::Excluded,
            ..order(lines)
        };
        let withheld = |prices: &str, taxes: &str| OrderLine {
            prices_not_payable: decimal(prices),
            taxes_not_payable: decimal(taxes),
            ..line("30.00", "3.00", "6.00")
        };
        let in_currency = |currency: &str, price: &str, commission: &str| ProductOrder {
            currency: currency.to_owned(),
            ..order(vec![line(price, commission, "0")])
        };
        for (what, order, expected) in [
            (
                "one line",
                order(vec![line("12.34", "1.11", "2.00")]),
                Ok(1123),
            ),
            (
                "two lines",
                order(vec![line("0.10", "0.01", "0"), line("0.20", "0.02", "0")]),
                Ok(27),
            ),
            (
                "taxes on top",
                excluded(vec![line("50.00", "6.60", "7.05")]),
                Ok(5045),
            ),
            (
                "a refused line counts nowhere",
                excluded(vec![
                    line("35.00", "4.20", "7.00"),
                    ended(line("20.00", "2.40", "4.00")),
                ]),
                Ok(3780),
            ),
            (
                "taxes in the price",
                order(vec![line("50.00", "6.60", "7.05")]),
                Ok(4340),
            ),
            (
                "a part of the price withheld",
                order(vec![withheld("2.50", "0")]),
                Ok(2450),
            ),
            (
                "taxes withheld",
                excluded(vec![withheld("0", "6.00")]),
                Ok(2700),
            ),
            (
                "both withheld, on top",
                excluded(vec![withheld("2.50", "6.00")]),
                Ok(2450),
            ),
            (
                "both withheld, in the price",
                order(vec![withheld("2.50", "6.00")]),
                Err("cannot_add_up"),
            ),
            (
                "sub-cents that add up",
                order(vec![
                    line("0.333", "0", "0"),
                    line("0.333", "0", "0"),
                    line("0.334", "0", "0"),
                ]),
                Ok(100),
            ),
            (
                "sub-cents that do not",
                order(vec![line("10.005", "0", "0")]),
                Err("inexact_amount"),
            ),
            ("yen", in_currency("JPY", "500", "50"), Ok(450)),
            (
                "half a yen",
                in_currency("JPY", "500.5", "50"),
                Err("inexact_amount"),
            ),
            ("dinars", in_currency("KWD", "1.250", "0.120"), Ok(1130)),
            (
                "a fils",
                in_currency("KWD", "1.251", "0.120"),
                Err("inexact_amount"),
            ),
            ("forint", in_currency("HUF", "999.50", "99.50"), Ok(90_000)),
            (
                "an unknown currency",
                in_currency("IQD", "1", "0"),
                Err("unknown_currency"),
            ),
            (
                "no currency",
                in_currency("", "1", "0"),
                Err("unknown_currency"),
            ),
            (
                "nothing left",
                order(vec![line("5.00", "5.00", "0")]),
                Ok(0),
            ),
            (
                "less than nothing",
                order(vec![line("5.00", "6.00", "0")]),
                Ok(-100),
            ),
            ("no lines", order(vec![]), Ok(0)),
            (
                "more than money can be",
                order(vec![
                    line("999999999999999", "0", "0"),
                    line("99999999999999999", "0", "0"),
                ]),
                Err("cannot_add_up"),
            ),
        ] {
            assert_eq!(minor(&order), expected, "{what}");
        }
    }

    #[test]
    fn totals_that_contradict_their_lines_are_held() {
        let good = order(vec![line("35.00", "4.20", "0"), line("20.00", "2.40", "0")]);
        let unknown_line = OrderLine {
            state: LineState::Unknown("PAUSED".to_owned()),
            ..line("1.00", "0", "0")
        };
        for (what, order) in [
            (
                "price",
                ProductOrder {
                    total_price: decimal("35.00"),
                    ..good.clone()
                },
            ),
            (
                "commission",
                ProductOrder {
                    total_commission: decimal("4.20"),
                    ..good.clone()
                },
            ),
            ("line state", order(vec![unknown_line])),
            (
                "tax mode",
                ProductOrder {
                    tax_mode: TaxMode::Unknown("NET".into()),
                    ..good.clone()
                },
            ),
        ] {
            assert_eq!(minor(&order), Err("cannot_add_up"), "{what}");
        }
        assert_eq!(minor(&good), Ok(4840));
    }

    #[test]
    fn the_arithmetic_is_told() {
        let order = ProductOrder {
            tax_mode: TaxMode::Excluded,
            ..order(vec![line("50.00", "6.60", "7.05")])
        };
        let amount = whole(&order).expect("an amount");
        assert_eq!(
            amount.explained,
            "total 50.00 + taxes 7.05 - commission 6.60 = 50.45 EUR"
        );
        assert_eq!(amount.customer.to_string(), "57.05 EUR");
    }

    prop_compose! {
        fn cents()(minor in 0_i64..10_000_000) -> Decimal { Decimal::new(minor, 2) }
    }

    proptest! {
        /// Nothing is lost between the customer, the operator and the seller.
        #[test]
        fn what_the_customer_pays_is_what_seller_and_operator_get(
            lines in proptest::collection::vec((cents(), cents(), cents(), cents()), 0..20),
            excluded in any::<bool>(),
        ) {
            let lines: Vec<OrderLine> = lines.into_iter().map(|(price, commission, taxes, withheld)| OrderLine {
                total_price: price, total_commission: commission, taxes, prices_not_payable: withheld,
                ..line("0", "0", "0")
            }).collect();
            let tax_mode = if excluded { TaxMode::Excluded } else { TaxMode::Included };
            let order = ProductOrder { tax_mode, ..order(lines) };
            let amount = whole(&order).expect("cents add up");
            let operator: Decimal = order.lines.iter().map(|l| l.total_commission + l.prices_not_payable).sum();
            let operator = Money::from_major(operator, amount.seller.currency()).expect("cents");
            prop_assert_eq!(amount.seller.checked_add(operator), Ok(amount.customer));
        }

        /// The order of lines, and how an amount is cut into lines, change nothing.
        #[test]
        fn the_amount_does_not_depend_on_the_order_of_lines(
            lines in proptest::collection::vec((cents(), cents()), 1..20),
        ) {
            let lines: Vec<OrderLine> = lines.into_iter().map(|(price, commission)| OrderLine {
                total_price: price, total_commission: commission, ..line("0", "0", "0")
            }).collect();
            let mut reversed = lines.clone();
            reversed.reverse();
            prop_assert_eq!(minor(&order(lines)), minor(&order(reversed)));
        }
    }
}
