//! What a refund comes to.

use super::*;

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
