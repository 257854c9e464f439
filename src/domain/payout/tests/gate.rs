//! What stands in the way of a payout, and what is flagged and does not.

use super::*;

#[test]
fn what_of_the_summary_nothing_carries_out_is_flagged_and_stops_nothing() {
    let items = |items: &[(&str, &str)]| -> Vec<(String, Decimal)> {
        let items = items.iter();
        items
            .map(|(name, amount)| ((*name).to_owned(), decimal(amount)))
            .collect()
    };
    for (summary, left) in [
        (&[][..], &[][..]),
        (
            &[
                ("amount_transferred", "81"),
                ("amount_transferred_to_operator", "-1"),
                ("total_commissions_incl_tax", "-9"),
                ("total_commissions_excl_tax", "-8"),
                ("total_refund_commissions_incl_tax", "1"),
                ("total_payable_orders_incl_tax", "90"),
                ("total_refund_orders_incl_tax", "-5"),
                ("total_subscription_incl_tax", "-9.99"),
                ("total_subscription_excl_tax", "-8"),
                ("total_other_credits_incl_tax", "5"),
                ("total_other_invoices_incl_tax", "-3"),
                ("total_something_new", "0.00"),
            ],
            &[],
        ),
        (
            &[("amount_reserved", "-10.00"), ("total_new_fee", "0.01")],
            &[("amount_reserved", "-10.00"), ("total_new_fee", "0.01")],
        ),
        // The twin without tax is not counted twice, one without a twin is counted.
        (
            &[
                ("total_penalty_incl_tax", "-12"),
                ("total_penalty_excl_tax", "-10"),
                ("total_lonely_excl_tax", "-7"),
            ],
            &[
                ("total_penalty_incl_tax", "-12"),
                ("total_lonely_excl_tax", "-7"),
            ],
        ),
    ] {
        assert_eq!(leftovers(&items(summary)), items(left), "{summary:?}");
    }
    let flagged = |amounts| {
        facts(&Invoice {
            leftovers: items(&[("amount_reserved", "-10.00"), ("total_new_fee", "0.5")]),
            ..moving(amounts)
        })
    };
    let paid = flagged(["5.00", "0", "0", "81.00"]);
    assert_eq!(word(&paid.payout), "pay 81.00 EUR");
    assert_eq!(paid.movements.len(), 1);
    let difference = paid.difference.expect("flagged");
    for part in ["amount_reserved -10.00", "total_new_fee 0.5", "-9.50 EUR"] {
        assert!(difference.contains(part), "{difference}");
    }
    // A row is made so that it can be listed.
    assert_eq!(
        word(&flagged(["0", "0", "0", "0"]).payout),
        "nothing_to_pay"
    );
    assert_eq!(facts(&invoice()).difference, None);
}

#[test]
fn what_stands_in_the_way_of_a_payout_first_match_wins() {
    let account = "acct_1".into();
    let earlier = "6".into();
    let open = ["TRANSFER_SUBSCRIPTION is TRANSFER_FAILED".to_owned()];
    let held = ["EUR".to_owned()];
    let free = Gate {
        amount: money(8100, "EUR"),
        account: &account,
        open_transfers: &[],
        earlier: None,
        payouts_enabled: true,
        available: Some(8100),
        held: &held,
        reserved: 0,
    };
    for (changed, expected) in [
        (free.clone(), None),
        (
            Gate {
                available: Some(8199),
                reserved: 99,
                ..free.clone()
            },
            None,
        ),
        (
            Gate {
                available: Some(8198),
                reserved: 99,
                ..free.clone()
            },
            Some(("balance_too_low", "0.01 EUR are missing")),
        ),
        (
            Gate {
                available: Some(8099),
                ..free.clone()
            },
            Some(("balance_too_low", "0.01 EUR are missing")),
        ),
        (
            Gate {
                available: Some(-100),
                reserved: 500,
                ..free.clone()
            },
            Some(("balance_too_low", "87.00 EUR are missing")),
        ),
        (
            Gate {
                available: Some(i64::MIN),
                reserved: i64::MAX,
                ..free.clone()
            },
            Some(("balance_too_low", "are missing")),
        ),
        (
            Gate {
                available: None,
                ..free.clone()
            },
            Some(("other_currency", "account acct_1 holds EUR")),
        ),
        (
            Gate {
                payouts_enabled: false,
                available: None,
                ..free.clone()
            },
            Some(("payouts_disabled", "acct_1")),
        ),
        (
            Gate {
                earlier: Some(&earlier),
                payouts_enabled: false,
                ..free.clone()
            },
            Some(("earlier_invoice", "earlier invoice 6")),
        ),
        (
            Gate {
                open_transfers: &open,
                earlier: Some(&earlier),
                ..free.clone()
            },
            Some(("transfers_open", "TRANSFER_SUBSCRIPTION is TRANSFER_FAILED")),
        ),
    ] {
        let found = gate(&changed);
        let code = found.as_ref().map(HoldReason::code);
        assert_eq!(code, expected.map(|(code, _)| code), "{changed:?}");
        if let (Some(found), Some((_, said))) = (found, expected) {
            assert!(found.to_string().contains(said), "{found}");
        }
    }
}
