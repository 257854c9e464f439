//! What a service order comes to, by its debits: the order itself does not say what was paid.

use rust_decimal::Decimal;

use super::amount::{Amounts, add, currency};
use super::reason::HoldReason;
use crate::domain::service::{DebitState, ServiceDebit, ServiceOrder};

/// What Mirakl says of an order's debits (SPA11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Debits {
    /// All there are.
    Read(Vec<ServiceDebit>),
    /// They could not be read, and why.
    Unread(String),
}

/// The debits of one order that the customer was debited: all that were not refused.
#[derive(Debug, Clone)]
pub(super) struct Paid<'a>(Vec<&'a ServiceDebit>);

/// The debits that were paid, once none waits.
pub(super) fn paid(debits: &Debits) -> Result<Paid<'_>, HoldReason> {
    let debits = match debits {
        Debits::Read(debits) => debits,
        Debits::Unread(cause) => return Err(HoldReason::DebitsUnread(cause.clone())),
    };
    let mut paid: Vec<&ServiceDebit> = Vec::new();
    let (mut waits, mut refused) = (false, None);
    for debit in debits {
        match &debit.state {
            DebitState::Ok => match paid.iter().find(|known| known.id == debit.id) {
                None => paid.push(debit),
                // A list may show an element twice when it changes while it is read.
                Some(known) if *known == debit => {}
                Some(_) => {
                    return Err(HoldReason::CannotAddUp(format!(
                        "Mirakl shows debit {} twice, differently",
                        debit.id
                    )));
                }
            },
            DebitState::Waiting => waits = true,
            DebitState::Refused => refused = Some(&debit.id),
            DebitState::Unknown(state) => {
                return Err(HoldReason::UnknownDebitState {
                    debit: debit.id.clone(),
                    state: state.clone(),
                });
            }
        }
    }
    match (waits, paid.is_empty(), refused) {
        (false, false, _) => Ok(Paid(paid)),
        (false, true, Some(debit)) => Err(HoldReason::DebitRefused(debit.clone())),
        (true, _, _) | (false, true, None) => Err(HoldReason::NotDebited),
    }
}

