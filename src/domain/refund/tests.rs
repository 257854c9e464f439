use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::transfer::fixtures::{decimal, line, money, order, refund};
use super::*;
use crate::domain::ids::{ChargeId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::order::{LineRefund, TaxMode};
use crate::domain::transfer::{OrderKind, TransferType};

fn asked(amount: &str) -> AskedRefund {
    AskedRefund {
        kind: RefundType::ProductRefund,
        id: "R1".into(),
        order_id: "C1-A".into(),
        commercial_id: Some("C1".into()),
        amount: decimal(amount),
        currency: "EUR".to_owned(),
        shop_id: None,
    }
}

fn shown(amount: &str, commission: &str) -> Shown {
    Shown {
        total: Some(decimal(amount)),
        currency: "EUR".to_owned(),
        taxes: Decimal::ZERO,
        commission: Some(decimal(commission)),
        not_payable: Decimal::ZERO,
        confirmed: false,
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn the_sellers_part_of_a_refund_to_the_cent() {
    let taxed = |mode, taxes: &str, prices_withheld: &str, taxes_withheld: &str| {
        let refund = LineRefund {
            taxes: decimal(taxes),
            prices_not_payable: decimal(prices_withheld),
            taxes_not_payable: decimal(taxes_withheld),
            ..refund("R1", "10.00", "1.00")
        };
        let mut order = order(vec![line("30.00", "3.00", "0")]);
        order.tax_mode = mode;
        Shown::of_line(&order, &refund)
    };
    let included = || TaxMode::Included;
    for (what, shown, amount, expected) in [
        (
            "taxes in the price",
            taxed(included(), "2.00", "0", "0"),
            "10.00",
            Ok((900, 200)),
        ),
        (
            "taxes on top",
            taxed(TaxMode::Excluded, "2.00", "0", "0"),
            "12.00",
            Ok((1100, 200)),
        ),
        (
            "a part withheld",
            taxed(included(), "0", "2.50", "0"),
            "10.00",
            Ok((650, 0)),
        ),
        (
            "taxes withheld",
            taxed(TaxMode::Excluded, "2.00", "0", "2.00"),
            "12.00",
            Ok((900, 200)),
        ),
        (
            "all withheld",
            taxed(included(), "0", "10.00", "0"),
            "10.00",
            Ok((-100, 0)),
        ),
        (
            "both withheld, in the price",
            taxed(included(), "2.00", "1.00", "2.00"),
            "10.00",
            Err("cannot_add_up"),
        ),
        (
            "an unknown tax mode",
            taxed(TaxMode::Unknown("X".into()), "0", "0", "0"),
            "10.00",
            Err("cannot_add_up"),
        ),
        (
            "asked without the taxes on top",
            taxed(TaxMode::Excluded, "2.00", "0", "0"),
            "10.00",
            Err("cannot_add_up"),
        ),
        (
            "a cent more than shown",
            Ok(shown("10.00", "1.00")),
            "10.01",
            Err("cannot_add_up"),
        ),
        ("nothing", Ok(shown("0", "0")), "0", Err("cannot_add_up")),
        (
            "less than nothing",
            Ok(shown("-1.00", "0")),
            "-1.00",
            Err("cannot_add_up"),
        ),
        (
            "commission below zero",
            Ok(shown("10.00", "-1.00")),
            "10.00",
            Err("cannot_add_up"),
        ),
        (
            "taxes below zero",
            taxed(TaxMode::Included, "-2.00", "0", "0"),
            "10.00",
            Err("cannot_add_up"),
        ),
        (
            "half a cent of commission",
            Ok(shown("10.00", "0.005")),
            "10.00",
            Err("inexact_amount"),
        ),
        (
            "half a cent",
            Ok(shown("10.005", "0")),
            "10.005",
            Err("inexact_amount"),
        ),
        (
            "no commission shown",
            Ok(Shown {
                commission: None,
                ..shown("10.00", "0")
            }),
            "10.00",
            Err("no_commission"),
        ),
        (
            "another currency",
            Ok(Shown {
                currency: "USD".into(),
                ..shown("10.00", "0")
            }),
            "10.00",
            Err("cannot_add_up"),
        ),
    ] {
        let found = shown.and_then(|shown| refund_amounts(&asked(amount), &shown));
        let found = found
            .map(|found| (found.seller.minor(), found.taxes.map_or(-1, Money::minor)))
            .map_err(|reason| reason.code());
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn the_arithmetic_is_told() {
    let amounts = refund_amounts(&asked("10.00"), &shown("10.00", "1.00")).expect("adds up");
    assert_eq!(
        amounts.explained,
        "refund 10.00 - commission 1.00 = 9.00 EUR"
    );
    let withheld = Shown {
        not_payable: decimal("2.5"),
        ..shown("10.00", "0")
    };
    let amounts = refund_amounts(&asked("10.00"), &withheld).expect("adds up");
    assert_eq!(
        amounts.explained,
        "refund 10.00 - not payable to the shop 2.5 = 7.50 EUR"
    );
}

fn paid(captured: Option<i64>) -> Charged {
    Charged {
        charge: "ch_1".into(),
        payment: Some("pi_1".to_owned()),
        currency: Currency::parse("EUR").expect("known"),
        captured,
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_is_refunded_waits_or_is_left_to_a_person() {
    let asked = asked("10.00");
    let good = Ok(shown("10.00", "1.00"));
    let unpaid = HoldReason::Payment(crate::domain::transfer::HoldReason::NotCaptured(
        "pi_1".into(),
    ));
    let dollars = Ok(Charged {
        currency: Currency::parse("USD").expect("known"),
        ..paid(None)
    });
    let old = "re_old".into();
    for (what, shown, charged, old, by_others, accepted, expected) in [
        ("good", &good, &Ok(paid(Some(1000))), None, 0, 0, "refund"),
        (
            "by its transfer",
            &good,
            &Ok(paid(None)),
            None,
            0,
            0,
            "refund",
        ),
        (
            "more than was taken",
            &good,
            &Ok(paid(Some(999))),
            None,
            0,
            0,
            "above_debited",
        ),
        (
            "not captured",
            &good,
            &Err(unpaid),
            None,
            0,
            0,
            "not_captured",
        ),
        (
            "not in the order",
            &Err(HoldReason::NotInOrder),
            &Ok(paid(None)),
            None,
            0,
            0,
            "not_in_order",
        ),
        (
            "another currency",
            &good,
            &dollars,
            None,
            0,
            0,
            "other_currency",
        ),
        (
            "others were at it",
            &good,
            &Ok(paid(None)),
            None,
            1,
            0,
            "refunded_by_others",
        ),
        (
            "and a person knows",
            &good,
            &Ok(paid(None)),
            None,
            500,
            500,
            "refund",
        ),
        (
            "and of more since",
            &good,
            &Ok(paid(None)),
            None,
            501,
            500,
            "refunded_by_others",
        ),
        (
            "by the former connector",
            &good,
            &Ok(paid(None)),
            Some((&old, 1000)),
            0,
            0,
            "take over",
        ),
        (
            "something else by the former connector",
            &good,
            &Ok(paid(None)),
            Some((&old, 100_000)),
            0,
            0,
            "former_differs",
        ),
    ] {
        let facts = Facts {
            asked: &asked,
            shown,
            charged,
            old,
            by_others,
            accepted,
        };
        let found = match decide(facts) {
            Decision::Refund {
                amounts, charge, ..
            } => {
                assert_eq!(
                    (amounts.refund.minor(), amounts.seller.minor()),
                    (1000, 900)
                );
                assert_eq!(charge, ChargeId::from("ch_1"));
                "refund"
            }
            Decision::TakeOver { refund, .. } => {
                assert_eq!(refund.as_str(), "re_old");
                "take over"
            }
            Decision::Hold(reason) => reason.code(),
            Decision::Person(reason) => reason.code(),
        };
        assert_eq!(found, expected, "{what}");
    }
}

fn made(id: &str, left: i64) -> Transferred {
    Transferred::Made {
        id: TransferId::from(id),
        left: money(left, "EUR"),
    }
}

/// What comes back: the amounts by part, or the kind of reason.
fn reversed(facts: &ReversalFacts<'_>) -> Result<Vec<(TransferType, i64, i64)>, &'static str> {
    match decide_reversal(facts, OrderKind::Product) {
        ReversalDecision::Reverse(parts) => Ok(parts
            .into_iter()
            .map(|part| (part.kind, part.wanted.minor(), part.amount.minor()))
            .collect()),
        ReversalDecision::Hold(reason) => Err(reason.code()),
        ReversalDecision::Nothing(reason) => Err(reason.code()),
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_comes_back_from_the_orders_transfers() {
    use TransferType::{ProductOrder, ProductOrderTax};
    let (whole, short, empty) = (made("tr_1", 2700), made("tr_1", 500), made("tr_1", 0));
    let taxes = made("tr_2", 300);
    let waits = Transferred::Waits("TRANSFER_ON_HOLD");
    let ended = Transferred::Ended("excluded".to_owned());
    for (what, seller, tax, transfer, tax_transfer, split, expected) in [
        (
            "whole",
            900,
            0,
            Some(&whole),
            None,
            true,
            Ok(vec![(ProductOrder, 900, 900)]),
        ),
        (
            "with the split off",
            900,
            0,
            Some(&whole),
            None,
            false,
            Ok(vec![(ProductOrder, 900, 900)]),
        ),
        (
            "taxes stay the seller's",
            900,
            200,
            Some(&whole),
            None,
            true,
            Ok(vec![(ProductOrder, 900, 900)]),
        ),
        (
            "cut",
            900,
            0,
            Some(&short),
            None,
            true,
            Ok(vec![(ProductOrder, 900, 500)]),
        ),
        (
            "nothing left",
            900,
            0,
            Some(&empty),
            None,
            true,
            Ok(vec![(ProductOrder, 900, 0)]),
        ),
        (
            "taxes apart",
            900,
            200,
            Some(&whole),
            Some(&taxes),
            true,
            Ok(vec![(ProductOrder, 700, 700), (ProductOrderTax, 200, 200)]),
        ),
        (
            "taxes apart, cut",
            900,
            400,
            Some(&whole),
            Some(&taxes),
            true,
            Ok(vec![(ProductOrder, 500, 500), (ProductOrderTax, 400, 300)]),
        ),
        (
            "only taxes",
            200,
            200,
            Some(&ended),
            Some(&taxes),
            true,
            Ok(vec![(ProductOrderTax, 200, 200)]),
        ),
        (
            "taxes ended",
            900,
            200,
            Some(&whole),
            Some(&ended),
            true,
            Ok(vec![(ProductOrder, 900, 900)]),
        ),
        (
            "not transferred yet",
            900,
            0,
            Some(&waits),
            None,
            true,
            Err("transfer_not_made"),
        ),
        (
            "taxes not transferred yet",
            900,
            200,
            Some(&whole),
            Some(&waits),
            true,
            Err("transfer_not_made"),
        ),
        (
            "never seen",
            900,
            0,
            None,
            None,
            true,
            Err("transfer_not_made"),
        ),
        (
            "never seen, split off",
            900,
            0,
            None,
            None,
            false,
            Err("split_off"),
        ),
        (
            "ended",
            900,
            0,
            Some(&ended),
            None,
            true,
            Err("transfer_ended"),
        ),
        (
            "nothing to bear",
            0,
            0,
            Some(&whole),
            None,
            true,
            Err("seller_bears_nothing"),
        ),
        (
            "less than nothing",
            -100,
            0,
            Some(&whole),
            None,
            true,
            Err("seller_bears_nothing"),
        ),
    ] {
        let facts = ReversalFacts {
            seller: money(seller, "EUR"),
            taxes: Some(money(tax, "EUR")),
            withheld: Some(money(0, "EUR")),
            explained: "",
            seller_transfer: transfer,
            tax_transfer,
            split,
        };
        assert_eq!(reversed(&facts), expected, "{what}");
    }
    let taxes_made = made("tr_2", 300);
    let unclear = |taxes, withheld| ReversalFacts {
        seller: money(900, "EUR"),
        taxes,
        withheld,
        explained: "",
        seller_transfer: Some(&whole),
        tax_transfer: Some(&taxes_made),
        split: true,
    };
    let zero = Some(money(0, "EUR"));
    assert_eq!(reversed(&unclear(None, zero)), Err("taxes_unclear"));
    assert_eq!(
        reversed(&unclear(zero, Some(money(1, "EUR")))),
        Err("taxes_unclear")
    );
    let yen = Transferred::Made {
        id: "tr_1".into(),
        left: money(900, "JPY"),
    };
    let mixed = ReversalFacts {
        seller_transfer: Some(&yen),
        tax_transfer: None,
        ..unclear(zero, zero)
    };
    assert_eq!(reversed(&mixed), Err("cannot_add_up"));
}

proptest! {
    /// An order refunded in parts until nothing is left gives back exactly what was transferred,
    /// whichever way prices, commission, taxes and what was withheld fall into the parts.
    #[test]
    fn parts_that_add_up_to_the_order_give_back_exactly_what_was_transferred(
        parts in prop::collection::vec((1_i64..100_000, 0_i64..10_000, 0_i64..10_000, 0_i64..10_000), 1..8),
        excluded in any::<bool>(),
        split in any::<bool>(),
    ) {
        let cents = |minor: i64| Decimal::new(minor, 2);
        let mut order = order(vec![line("1.00", "0", "0")]);
        order.tax_mode = if excluded { TaxMode::Excluded } else { TaxMode::Included };
        let (mut seller_left, mut tax_left) = (0, 0);
        let mut refunds = Vec::new();
        for (n, (price, fee, tax, withheld)) in parts.iter().copied().enumerate() {
            // Taxes in the price are a part of it; what is withheld is too, and unknown to a split.
            let price = price + fee + tax + withheld;
            let withheld = if split { 0 } else { withheld };
            let refund = LineRefund {
                taxes: cents(tax),
                prices_not_payable: cents(withheld),
                ..refund(&format!("R{n}"), &cents(price).to_string(), &cents(fee).to_string())
            };
            let given = price + if excluded { tax } else { 0 };
            let seller = given - fee - withheld;
            seller_left += seller - if split { tax } else { 0 };
            tax_left += if split { tax } else { 0 };
            refunds.push((given, refund));
        }
        for (given, refund) in refunds {
            let shown = Shown::of_line(&order, &refund).expect("adds up");
            let asked = asked(&cents(given).to_string());
            let amounts = refund_amounts(&asked, &shown).expect("adds up");
            prop_assert_eq!(amounts.refund.minor(), given);
            let transfer = made("tr_1", seller_left);
            let tax_transfer = made("tr_2", tax_left);
            let facts = ReversalFacts {
                seller: amounts.seller,
                taxes: amounts.taxes,
                withheld: amounts.withheld,
                explained: "",
                seller_transfer: Some(&transfer),
                tax_transfer: split.then_some(&tax_transfer),
                split: true,
            };
            if let ReversalDecision::Reverse(parts) = decide_reversal(&facts, OrderKind::Product) {
                for part in parts {
                    prop_assert_eq!(part.amount, part.wanted);
                    match part.kind.is_tax() {
                        false => seller_left -= part.amount.minor(),
                        true => tax_left -= part.amount.minor(),
                    }
                }
            }
        }
        prop_assert_eq!((seller_left, tax_left), (0, 0));
    }

    /// Whatever is asked, never more than what is left comes back, and never less than nothing.
    #[test]
    fn never_more_than_what_is_left_comes_back(
        seller in -1_000_i64..1_000_000, tax in 0_i64..1_000_000, left in 0_i64..1_000_000, tax_left in 0_i64..1_000_000,
    ) {
        let (transfer, tax_transfer) = (made("tr_1", left), made("tr_2", tax_left));
        let facts = ReversalFacts {
            seller: money(seller, "EUR"),
            taxes: Some(money(tax, "EUR")),
            withheld: Some(money(0, "EUR")),
            explained: "",
            seller_transfer: Some(&transfer),
            tax_transfer: Some(&tax_transfer),
            split: true,
        };
        if let Ok(parts) = reversed(&facts) {
            for (kind, wanted, amount) in parts {
                let left = if kind.is_tax() { tax_left } else { left };
                prop_assert!(0 <= amount && amount <= left && amount <= wanted);
            }
        }
    }
}
