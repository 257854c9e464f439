//! What happens with a refund that waits on Mirakl.

use super::*;

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
    for (what, shown, charged, old, by_others, expected) in [
        ("good", &good, &Ok(paid(Some(1000))), None, 0, "refund"),
        ("by its transfer", &good, &Ok(paid(None)), None, 0, "refund"),
        (
            "more than was taken",
            &good,
            &Ok(paid(Some(999))),
            None,
            0,
            "above_debited",
        ),
        ("not captured", &good, &Err(unpaid), None, 0, "not_captured"),
        (
            "not in the order",
            &Err(HoldReason::NotInOrder),
            &Ok(paid(None)),
            None,
            0,
            "not_in_order",
        ),
        (
            "another currency",
            &good,
            &dollars,
            None,
            0,
            "other_currency",
        ),
        (
            "others were at it",
            &good,
            &Ok(paid(None)),
            None,
            1,
            "refunded_by_others",
        ),
        (
            "by the former connector",
            &good,
            &Ok(paid(None)),
            Some((&old, 1000)),
            0,
            "take over",
        ),
        (
            "something else by the former connector",
            &good,
            &Ok(paid(None)),
            Some((&old, 100_000)),
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
