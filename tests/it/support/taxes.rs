//! What tests of split taxes share: an order with taxes, and refusals.

use simulator::{Effect, Fault, LineSeed, OrderSeed};

use super::{TAX_ACCOUNT, World};

/// Goods of 10.00 with 2.00 of taxes in it, less 1.00 of commission: 9.00 whole, 7.00 and 2.00 split.
pub fn taxed(id: &str) -> OrderSeed {
    let basket = id.rsplit_once('-').map_or(id, |(basket, _)| basket);
    let line = LineSeed::new("10.00").commission("1.00").tax("1.60");
    OrderSeed::new(id, basket, 2000).line(line.shipping_tax("0.40"))
}

/// The same, paid; its charge.
pub fn taxed_and_paid(world: &World, id: &str) -> String {
    let basket = id.rsplit_once('-').map_or(id, |(basket, _)| basket);
    world.paid(taxed(id), basket, 1000)
}

pub const SPLIT: &[(&str, i64)] = &[("acct_shop2000", 700), (TAX_ACCOUNT, 200)];
pub const WHOLE: &[(&str, i64)] = &[("acct_shop2000", 900)];

/// Refuses what goes to the tax account.
pub fn refuse_taxes(world: &World) {
    refuse(world, TAX_ACCOUNT);
}

/// Refuses the transfers whose requests hold this text.
pub fn refuse(world: &World, text: &str) {
    let refusal = Effect::Refusal {
        status: 400,
        code: Some("insufficient_capabilities_for_transfer".to_owned()),
        param: None,
        message: "The account cannot receive.".to_owned(),
    };
    let fault = Fault::on("POST /v1/transfers").always();
    let fault = fault.containing(text).then(refusal);
    world.sim.faults().add(fault);
}
