//! What comes back from the order's transfers.

use super::*;

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
