mod amounts;
mod gate;
mod life;

use rust_decimal::Decimal;

use super::super::transfer::fixtures::{at, decimal, money};
use super::*;
use crate::domain::account::{Account, Seller};
use crate::domain::ids::ShopId;
use crate::domain::money::Money;
use crate::domain::transfer::TransferType;

/// An invoice over 81.00 that moves nothing else.
fn invoice() -> Invoice {
    Invoice {
        id: "7".into(),
        shop_id: ShopId(2000),
        kind: "AUTO_INVOICE".to_owned(),
        state: "COMPLETE".to_owned(),
        payment_state: Some("PENDING".to_owned()),
        currency: "EUR".to_owned(),
        created_at: at(1),
        transferred: decimal("81.00"),
        credits: Decimal::ZERO,
        subscription: Decimal::ZERO,
        other_invoices: Decimal::ZERO,
        leftovers: Vec::new(),
    }
}

/// With credits, subscription, manual invoices, and what is transferred.
fn moving(amounts: [&str; 4]) -> Invoice {
    let [credits, subscription, other_invoices, transferred] = amounts.map(decimal);
    Invoice {
        transferred,
        credits,
        subscription,
        other_invoices,
        ..invoice()
    }
}

fn seller() -> Seller {
    Seller {
        excluded: false,
        account: Some(Account {
            shop_id: ShopId(2000),
            id: "acct_1".into(),
            transfers_active: true,
        }),
    }
}

fn facts(invoice: &Invoice) -> Decisions {
    settled(invoice, &[])
}

fn settled(invoice: &Invoice, settled: &[Movement]) -> Decisions {
    decide(Facts {
        invoice,
        seller: Some(&seller()),
        start: at(0),
        settled,
        accepted: None,
        came_back: false,
    })
}

/// A decision in one word, for tables.
fn word(payout: &Decision) -> String {
    match payout {
        Decision::Pay(amount) => format!("pay {amount}"),
        Decision::Hold(reason) => reason.code().to_owned(),
        Decision::Abort(reason) => reason.code().to_owned(),
        Decision::Ignore(reason) => reason.code().to_owned(),
        Decision::Nothing => "nothing".to_owned(),
    }
}

/// Movements as they are signed at Mirakl: what the seller pays is below zero.
fn moved(movements: &[Movement]) -> Vec<(TransferType, i64)> {
    let signed = movements.iter().map(|movement| {
        let sign = if movement.kind.is_charge() { -1 } else { 1 };
        (movement.kind, sign * movement.amount.minor())
    });
    signed.collect()
}

fn movement(kind: TransferType, minor: i64) -> Movement {
    Movement {
        kind,
        amount: money(minor, "EUR"),
    }
}

const CREDITS: TransferType = TransferType::ExtraCredits;
const SUBSCRIPTION: TransferType = TransferType::Subscription;
const INVOICES: TransferType = TransferType::ExtraInvoices;

#[test]
fn an_invoice_becomes_its_movements_and_its_payout_in_this_order() {
    for (amounts, movements, payout) in [
        (
            ["5.00", "-9.99", "-3.01", "81.00"],
            &[(CREDITS, 500), (SUBSCRIPTION, -999), (INVOICES, -301)][..],
            "pay 81.00 EUR",
        ),
        (["0", "0", "0", "0.01"], &[], "pay 0.01 EUR"),
        (["0.00", "-0.00", "0.000", "81"], &[], "pay 81.00 EUR"),
        (
            ["0", "-9.99", "0", "81.00"],
            &[(SUBSCRIPTION, -999)],
            "pay 81.00 EUR",
        ),
        (["0.010", "0", "0", "0"], &[(CREDITS, 1)], "nothing"),
        (["0", "0", "-0.01", "0"], &[(INVOICES, -1)], "nothing"),
        (["0", "0", "0", "0"], &[], "nothing"),
        (
            ["0", "-50.00", "0", "-9.99"],
            &[(SUBSCRIPTION, -5000)],
            "seller_owes",
        ),
        (["0", "0", "0", "-0.01"], &[], "seller_owes"),
        (["-5.00", "-9.99", "0", "81.00"], &[], "unexpected_sign"),
        (["5.00", "9.99", "0", "81.00"], &[], "unexpected_sign"),
        (["5.00", "0", "3.01", "81.00"], &[], "unexpected_sign"),
        (["5.00", "0", "-3.015", "81.00"], &[], "inexact_amount"),
        (["5.00", "0", "0", "81.001"], &[], "inexact_amount"),
        (["5.00", "0", "0", "-81.001"], &[], "inexact_amount"),
        (
            ["5.00", "0", "0", "92233720368547758.08"],
            &[],
            "unreadable",
        ),
    ] {
        let found = facts(&moving(amounts));
        assert_eq!(moved(&found.movements), movements, "{amounts:?}");
        assert_eq!(word(&found.payout), payout, "{amounts:?}");
    }
}

