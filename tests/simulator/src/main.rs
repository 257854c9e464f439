//! Serves the simulator and prints the settings that point a shell at it.

use std::io::{self, Write};

use chrono::TimeDelta;
use clap::Parser;
use simulator::{
    AccountSeed, LineSeed, MIRAKL_KEY, OrderSeed, PaymentSeed, STRIPE_KEY, ShopSeed, Simulator,
};

/// A fake Mirakl and a fake Stripe on loopback, until Ctrl-C
#[derive(Parser)]
#[command(name = "simulator")]
struct Arguments {
    /// Port of Mirakl; Stripe takes the next one. 0 takes free ones
    #[arg(long, default_value_t = 4100)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let simulator = Simulator::start_on(arguments.port).await?;
    let shops = seed(&simulator);

    let mut out = io::stdout();
    for (shop, account) in shops {
        writeln!(out, "# shop {shop} is account {account}")?;
    }
    let start = simulator.clock().now() - TimeDelta::days(1);
    let settings = [
        ("MIRAKL_HOST_NAME", simulator.mirakl().url()),
        ("MIRAKL_API_KEY", MIRAKL_KEY.to_owned()),
        ("STRIPE_API_BASE", simulator.stripe().url()),
        ("STRIPE_CLIENT_SECRET", STRIPE_KEY.to_owned()),
        ("ENABLE_PRODUCT_PAYMENT_SPLIT", "true".to_owned()),
        ("START_DATE", start.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
    ];
    for (name, value) in settings {
        writeln!(out, "export {name}='{value}'")?;
    }
    out.flush()?;

    tokio::signal::ctrl_c().await
}

/// Two sellers and three paid baskets, one of which both of them share.
fn seed(simulator: &Simulator) -> [(i64, String); 2] {
    let (mirakl, stripe) = (simulator.mirakl(), simulator.stripe());
    let connect = |shop: i64| {
        mirakl.put_shop(ShopSeed::new(shop));
        let account = AccountSeed::new().metadata("miraklShopId", &shop.to_string());
        (shop, stripe.add_account(account))
    };
    let shops = [connect(2001), connect(2002)];

    let book = || LineSeed::new("30.00").shipping("5.00").commission("4.20");
    let lamp = || LineSeed::new("64.90").commission("7.79");
    let baskets = [
        vec![OrderSeed::new("C1001-A", "C1001", 2001).line(book())],
        vec![OrderSeed::new("C1002-A", "C1002", 2002).line(lamp())],
        vec![
            OrderSeed::new("C1003-A", "C1003", 2001)
                .line(book())
                .line(book()),
            OrderSeed::new("C1003-B", "C1003", 2002).line(lamp()),
        ],
    ];
    for (orders, (basket, amount)) in
        baskets
            .into_iter()
            .zip([("C1001", 3500), ("C1002", 6490), ("C1003", 13490)])
    {
        let payment = stripe.pay(PaymentSeed::new(amount, "eur").basket(basket));
        for order in orders {
            mirakl.put(order.transaction(&payment.charge));
        }
    }
    shops
}
