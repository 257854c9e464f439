//! What the operator's server is told, as whole documents.

use serde_json::{Value, json};
use simulator::Receiver;

use crate::support::World;

/// The only document of a type.
fn told_once(server: &Receiver, kind: &str) -> Value {
    let all = server.accepted().into_iter();
    let mut of = all.filter(|told| told.json["type"] == kind);
    let one = of.next().unwrap_or_else(|| panic!("no {kind}")).json;
    assert!(of.next().is_none(), "{kind} once");
    one
}

#[tokio::test]
async fn refunds_and_payouts_that_failed_are_told_by_exactly_these_documents() {
    let mut world = World::new().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
    world.sold("R1-A", "20.00", "2.00", 2000).await;
    world.asks("R1-A", "1100", "7.50", "0.50");
    world.sim.stripe().add_funds("acct_shop2000", "eur", 10_000);
    let invoice = |id| simulator::InvoiceSeed::new(id, 2000);
    world.mirakl.put_invoice(invoice(31).transferred("40.00"));
    let told = |kind| told_once(&server, kind);

    world.refuses("POST /v1/refunds", "charge_disputed", "Disputed.");
    world.refund().await.exits(3);
    let row = world.refund_row("1100").await;
    assert_eq!(
        told("refund.failed"),
        json!({
            "type": "refund.failed",
            "payload": {
                "internalId": row["internalId"],
                "miraklOrderId": "R1-A",
                "miraklRefundId": "1100",
                "stripeRefundId": null,
                "stripeReversalId": null,
                "amount": 750,
                "status": "REFUND_FAILED",
                "failedReason": row["statusReason"],
                "currency": "EUR",
            },
        })
    );

    world.refuses("POST /v1/payouts", "payouts_not_allowed", "Not allowed.");
    world.run(&["process-payout"]).await.exits(3);
    let listed = world
        .run(&["list", "payouts", "--output", "json"])
        .await
        .json();
    assert!(
        listed[0]["statusReason"]
            .as_str()
            .unwrap()
            .contains("Not allowed.")
    );
    assert_eq!(
        told("payout.failed"),
        json!({
            "type": "payout.failed",
            "payload": {
                "internalId": listed[0]["internalId"],
                "amount": 4000,
                "currency": "EUR",
                "miraklInvoiceId": 31,
                "stripePayoutId": null,
                "status": "PAYOUT_FAILED",
                "failedReason": listed[0]["statusReason"],
            },
        })
    );
}

#[tokio::test]
async fn what_an_invoice_moves_and_an_account_are_told_by_exactly_these_documents() {
    let mut world = World::new().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.sim.stripe().add_funds("acct_shop2000", "eur", 10_000);
    let invoice = |id| simulator::InvoiceSeed::new(id, 2000);
    let told = |kind| told_once(&server, kind);

    world
        .mirakl
        .put_invoice(invoice(32).transferred("1.00").subscription("-9.99"));
    world.refuses(
        "POST /v1/transfers",
        "balance_insufficient",
        "Insufficient.",
    );
    world.run(&["process-payout"]).await.exits(3);
    let transfer = told("transfer.failed");
    let payload = &transfer["payload"];
    assert_eq!(
        transfer,
        json!({
            "type": "transfer.failed",
            "payload": {
                "internalId": payload["internalId"],
                "miraklId": "32",
                "type": "TRANSFER_SUBSCRIPTION",
                "orderType": null,
                "stripeAccountId": payload["stripeAccountId"],
                "miraklShopId": 2000,
                "transferId": null,
                "transactionId": null,
                "amount": 999,
                "status": "TRANSFER_FAILED",
                "failedReason": payload["failedReason"],
                "currency": "EUR",
            },
        })
    );
    assert!(
        payload["failedReason"]
            .as_str()
            .unwrap()
            .contains("Insufficient.")
    );
    let stripe_account = payload["stripeAccountId"].as_str().unwrap();
    assert!(stripe_account.starts_with("acct_"), "{transfer}");

    world.sim.faults().clear();
    world.new_shops(2001..2002);
    world.sync().await.exits(0);
    let account = world.account(2001).id;
    world.sim.stripe().require(&account, "x");
    world.sync().await.exits(0);
    assert_eq!(
        told("account.updated"),
        json!({
            "type": "account.updated",
            "payload": {"miraklShopId": 2001, "stripeUserId": account},
        })
    );
}
