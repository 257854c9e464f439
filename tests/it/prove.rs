//! The proof, in its short form: `make prove` is the long one.

use simulator::prove::{Proof, Setup, Size, prove};

fn setup(concurrency: Option<usize>) -> Setup {
    Setup {
        program: env!("CARGO_BIN_EXE_mirakl-stripe").into(),
        server: std::env::var("DATABASE_URL").expect("a Postgres server; `make test` brings one"),
        size: Size::SHORT,
        concurrency,
    }
}

async fn seed(seed: u64, concurrency: Option<usize>) -> Proof {
    let proof = prove(&setup(concurrency), seed).await.unwrap();
    let (violations, told) = (&proof.violations, &proof.told);
    assert!(
        violations.is_empty(),
        "seed {seed}: {violations:#?} after {told:#?}"
    );
    proof
}

#[tokio::test]
async fn a_marketplace_in_bad_weather_breaks_no_promise() {
    for number in 1..=2 {
        let tally = seed(number, None).await.tally;
        for what in [
            "faults injected",
            "orders",
            "movements: transfers",
            "acts by hand",
        ] {
            assert!(tally.of(what) > 0, "{what} in {tally}");
        }
    }
}

#[tokio::test]
async fn a_seed_is_the_same_plan_and_at_concurrency_one_the_same_run() {
    let (first, second, wide) = tokio::join!(seed(5, Some(1)), seed(5, Some(1)), seed(5, Some(16)));
    assert_eq!(first.calls, second.calls);
    assert!(first.calls.len() > 100, "{}", first.calls.len());
    let days = first
        .plan
        .iter()
        .take_while(|line| !line.starts_with("notify"));
    let days = days.count();
    assert!(days > 20, "{days}");
    assert_eq!(first.plan[..days], wide.plan[..days]);
}
