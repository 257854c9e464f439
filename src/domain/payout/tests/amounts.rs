//! Whatever the amounts, signs and currencies: to the cent, or not at all.

use proptest::prelude::*;

use super::*;
use crate::domain::money::Currency;

/// Decimals of the currency at Stripe, the step of its amounts, the step of its payouts.
const CURRENCIES: [(&str, u32, i64, i64); 11] = [
    ("EUR", 2, 1, 1),
    ("USD", 2, 1, 1),
    ("JPY", 0, 1, 1),
    ("KRW", 0, 1, 1),
    ("KWD", 3, 10, 10),
    ("BHD", 3, 10, 10),
    ("TND", 3, 10, 10),
    ("HUF", 2, 1, 100),
    ("TWD", 2, 1, 100),
    ("ISK", 2, 100, 100),
    ("UGX", 2, 100, 100),
];

fn currency() -> impl Strategy<Value = (&'static str, u32, i64, i64)> {
    prop::sample::select(CURRENCIES.to_vec())
}

fn of(currency: &str, amounts: [Decimal; 4]) -> Invoice {
    let [credits, subscription, other_invoices, transferred] = amounts;
    Invoice {
        currency: currency.to_owned(),
        transferred,
        credits,
        subscription,
        other_invoices,
        ..invoice()
    }
}

#[test]
fn payouts_in_whole_units_are_checked_before_anything_leaves() {
    for (amount, currency, expected) in [
        ("500", "HUF", "pay 500.00 HUF"),
        ("500.50", "HUF", "not_payable"),
        ("500.01", "TWD", "not_payable"),
        ("500", "TWD", "pay 500.00 TWD"),
        ("7", "ISK", "pay 7.00 ISK"),
        ("7.50", "ISK", "inexact_amount"),
        ("7", "UGX", "pay 7.00 UGX"),
        ("7.01", "UGX", "inexact_amount"),
        ("500", "JPY", "pay 500 JPY"),
        ("500.5", "JPY", "inexact_amount"),
        ("1.23", "KWD", "pay 1.230 KWD"),
        ("1.234", "KWD", "inexact_amount"),
        ("1.00", "eur", "pay 1.00 EUR"),
        ("1.00", "IQD", "unknown_currency"),
        ("1.00", "", "unknown_currency"),
    ] {
        let amounts = [Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, decimal(amount)];
        let found = facts(&of(currency, amounts));
        assert_eq!(word(&found.payout), expected, "{amount} {currency}");
        // What is owed below zero does not go to a bank.
        let owed = facts(&of(currency, amounts.map(|amount| -amount)));
        let expected = match expected {
            "inexact_amount" | "unknown_currency" => expected,
            _ => "seller_owes",
        };
        assert_eq!(word(&owed.payout), expected, "-{amount} {currency}");
    }
}

#[test]
fn movements_of_a_payout_that_must_be_whole_are_made_all_the_same() {
    let amounts = ["1.50", "-2.25", "0", "100.25"].map(decimal);
    let found = facts(&of("HUF", amounts));
    assert_eq!(word(&found.payout), "not_payable");
    assert_eq!(
        moved(&found.movements),
        [(CREDITS, 150), (SUBSCRIPTION, -225)]
    );
}

