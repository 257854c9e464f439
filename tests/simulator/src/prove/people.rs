//! What people do by hand, in the dashboard of Stripe.

use crate::{Payout, Simulator};

use super::chance::Chance;
use super::market::{Market, Stage};
use super::refunds::is_debited;

/// Somebody does something; what, in words, unless there was nothing to do it with.
pub fn act(market: &mut Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    match chance.of(0..10) {
        0 => capture(market, chance, simulator),
        1 => cancel(market, chance, simulator),
        2 => refund_more(market, chance, simulator),
        3 => refund_instead(market, chance, simulator),
        4 => fail_refund(chance, simulator),
        5 => reverse(market, chance, simulator),
        6 => pay_out(market, chance, simulator),
        7 => end_payout(chance, simulator),
        8 => stop_seller(market, chance, simulator),
        _ => dispute(market, chance, simulator),
    }
}

/// Captures a payment whose orders are all accepted, whole.
fn capture(market: &Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let whole = (0..market.baskets.len()).filter(|at| {
        let basket = &market.baskets[*at];
        let decided = market
            .orders_of(*at)
            .all(|order| order.stage == Stage::Accepted);
        decided && market.captured(*at) == basket.authorised && is_open(&basket.intent, simulator)
    });
    let at = chance.find(whole.collect())?;
    let basket = &market.baskets[at];
    simulator.stripe().capture(&basket.intent, None);
    Some(format!("payment of {} captured by hand", basket.id))
}

/// Cancels a payment that Mirakl knows nothing of.
fn cancel(market: &mut Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let untold = (0..market.baskets.len()).filter(|at| {
        let basket = &market.baskets[*at];
        let told = market
            .orders_of(*at)
            .any(|order| is_debited(order, simulator));
        // One payment in eight may be lost, so that most of the marketplace goes on.
        at % 8 == 5 && !told && is_open(&basket.intent, simulator)
    });
    let at = chance.find(untold.collect())?;
    let basket = &mut market.baskets[at];
    simulator.stripe().cancel(&basket.intent);
    basket.dead = true;
    Some(format!("payment of {} cancelled by hand", basket.id))
}

/// Gives a customer a little back that Mirakl never asked for.
fn refund_more(market: &Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let captured = market.baskets.iter().filter(|basket| {
        let payment = simulator.stripe().payment(&basket.intent);
        payment.is_some_and(|payment| payment.captured > 0 && payment.refunded == 0)
    });
    let basket = chance.find(captured.collect())?;
    let id = simulator
        .stripe()
        .refund(&basket.charge, basket.coin.step() * 3);
    Some(format!("{id} of {} refunded by hand", basket.id))
}

/// Makes a refund that Mirakl asks for before the program can.
fn refund_instead(
    market: &mut Market,
    chance: &mut Chance,
    simulator: &Simulator,
) -> Option<String> {
    let made = simulator.stripe().refunds();
    let is_made = |id: &String| {
        let mut made = made.iter();
        made.any(|made| made.metadata.get("miraklRefundId") == Some(id))
    };
    let open = (0..market.refunds.len()).filter(|at| {
        let refund = &market.refunds[*at];
        let order = &market.orders[refund.order];
        let payment = simulator.stripe().payment(&market.basket_of(order).intent);
        let captured = payment.is_some_and(|payment| payment.captured > 0);
        // A second of the same amount could be either.
        let mut others = market.refunds.iter();
        let twin = others.any(|other| {
            other.id != refund.id
                && market.orders[other.order].basket == order.basket
                && other.given == refund.given
        });
        refund.by_hand.is_none() && captured && !twin && !is_made(&refund.id)
    });
    let at = chance.find(open.collect())?;
    let refund = &market.refunds[at];
    let charge = &market.basket_of(&market.orders[refund.order]).charge;
    let id = simulator.stripe().refund(charge, refund.given);
    let refund = &mut market.refunds[at];
    refund.by_hand = Some(id.clone());
    Some(format!("refund {} made by hand as {id}", refund.id))
}

/// The customer's bank sends a refund back.
fn fail_refund(chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let ours = simulator.stripe().refunds().into_iter();
    let ours = ours.filter(|refund| {
        refund.status == "succeeded" && refund.metadata.contains_key("miraklRefundId")
    });
    let refund = chance.find(ours.collect())?;
    simulator
        .stripe()
        .fail_refund(&refund.id, "lost_or_stolen_card");
    Some(format!("{} failed at the bank", refund.id))
}

/// Takes a little of a transfer back.
fn reverse(market: &Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let orders = simulator.stripe().transfers().into_iter();
    let orders = orders.filter(|transfer| {
        let order = transfer.metadata.get("miraklId");
        let order = order.and_then(|id| market.order(id));
        order.is_some() && transfer.amount_reversed == 0 && transfer.amount > 100
    });
    let transfer = chance.find(orders.collect())?;
    simulator.stripe().reverse(&transfer.id, 10);
    Some(format!("{} reversed a little by hand", transfer.id))
}

/// A seller pays a little out.
fn pay_out(market: &Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let verified = market.shops.iter().filter(|shop| shop.verified);
    let shop = chance.find(verified.collect())?;
    let account = simulator
        .stripe()
        .accounts_for(shop.id)
        .into_iter()
        .next()?;
    let amount = shop.coin.step() * 100;
    let stripe = simulator.stripe();
    let id = stripe.payout_by_hand(&account.id, amount, &shop.coin.lower());
    Some(format!("{id} paid out by hand"))
}

/// A payout comes back from the bank, or somebody cancels it.
fn end_payout(chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let fails = chance.one_in(2);
    let ours = simulator.stripe().payouts().into_iter();
    let ours = ours.filter(|payout: &Payout| {
        let ends = match payout.status.as_str() {
            "pending" => true,
            "in_transit" => fails,
            _ => false,
        };
        ends && payout.metadata.contains_key("invoiceId")
    });
    let payout = chance.find(ours.collect())?;
    match fails {
        true => simulator.stripe().fail_payout(&payout.id, "account_closed"),
        false => simulator.stripe().cancel_payout(&payout.id),
    }
    let what = if fails {
        "failed at the bank"
    } else {
        "cancelled by hand"
    };
    Some(format!("{} {what}", payout.id))
}

/// Stripe wants more of a seller, or stops it altogether.
fn stop_seller(market: &mut Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let rejects = chance.one_in(3);
    let verified = market.shops.iter_mut().filter(|shop| shop.verified);
    let shop = chance.find(verified.collect())?;
    let account = simulator
        .stripe()
        .accounts_for(shop.id)
        .into_iter()
        .next()?;
    match rejects {
        true => simulator.stripe().reject(&account.id, "rejected.listed"),
        false => simulator.stripe().require(&account.id, "external_account"),
    }
    shop.verified = false;
    Some(format!("the seller of shop {} is stopped", shop.id))
}

/// A customer disputes a payment, until the weather clears.
fn dispute(market: &Market, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
    let captured = market.baskets.iter().filter(|basket| {
        let payment = simulator.stripe().payment(&basket.intent);
        payment.is_some_and(|payment| payment.captured > 0)
    });
    let basket = chance.find(captured.collect())?;
    simulator.stripe().dispute(&basket.charge);
    Some(format!("payment of {} disputed", basket.id))
}

/// Whether a payment is authorised, and neither captured nor cancelled.
fn is_open(intent: &str, simulator: &Simulator) -> bool {
    let payment = simulator.stripe().payment(intent);
    payment.is_some_and(|payment| payment.status == "requires_capture")
}
