//! The rules for orders of which something is decided already, whatever the settings say now.

use super::super::super::compare_taxes;
use super::split::{both, ended, held, sent, split, taxed};
use super::*;

fn made(minor: i64) -> RowState {
    RowState::Made {
        amount: Some(money(minor, "EUR")),
        found: false,
    }
}

fn found(minor: i64) -> RowState {
    RowState::Made {
        amount: Some(money(minor, "EUR")),
        found: true,
    }
}

fn going(minor: i64) -> RowState {
    RowState::Going(Some(money(minor, "EUR")))
}

fn row_ended(code: &str) -> RowState {
    RowState::Ended(code.to_owned())
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn the_split_is_a_property_of_each_order_once_its_seller_was_paid() {
    use RowState::{None as No, Open, Waiting};
    for (what, seller_row, tax_row, on, expected) in [
        // Nothing has left: the setting decides.
        ("new, on", No, No, true, (sent(3700), sent(800))),
        ("new, off", No, No, false, (sent(4500), None)),
        ("held, on", Open, No, true, (sent(3700), sent(800))),
        ("both held, on", Open, Open, true, (sent(3700), sent(800))),
        (
            "both held, off",
            Open,
            Open,
            false,
            (sent(4500), ended("not_split")),
        ),
        ("seller refused, on", Waiting, Open, true, (None, sent(800))),
        (
            "seller refused, off",
            Waiting,
            Open,
            false,
            (None, ended("not_split")),
        ),
        (
            "seller refused before the split, on",
            Waiting,
            No,
            true,
            (None, None),
        ),
        ("taxes refused, on", Open, Waiting, true, (sent(3700), None)),
        (
            "taxes refused, off",
            Open,
            Waiting,
            false,
            (sent(4500), None),
        ),
        // The seller has everything: never a tax part.
        ("paid whole, on", made(4500), No, true, (None, None)),
        ("found whole, on", found(4500), No, true, (None, None)),
        ("in doubt whole, on", going(4500), No, true, (None, None)),
        (
            "paid whole with a tax row",
            made(4500),
            Open,
            true,
            (None, ended("not_split")),
        ),
        (
            "in doubt whole with a tax row",
            going(4500),
            Open,
            false,
            (None, ended("not_split")),
        ),
        // The seller lacks the taxes: they follow, whatever the setting is now.
        ("paid split, on", made(3700), Open, true, (None, sent(800))),
        (
            "paid split, off",
            made(3700),
            Open,
            false,
            (None, sent(800)),
        ),
        (
            "in doubt split, off",
            going(3700),
            Open,
            false,
            (None, sent(800)),
        ),
        ("found split, on", found(3700), No, true, (None, sent(800))),
        ("found split, off", found(3700), No, false, (None, None)),
        // Both rows are written at once: without one, nobody here left the taxes out.
        (
            "paid that much without a tax row",
            made(3700),
            No,
            true,
            (None, None),
        ),
        (
            "in doubt without a tax row",
            going(3700),
            No,
            true,
            (None, None),
        ),
        // Neither: a person must say.
        (
            "paid otherwise",
            made(4000),
            Open,
            true,
            (None, held("seller_unclear")),
        ),
        (
            "paid otherwise, no tax row",
            found(4000),
            No,
            true,
            (None, None),
        ),
        // The taxes have left: the seller never gets them.
        (
            "taxes paid, off",
            Open,
            made(800),
            false,
            (sent(3700), None),
        ),
        (
            "taxes in doubt, off",
            Open,
            going(800),
            false,
            (sent(3700), None),
        ),
        (
            "other taxes paid",
            Open,
            made(700),
            true,
            (held("cannot_add_up"), None),
        ),
        // Ended rows.
        (
            "no longer split",
            Open,
            row_ended("not_split"),
            true,
            (sent(4500), None),
        ),
        (
            "taxes abandoned",
            Open,
            row_ended("resolved_abandoned"),
            true,
            (sent(3700), None),
        ),
        (
            "seller abandoned",
            row_ended("resolved_abandoned"),
            Open,
            true,
            (None, sent(800)),
        ),
        (
            "nothing for the seller, off",
            row_ended("nothing_to_transfer"),
            Open,
            false,
            (None, sent(800)),
        ),
        (
            "nothing for the seller before the split",
            row_ended("nothing_to_transfer"),
            No,
            true,
            (None, None),
        ),
        (
            "the seller's part was ended",
            row_ended("fully_refunded"),
            Open,
            true,
            (None, held("seller_unclear")),
        ),
    ] {
        let scene = Scene {
            rows: Rows {
                seller: seller_row,
                taxes: tax_row,
            },
            split_on: on,
            ..split(&taxed())
        };
        assert_eq!(both(&scene), expected, "{what}");
        let open = scene.with_facts(|facts| facts.are_open());
        assert_eq!(open, expected != (None, None), "{what}");
    }
}

#[test]
fn taxes_that_wait_need_no_account_of_a_seller_who_has_been_paid_but_one_of_their_own() {
    let waiting = Scene {
        rows: Rows {
            seller: made(3700),
            taxes: RowState::Open,
        },
        split_on: false,
        account: None,
        ..split(&taxed())
    };
    assert_eq!(both(&waiting), (None, sent(800)));
    let nowhere = Scene {
        tax_account: None,
        ..waiting
    };
    assert_eq!(both(&nowhere), (None, held("no_tax_account")));
}

#[test]
fn an_order_that_lost_its_taxes_ends_their_row() {
    let untaxed = order(vec![line("50.00", "5.00", "0")]);
    let scene = Scene {
        rows: Rows {
            seller: RowState::Open,
            taxes: RowState::Open,
        },
        ..split(&untaxed)
    };
    assert_eq!(both(&scene), (sent(4500), ended("nothing_to_transfer")));
}

#[test]
fn transfers_agree_with_what_was_decided_about_their_order() {
    let untaxed_row = RowState::None;
    for (what, transferred, tax_row, on, agrees) in [
        ("whole", 4500, untaxed_row.clone(), false, true),
        (
            "whole, split on later",
            4500,
            untaxed_row.clone(),
            true,
            true,
        ),
        (
            "less, without a tax row",
            3700,
            untaxed_row.clone(),
            true,
            false,
        ),
        ("split", 3700, made(800), true, true),
        ("split, off later", 3700, made(800), false, true),
        ("split, taxes wait", 3700, RowState::Open, false, true),
        ("whole, and taxes", 4500, made(800), true, false),
        (
            "split, taxes no longer",
            3700,
            row_ended("not_split"),
            true,
            false,
        ),
        (
            "whole, taxes no longer",
            4500,
            row_ended("not_split"),
            true,
            true,
        ),
        (
            "split, taxes abandoned",
            3700,
            row_ended("resolved_abandoned"),
            true,
            true,
        ),
        (
            "whole, taxes abandoned",
            4500,
            row_ended("resolved_abandoned"),
            true,
            true,
        ),
        (
            "else, taxes abandoned",
            4000,
            row_ended("resolved_abandoned"),
            true,
            false,
        ),
    ] {
        let order = Payable::of_product(&taxed());
        let rows = Rows {
            seller: made(transferred),
            taxes: tax_row,
        };
        let division = rows.division(&order, on);
        let comparison = compare_seller(&order, money(transferred, "EUR"), &rows, &division);
        assert_eq!(
            comparison == Comparison::Agrees,
            agrees,
            "{what}: {comparison:?}"
        );
    }
    let order = Payable::of_product(&taxed());
    assert_eq!(compare_taxes(&order, money(800, "EUR")), Comparison::Agrees);
    assert!(matches!(
        compare_taxes(&order, money(700, "EUR")),
        Comparison::Differs(_)
    ));
}

#[test]
fn taxes_wait_where_refunds_or_parts_withheld_later_hide_what_the_seller_got() {
    let waiting = |order: &ProductOrder| Scene {
        rows: Rows {
            seller: made(3700),
            taxes: RowState::Open,
        },
        ..split(order)
    };
    let refunded = OrderLine {
        refunds: vec![refund("R1", "10.00", "1.00")],
        ..line("41.25", "4.25", "6.00")
    };
    // What is left of the whole happens to be what the seller got.
    let refunded = order(vec![refunded]);
    assert_eq!(both(&waiting(&refunded)), (None, held("seller_unclear")));
    let withheld = OrderLine {
        prices_not_payable: decimal("8.00"),
        ..line("50.00", "5.00", "8.00")
    };
    let withheld = order(vec![withheld]);
    assert_eq!(both(&waiting(&withheld)), (None, held("cannot_add_up")));
}