#[test]
fn what_the_seller_owes_and_which_sign_was_expected_is_said() {
    let owes = facts(&moving(["0", "-50.00", "0", "-9.99"]));
    let Decision::Abort(reason) = &owes.payout else {
        panic!("{owes:?}")
    };
    assert_eq!(
        reason.to_string(),
        "nothing to pay out: the seller owes 9.99 EUR"
    );
    assert_eq!(owes.amount, None, "a row has no amount below zero");
    for (amounts, said) in [
        (
            ["-5.00", "0", "0", "81.00"],
            "total_other_credits_incl_tax is -5.00: it should be above zero",
        ),
        (
            ["0", "9.99", "0", "81.00"],
            "total_subscription_incl_tax is 9.99: it should be below zero",
        ),
        (
            ["0", "0", "3.01", "81.00"],
            "total_other_invoices_incl_tax is 3.01: it should be below zero",
        ),
    ] {
        let found = facts(&moving(amounts));
        let Decision::Hold(reason) = &found.payout else {
            panic!("{found:?}")
        };
        assert!(reason.to_string().starts_with(said), "{reason}");
        assert_eq!(
            found.amount,
            Some(money(8100, "EUR")),
            "listed all the same"
        );
    }
}

#[test]
fn a_document_that_is_not_a_finished_unpaid_invoice_waits_and_moves_nothing() {
    let paid = |state: Option<&str>| Invoice {
        payment_state: state.map(str::to_owned),
        ..moving(["5.00", "-9.99", "-3.01", "81.00"])
    };
    let of = |kind: &str, state: &str| Invoice {
        kind: kind.to_owned(),
        state: state.to_owned(),
        ..paid(None)
    };
    for (invoice, expected) in [
        (of("AUTO_INVOICE", "COMPLETE"), "pay 81.00 EUR"),
        (of("AUTO_INVOICE", "GENERATED"), "pay 81.00 EUR"),
        (of("AUTO_INVOICE", "DRAFT"), "other_state"),
        (of("AUTO_INVOICE", ""), "other_state"),
        (of("AUTO_INVOICE", "complete"), "other_state"),
        (of("MANUAL_CREDIT", "COMPLETE"), "other_type"),
        (of("MANUAL_INVOICE", "COMPLETE"), "other_type"),
        (of("", "COMPLETE"), "other_type"),
        (paid(Some("PENDING")), "pay 81.00 EUR"),
        (paid(Some("FAILED")), "pay 81.00 EUR"),
        (paid(Some("PAID")), "paid_elsewhere"),
        (paid(Some("SOMETHING_NEW")), "unknown_payment_state"),
        (paid(Some("")), "unknown_payment_state"),
    ] {
        let found = facts(&invoice);
        assert_eq!(word(&found.payout), expected, "{invoice:?}");
        let moves = expected.starts_with("pay");
        assert_eq!(found.movements.len(), if moves { 3 } else { 0 });
    }
}

#[test]
fn sellers_that_are_unknown_excluded_or_cannot_receive() {
    let account = |active| {
        let seller = seller();
        seller.account.map(|account| Account {
            transfers_active: active,
            ..account
        })
    };
    let of = |excluded, account| Seller { excluded, account };
    let with_credits = moving(["5.00", "-9.99", "0", "81.00"]);
    let without = moving(["0", "-9.99", "0", "81.00"]);
    for (invoice, seller, moves, expected) in [
        (&with_credits, None, 0, "no_account"),
        (&with_credits, Some(of(false, None)), 0, "no_account"),
        (&with_credits, Some(of(true, None)), 0, "shop_excluded"),
        (
            &with_credits,
            Some(of(true, account(true))),
            0,
            "shop_excluded",
        ),
        (
            &with_credits,
            Some(of(false, account(false))),
            0,
            "account_cannot_receive",
        ),
        (
            &with_credits,
            Some(of(false, account(true))),
            2,
            "pay 81.00 EUR",
        ),
        // Only what it receives needs the capability.
        (
            &without,
            Some(of(false, account(false))),
            1,
            "pay 81.00 EUR",
        ),
    ] {
        let found = decide(Facts {
            invoice,
            seller: seller.as_ref(),
            start: at(0),
            settled: &[],
            accepted: None,
            came_back: false,
        });
        assert_eq!(word(&found.payout), expected, "{seller:?}");
        assert_eq!(found.movements.len(), moves, "{seller:?}");
        assert_eq!(found.account.is_some(), moves > 0, "{seller:?}");
    }
    let unknown = |invoice: &Invoice| {
        let facts = Facts {
            invoice,
            seller: None,
            start: at(0),
            settled: &[],
            accepted: None,
            came_back: false,
        };
        word(&decide(facts).payout)
    };
    assert_eq!(unknown(&moving(["0", "0", "0", "0"])), "nothing");
    assert_eq!(unknown(&moving(["0", "0", "0", "-1.00"])), "no_account");
}

