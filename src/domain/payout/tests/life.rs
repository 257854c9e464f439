//! What may be decided again, and what becomes of payouts that were made.

use chrono::TimeDelta;

use super::*;

#[test]
fn a_payout_that_may_have_left_is_never_decided_again() {
    let now = at(10);
    let minutes = |n| Some(now + TimeDelta::minutes(n));
    for (status, sent, age, next, unasked, asked) in [
        (PayoutStatus::PayoutOnHold, false, 0, minutes(5), true, true),
        (
            PayoutStatus::PayoutOnHold,
            false,
            0,
            minutes(-5),
            true,
            true,
        ),
        (PayoutStatus::PayoutIgnored, false, 0, None, true, true),
        (
            PayoutStatus::PayoutFailed,
            false,
            0,
            minutes(5),
            false,
            true,
        ),
        (PayoutStatus::PayoutFailed, false, 0, minutes(0), true, true),
        // Without a next try a person decides, by `resolve` alone.
        (PayoutStatus::PayoutFailed, false, 0, None, false, false),
        (PayoutStatus::PayoutPending, false, 10, None, false, false),
        (PayoutStatus::PayoutPending, false, 11, None, true, true),
        (PayoutStatus::PayoutPending, true, 11, None, false, false),
        (
            PayoutStatus::PayoutPending,
            true,
            100_000,
            None,
            false,
            false,
        ),
        (
            PayoutStatus::PayoutCreated,
            true,
            100_000,
            None,
            false,
            false,
        ),
        (
            PayoutStatus::PayoutCreated,
            false,
            100_000,
            None,
            false,
            false,
        ),
        (
            PayoutStatus::PayoutAborted,
            false,
            100_000,
            None,
            false,
            false,
        ),
    ] {
        let updated_at = now - TimeDelta::minutes(age);
        let known = Known {
            status,
            reason_code: None,
            looks: 0,
            next_look_at: next,
            sent_at: sent.then_some(updated_at),
            updated_at,
        };
        assert_eq!(known.may_decide(now, false), unasked, "{known:?}");
        assert_eq!(known.may_decide(now, true), asked, "asked: {known:?}");
    }
}

#[test]
fn stripes_words_for_where_a_payout_is() {
    let way = |word: &str| Life::UnderWay(word.to_owned());
    let failed = |code: &str| Life::Failed(code.to_owned());
    for (status, code, life, ended) in [
        ("pending", None, way("pending"), false),
        ("in_transit", None, way("in_transit"), false),
        ("paid", None, Life::Paid, false),
        (
            "failed",
            Some("account_closed"),
            failed("account_closed"),
            true,
        ),
        ("failed", None, failed("no code"), true),
        ("canceled", None, Life::Canceled, true),
        // A word of tomorrow is followed, not taken for an end.
        ("on_its_way", None, way("on_its_way"), false),
        ("PAID", None, way("PAID"), false),
        ("", None, way(""), false),
    ] {
        let read = Life::read(status, code.map(str::to_owned));
        assert_eq!(read, life);
        assert_eq!(read.has_ended(), ended, "{status}");
        assert_eq!(read.as_str(), status);
    }
}

#[test]
fn every_status_has_a_word_of_its_own() {
    for (status, word) in PayoutStatus::ALL.into_iter().zip([
        "PAYOUT_ON_HOLD",
        "PAYOUT_PENDING",
        "PAYOUT_CREATED",
        "PAYOUT_FAILED",
        "PAYOUT_ABORTED",
        "PAYOUT_IGNORED",
    ]) {
        assert_eq!(status.as_str(), word);
        let json = serde_json::to_string(&status).expect("a word");
        assert_eq!(json, format!("{word:?}"));
    }
}
