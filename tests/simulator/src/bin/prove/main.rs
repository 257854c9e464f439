//! Proves the promises: seed after seed of a marketplace in bad weather, judged from outside.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a proof is there to be read

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use simulator::drive::Result;
use simulator::prove::{Proof, Setup, Size, Tally, prove};

/// Proves the built program against the simulator, seed after seed
#[derive(Parser)]
#[command(name = "prove")]
struct Arguments {
    /// The built program, with the feature test-clock
    #[arg(long, value_name = "PATH")]
    program: PathBuf,

    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How many seeds
    #[arg(long, default_value_t = 1)]
    seeds: u64,

    /// Goes on with further seeds for so many minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    minutes: u64,

    /// So many seeds at a time
    #[arg(long, default_value_t = 4)]
    at_once: usize,

    /// The program's concurrency instead of what the seed draws; 1 makes the whole run the seed's
    #[arg(long, value_name = "CALLS")]
    concurrency: Option<usize>,

    /// A few dozen orders a seed instead of some hundred
    #[arg(long)]
    short: bool,

    /// Everything that happened, in order
    #[arg(long)]
    trace: bool,

    /// Ends with the first seed that breaks a promise
    #[arg(long)]
    fail_fast: bool,
}

/// What all threads share.
struct Course {
    setup: Setup,
    next: AtomicU64,
    stop: AtomicBool,
    tally: Mutex<Tally>,
    began: Instant,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match all(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How many promises were broken.
fn all(arguments: &Arguments) -> Result<u64> {
    let server = std::env::var("DATABASE_URL").map_err(
        |_| "DATABASE_URL is not set: `make prove` brings a server, where databases can be made",
    )?;
    let size = if arguments.short {
        Size::SHORT
    } else {
        Size::LONG
    };
    let course = Course {
        setup: Setup {
            program: arguments.program.clone(),
            server,
            size,
            concurrency: arguments.concurrency,
        },
        next: AtomicU64::new(arguments.seed),
        stop: AtomicBool::new(false),
        tally: Mutex::default(),
        began: Instant::now(),
    };
    let threads = std::thread::scope(|scope| {
        let threads = (0..arguments.at_once).map(|_| scope.spawn(|| seeds(arguments, &course)));
        let threads: Vec<_> = threads.collect();
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.collect::<Vec<_>>()
    });
    for ended in threads {
        ended.map_err(|_| "a thread panicked")??;
    }
    let tally = course.tally.lock().map_err(|_| "a thread panicked")?;
    let minutes = course.began.elapsed().as_secs() / 60;
    println!("\nIn {minutes} minutes:\n{tally}");
    let violations = tally.of("violations");
    match violations {
        0 => println!("Violations: none."),
        number => println!("Violations: {number}."),
    }
    Ok(violations)
}

/// Tells one seed after another until there are enough.
fn seeds(arguments: &Arguments, course: &Course) -> std::result::Result<(), String> {
    let last = arguments.seed.saturating_add(arguments.seeds);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    loop {
        let seed = course.next.fetch_add(1, Ordering::Relaxed);
        let more = course.began.elapsed() < Duration::from_secs(60 * arguments.minutes);
        if course.stop.load(Ordering::Relaxed) || (seed >= last && !more) {
            return Ok(());
        }
        let began = Instant::now();
        let proof = runtime.block_on(prove(&course.setup, seed));
        let proof = proof.map_err(|error| format!("seed {seed}: {error}"))?;
        show(arguments, seed, &proof, began.elapsed());
        if arguments.fail_fast && !proof.violations.is_empty() {
            course.stop.store(true, Ordering::Relaxed);
        }
        let mut tally = course.tally.lock().map_err(|error| error.to_string())?;
        tally.merge(&proof.tally);
    }
}

/// One line for a seed; all of its story, if it broke a promise or is asked for.
fn show(arguments: &Arguments, seed: u64, proof: &Proof, took: Duration) {
    let Proof {
        tally,
        violations,
        told,
        ..
    } = proof;
    let (runs, faults) = (tally.of("runs of the program"), tally.of("faults injected"));
    let orders = tally.of("orders");
    let seconds = took.as_secs();
    println!(
        "seed {seed}: {orders} orders, {runs} runs, {faults} faults, {} violations, {seconds} s",
        violations.len()
    );
    if arguments.trace || !violations.is_empty() {
        for line in told {
            println!("    {line}");
        }
    }
    for violation in violations.iter().take(20) {
        println!("  VIOLATION {violation}");
    }
}