#[test]
fn invoices_from_before_the_start_are_never_ours() {
    for (created, start, expected) in [
        (at(1), at(0), "pay 81.00 EUR"),
        (at(1), at(1), "pay 81.00 EUR"),
        (at(1), at(2), "before_start"),
    ] {
        for invoice in [
            invoice(),
            moving(["5.00", "-9.99", "0", "81.00"]),
            // Whatever else would be said of it.
            Invoice {
                currency: "XXX".to_owned(),
                kind: "ODD".to_owned(),
                ..invoice()
            },
        ] {
            let invoice = Invoice {
                created_at: created,
                ..invoice
            };
            let found = decide(Facts {
                invoice: &invoice,
                seller: Some(&seller()),
                start,
                settled: &[],
                accepted: None,
                came_back: false,
            });
            if expected == "before_start" || invoice.kind == "AUTO_INVOICE" {
                assert_eq!(word(&found.payout), expected, "{invoice:?}");
            }
            if expected == "before_start" {
                assert_eq!(found.movements, []);
            }
        }
    }
}

#[test]
fn an_invoice_that_changed_after_a_part_was_moved_waits_for_a_person() {
    let whole = ["5.00", "-9.99", "-3.01", "81.00"];
    let all = [
        movement(CREDITS, 500),
        movement(SUBSCRIPTION, 999),
        movement(INVOICES, 301),
    ];
    for (amounts, made, expected) in [
        (whole, &all[..], "pay 81.00 EUR"),
        (whole, &all[..1], "pay 81.00 EUR"),
        (whole, &all[1..], "pay 81.00 EUR"),
        // The payout itself may change as long as it is not made.
        (["5.00", "-9.99", "-3.01", "80.00"], &all, "pay 80.00 EUR"),
        (["5.01", "-9.99", "-3.01", "81.00"], &all, "changed"),
        (["5.00", "-9.98", "-3.01", "81.00"], &all, "changed"),
        (["5.00", "-9.99", "0", "81.00"], &all, "changed"),
        (
            ["5.00", "-9.99", "-3.02", "81.00"],
            &all[..2],
            "pay 81.00 EUR",
        ),
        (["0", "-9.99", "-3.01", "81.00"], &all[..1], "changed"),
        (["0", "0", "0", "81.00"], &all, "changed"),
        (["0", "0", "0", "-1.00"], &all, "changed"),
    ] {
        let found = settled(&moving(amounts), made);
        assert_eq!(word(&found.payout), expected, "{amounts:?}, {made:?}");
        if expected == "changed" {
            assert_eq!(found.movements, [], "{amounts:?}");
        }
    }
    let dollars = Invoice {
        currency: "USD".to_owned(),
        ..moving(whole)
    };
    assert_eq!(word(&settled(&dollars, &all).payout), "changed");
}

#[test]
fn an_invoice_that_comes_to_nothing_after_a_part_was_moved_has_changed_too() {
    let made = [movement(CREDITS, 500)];
    let found = settled(&moving(["0", "0", "0", "0"]), &made);
    assert_eq!(word(&found.payout), "changed");
}

#[test]
fn credits_that_were_made_need_no_account_that_receives_any_more() {
    let mut seller = seller();
    if let Some(account) = &mut seller.account {
        account.transfers_active = false;
    }
    let found = decide(Facts {
        invoice: &moving(["5.00", "0", "0", "81.00"]),
        seller: Some(&seller),
        start: at(0),
        settled: &[movement(CREDITS, 500)],
        accepted: None,
        came_back: false,
    });
    assert_eq!(word(&found.payout), "pay 81.00 EUR");
}