proptest! {
    /// Amounts that fit the currency come through to the minor unit, in every currency.
    #[test]
    fn amounts_that_fit_are_moved_and_paid_exactly(
        (code, decimals, step, payout_step) in currency(),
        units in prop::array::uniform4(0_i64..1_000_000_000),
        zeros in 0_u32..3,
    ) {
        let minor = units.map(|units| units * step);
        let [credits, subscription, invoices, transferred] = minor;
        let amounts = [credits, -subscription, -invoices, transferred].map(|minor| {
            // As Mirakl may show it: with zeros behind.
            let mut amount = Decimal::new(minor, decimals);
            amount.rescale(decimals + zeros);
            amount
        });
        let found = facts(&of(code, amounts));
        let expected: Vec<_> = [(CREDITS, credits), (SUBSCRIPTION, -subscription), (INVOICES, -invoices)]
            .into_iter()
            .filter(|(_, minor)| *minor != 0)
            .collect();
        prop_assert_eq!(moved(&found.movements), expected);
        let currency = Currency::parse(code).expect("known");
        prop_assert!(found.movements.iter().all(|movement| movement.amount.currency() == currency));
        let amount = Money::from_minor(transferred, currency);
        let payout = match transferred {
            0 => Decision::Nothing,
            _ if transferred % payout_step == 0 => Decision::Pay(amount),
            _ => Decision::Hold(HoldReason::NotPayable(amount)),
        };
        prop_assert_eq!(found.payout, payout);
    }

    /// Whatever Mirakl sends: each amount is moved exactly as shown, or nothing moves at all.
    #[test]
    fn an_invoice_is_carried_out_exactly_or_not_at_all(
        (code, decimals, step, payout_step) in currency(),
        mantissas in prop::array::uniform4(-1_000_000_i64..1_000_000),
        scales in prop::array::uniform4(0_u32..5),
    ) {
        let mut amounts = [Decimal::ZERO; 4];
        for (n, amount) in amounts.iter_mut().enumerate() {
            *amount = Decimal::new(mantissas[n], scales[n]);
        }
        let found = facts(&of(code, amounts));
        let exact = |amount: Decimal| {
            let minor = amount * Decimal::from(10_i64.pow(decimals));
            minor.fract().is_zero() && (minor % Decimal::from(step)).is_zero()
        };
        let [credits, subscription, invoices, transferred] = amounts;
        let signs = credits >= Decimal::ZERO && subscription <= Decimal::ZERO && invoices <= Decimal::ZERO;
        let fits = signs && amounts.into_iter().all(exact);
        if !fits {
            prop_assert_eq!(&found.movements, &[]);
            let word = word(&found.payout);
            prop_assert!(["unexpected_sign", "inexact_amount"].contains(&word.as_str()));
            return Ok(());
        }
        let shown = [(CREDITS, credits), (SUBSCRIPTION, subscription), (INVOICES, invoices)];
        for (kind, amount) in shown {
            let found = found.movements.iter().find(|movement| movement.kind == kind);
            let found = found.map_or(Decimal::ZERO, |movement| movement.amount.to_major());
            prop_assert_eq!(found, amount.abs());
        }
        match &found.payout {
            Decision::Pay(amount) => {
                prop_assert_eq!(amount.to_major(), transferred);
                prop_assert!(amount.minor() > 0 && amount.minor() % payout_step == 0);
            }
            Decision::Hold(reason) => prop_assert_eq!(reason.code(), "not_payable"),
            Decision::Abort(reason) => {
                prop_assert_eq!(reason.code(), "seller_owes");
                prop_assert!(transferred < Decimal::ZERO);
            }
            Decision::Nothing => prop_assert!(transferred.is_zero()),
            Decision::Ignore(reason) => prop_assert!(false, "{}", reason),
        }
    }

    /// A payout never takes what is kept for refunds, and what is missing is told to the cent.
    #[test]
    fn a_payout_never_takes_more_than_is_free(
        amount in 1_i64..1_000_000, available in -1_000_000_i64..2_000_000, reserved in 0_i64..1_000_000,
    ) {
        let account = "acct_1".into();
        let found = gate(&Gate {
            amount: money(amount, "EUR"),
            account: &account,
            open_transfers: &[],
            earlier: None,
            payouts_enabled: true,
            available: Some(available),
            held: &[],
            reserved,
        });
        match found {
            None => prop_assert!(available - reserved >= amount),
            Some(HoldReason::BalanceTooLow { missing, .. }) => {
                prop_assert_eq!(available - reserved + missing.minor(), amount);
                prop_assert!(missing.minor() > 0);
            }
            Some(other) => prop_assert!(false, "{}", other),
        }
    }
}