impl Paid<'_> {
    /// When the customer was last debited.
    pub fn at(&self) -> Result<chrono::DateTime<chrono::Utc>, HoldReason> {
        let mut last = None;
        for debit in &self.0 {
            let undated = || HoldReason::DebitUndated(debit.id.clone());
            last = last.max(Some(debit.debited_at.ok_or_else(undated)?));
        }
        last.ok_or(HoldReason::NotDebited)
    }

    /// The payment that Mirakl was told; none where it was told none.
    pub fn transaction_number(&self) -> Result<Option<String>, HoldReason> {
        let numbers = self
            .0
            .iter()
            .filter_map(|d| d.transaction_number.as_deref());
        let mut numbers: Vec<String> = numbers.map(|number| number.trim().to_owned()).collect();
        numbers.sort();
        numbers.dedup();
        match numbers.len() {
            0 | 1 => Ok(numbers.pop()),
            _ => Err(HoldReason::SeveralNumbers(numbers)),
        }
    }

    /// What was debited, and the commission on it; one that is not shown is not taken for zero.
    pub fn amounts(&self, order: &ServiceOrder) -> Result<Amounts, HoldReason> {
        let currency = currency(&order.currency)?;
        let mut customer = Decimal::ZERO;
        for debit in &self.0 {
            if debit.currency != order.currency {
                return Err(HoldReason::CannotAddUp(format!(
                    "debit {} is in {:?}, the order in {currency}",
                    debit.id, debit.currency
                )));
            }
            customer = add(customer, debit.amount)?;
        }
        let commission = order.commission.ok_or(HoldReason::NoCommission)?;
        let unknown = || "the form of its price is not known here".to_owned();
        Ok(Amounts {
            currency,
            customer,
            customer_explained: format!("debited {customer}"),
            commission,
            not_payable: Decimal::ZERO,
            taxes: order.taxes.ok_or_else(unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{at, debit, decimal, service};
    use super::*;

    fn comes_to(order: &ServiceOrder, debits: Vec<ServiceDebit>) -> Result<i64, &'static str> {
        let whole = paid(&Debits::Read(debits))
            .and_then(|paid| paid.amounts(order))
            .and_then(|amounts| amounts.whole());
        whole
            .map(|parts| parts.seller.minor())
            .map_err(|reason| reason.code())
    }

    fn in_state(id: &str, amount: &str, state: &str) -> ServiceDebit {
        ServiceDebit {
            state: DebitState::parse(state),
            ..debit(id, amount)
        }
    }

    #[test]
    fn a_service_is_paid_once_every_debit_that_was_not_refused_is() {
        let ok = |id: &str| debit(id, "20.00");
        for (what, debits, expected) in [
            ("none", vec![], Err("not_debited")),
            ("one", vec![ok("D1")], Ok(1800)),
            ("two", vec![ok("D1"), ok("D2")], Ok(3800)),
            ("shown twice", vec![ok("D1"), ok("D1")], Ok(1800)),
            (
                "shown twice, differently",
                vec![ok("D1"), debit("D1", "21.00")],
                Err("cannot_add_up"),
            ),
            (
                "one waits",
                vec![ok("D1"), in_state("D2", "1.00", "WAITING")],
                Err("not_debited"),
            ),
            (
                "one refused",
                vec![in_state("D2", "9.00", "REFUSED"), ok("D1")],
                Ok(1800),
            ),
            (
                "all refused",
                vec![in_state("D1", "9.00", "REFUSED")],
                Err("debit_refused"),
            ),
            (
                "refused, another waits",
                vec![
                    in_state("D1", "9.00", "REFUSED"),
                    in_state("D2", "9.00", "WAITING"),
                ],
                Err("not_debited"),
            ),
            (
                "a new word",
                vec![ok("D1"), in_state("D2", "1.00", "PARTLY")],
                Err("unknown_debit_state"),
            ),
            (
                "another currency",
                vec![ServiceDebit {
                    currency: "USD".into(),
                    ..ok("D1")
                }],
                Err("cannot_add_up"),
            ),
            (
                "a refused one in another currency",
                vec![
                    ok("D1"),
                    ServiceDebit {
                        currency: "USD".into(),
                        ..in_state("D2", "1.00", "REFUSED")
                    },
                ],
                Ok(1800),
            ),
            (
                "half a cent",
                vec![debit("D1", "20.005")],
                Err("inexact_amount"),
            ),
        ] {
            assert_eq!(
                comes_to(&service("20.00", "2.00"), debits),
                expected,
                "{what}"
            );
        }
    }

    #[test]
    fn a_commission_that_is_not_shown_holds_and_one_of_zero_does_not() {
        let with = |commission| ServiceOrder {
            commission,
            ..service("20.00", "2.00")
        };
        let debits = || vec![debit("D1", "20.00")];
        assert_eq!(comes_to(&with(None), debits()), Err("no_commission"));
        assert_eq!(comes_to(&with(Some(Decimal::ZERO)), debits()), Ok(2000));
    }

    #[test]
    fn taxes_that_are_not_known_are_not_split_off() {
        let taxed = |taxes: Option<&str>| ServiceOrder {
            taxes: taxes.map(decimal),
            ..service("20.00", "2.00")
        };
        let split = |order: ServiceOrder| {
            let debits = Debits::Read(vec![debit("D1", "20.00")]);
            let amounts = paid(&debits).and_then(|paid| paid.amounts(&order));
            let parts = amounts.and_then(|amounts| amounts.split());
            parts
                .map(|parts| (parts.seller.minor(), parts.taxes.minor(), parts.explained))
                .map_err(|reason| reason.code())
        };
        let explained =
            "debited 20.00 - commission 2.00 - taxes 3.33 to the tax account = 14.67 EUR";
        assert_eq!(
            split(taxed(Some("3.33"))),
            Ok((1467, 333, explained.to_owned()))
        );
        assert_eq!(split(taxed(None)), Err("cannot_add_up"));
    }

    #[test]
    fn the_last_debit_says_when_and_all_say_by_which_payment() {
        let by = |id: &str, day, number: Option<&str>| ServiceDebit {
            debited_at: day,
            transaction_number: number.map(str::to_owned),
            ..debit(id, "1.00")
        };
        let read = |debits: Vec<ServiceDebit>| {
            let debits = Debits::Read(debits);
            let paid = paid(&debits).expect("paid");
            (
                paid.at().map_err(|reason| reason.code()),
                paid.transaction_number().map_err(|reason| reason.code()),
            )
        };
        let pi = |id: &str| Ok(Some(id.to_owned()));
        for (what, debits, expected) in [
            (
                "one",
                vec![by("D1", Some(at(1)), Some("pi_1"))],
                (Ok(at(1)), pi("pi_1")),
            ),
            (
                "the same twice, and none",
                vec![
                    by("D1", Some(at(1)), Some("pi_1")),
                    by("D2", Some(at(3)), Some(" pi_1")),
                    by("D3", Some(at(2)), None),
                ],
                (Ok(at(3)), pi("pi_1")),
            ),
            (
                "two payments",
                vec![
                    by("D1", Some(at(1)), Some("pi_1")),
                    by("D2", Some(at(1)), Some("pi_2")),
                ],
                (Ok(at(1)), Err("several_payments")),
            ),
            (
                "no date",
                vec![by("D1", Some(at(1)), None), by("D2", None, None)],
                (Err("debit_undated"), Ok(None)),
            ),
        ] {
            assert_eq!(read(debits), expected, "{what}");
        }
    }
}
