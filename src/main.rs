//! Parses, reads the settings, runs one command, and maps its outcome to an exit code.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use mirakl_stripe::app::App;
use mirakl_stripe::cli::{
    Cli, Command, LinkAccount, List, ListSubject, NotifyFailedOperation, OnboardingLink,
    ProcessPayout, ProcessRefund, ProcessTransfer, ResolvePayout, ResolveRefund, ResolveSubject,
    ResolveTransfer, SummaryFormat, SyncOnboarding, ValidatePendingDebit,
};
use mirakl_stripe::commands::{link_account, list, migrate, onboarding_link, resolve};
use mirakl_stripe::domain::ids::{AccountId, OrderId, RefundId, ShopId};
use mirakl_stripe::jobs::process_transfer::{self, Options};
use mirakl_stripe::jobs::{
    self, Ending, Job, JobError, Report, notify_failed_operation as notify, process_payout,
    process_refund, sync_onboarding, validate_pending_debit,
};
use mirakl_stripe::outcome::{Counts, Exit};
use mirakl_stripe::settings::{DatabaseSettings, Settings, Source};
use mirakl_stripe::{output, telemetry};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own code for wrong usage is 2, as ours; help and version are 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    telemetry::init(cli.log_level.map(Into::into), cli.quiet);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(anyhow::Error::from(error).into()),
    };
    result
        .unwrap_or_else(|error| {
            tracing::error!("{error}");
            error.exit()
        })
        .into()
}

async fn run(cli: Cli) -> Result<Exit, JobError> {
    let source = Source::gather(cli.config.as_deref(), cli.env_file.as_deref());
    let passed_over = source.passed_over();
    if !passed_over.is_empty() {
        let names = passed_over.join(", ");
        tracing::info!("variables of the old connector that mean nothing here: {names}");
    }
    let app = || -> Result<App, JobError> {
        let settings = Settings::read(&source).map_err(|m| JobError::Usage(m.to_string()))?;
        let app = App::new(settings, cli.quiet).context("TLS cannot be set up")?;
        Ok(app)
    };
    let database = || -> Result<DatabaseSettings, JobError> {
        Settings::read_database(&source).map_err(|m| JobError::Usage(m.to_string()))
    };
    let told = |text: String| {
        if !cli.quiet {
            output::line(&text);
        }
        Exit::Done
    };
    match cli.command {
        Command::SyncOnboarding(flags) => sync_onboarding(&app()?, flags).await,
        Command::ValidatePendingDebit(flags) => validate_pending_debit(&app()?, flags).await,
        Command::ProcessTransfer(flags) => process_transfer(&app()?, flags).await,
        Command::ProcessRefund(flags) => process_refund(&app()?, flags).await,
        Command::ProcessPayout(flags) => process_payout(&app()?, flags).await,
        Command::NotifyFailedOperation(flags) => notify_failed_operation(&app()?, flags).await,
        Command::List(flags) => show(&database()?, flags).await,
        Command::LinkAccount(LinkAccount { shop, account }) => {
            let account = AccountId(account);
            Ok(told(
                link_account::run(&app()?, ShopId(shop), &account).await?,
            ))
        }
        Command::OnboardingLink(OnboardingLink { shop }) => {
            onboarding_link::run(&app()?, ShopId(shop)).await
        }
        Command::Resolve(flags) => Ok(told(resolved(&app()?, flags.subject).await?)),
        Command::Migrate => Ok(told(migrate::run(&database()?).await?)),
    }
}

async fn sync_onboarding(app: &App, flags: SyncOnboarding) -> Result<Exit, JobError> {
    let json = flags.job.output == SummaryFormat::Json;
    let options = sync_onboarding::Options {
        shops: flags.shops.into_iter().map(ShopId).collect(),
    };
    if flags.job.dry_run {
        let planned = jobs::plan_checked(app, async || sync_onboarding::plan(app, &options).await);
        output::planned_shops(&planned.await?, json);
        return Ok(Exit::Done);
    }
    let report = jobs::run(app, Job::SyncOnboarding, async |run| {
        sync_onboarding::run(app, run, &options).await
    })
    .await;
    summed_up(app, report, json)
}

async fn validate_pending_debit(app: &App, flags: ValidatePendingDebit) -> Result<Exit, JobError> {
    let json = flags.job.output == SummaryFormat::Json;
    if flags.job.dry_run {
        let now = app.clock.now();
        let planned =
            jobs::plan_checked(app, async || validate_pending_debit::plan(app, now).await);
        output::planned_debits(&planned.await?, json);
        return Ok(Exit::Done);
    }
    let report = jobs::run(app, Job::ValidatePendingDebit, async |run| {
        validate_pending_debit::run(app, run).await
    })
    .await;
    summed_up(app, report, json)
}

/// Prints how a job went; a job that did not come to its end is an error.
fn summed_up(app: &App, report: Report, json: bool) -> Result<Exit, JobError> {
    output::summary(&report, json, app.quiet);
    let exit = report.exit();
    match report.ending {
        Ending::Stopped(error) => Err(error),
        Ending::Ran(_) | Ending::Skipped(_) => Ok(exit),
    }
}

async fn process_transfer(app: &App, flags: ProcessTransfer) -> Result<Exit, JobError> {
    let job = Job::ProcessTransfer;
    let json = flags.job.output == SummaryFormat::Json;
    let options = Options {
        orders: flags.orders.into_iter().map(OrderId).collect(),
        since: flags.since,
    };
    if !app.settings.product_payment_split && !app.settings.service_payment_split {
        let off = "process-transfer is switched off (neither ENABLE_PRODUCT_PAYMENT_SPLIT nor \
                   ENABLE_SERVICE_PAYMENT_SPLIT is true)";
        return Ok(switched_off(app, job, off, json));
    }
    if flags.job.dry_run {
        let planned = jobs::plan_checked(app, async || process_transfer::plan(app, &options).await);
        output::plan(&planned.await?, json);
        return Ok(Exit::Done);
    }
    let report = jobs::run(app, job, async |run| {
        process_transfer::run(app, run, &options).await
    })
    .await;
    summed_up(app, report, json)
}

/// A job that the settings switch off says so, and is no failure.
fn switched_off(app: &App, job: Job, why: &str, json: bool) -> Exit {
    tracing::warn!("{why}");
    let ending = Ending::Skipped(why.to_owned());
    let report = jobs::report(app, job, app.clock.now(), ending, Counts::default());
    output::summary(&report, json, app.quiet);
    report.exit()
}

async fn process_refund(app: &App, flags: ProcessRefund) -> Result<Exit, JobError> {
    let job = Job::ProcessRefund;
    let json = flags.job.output == SummaryFormat::Json;
    let options = process_refund::Options {
        refunds: flags.refunds.into_iter().map(RefundId).collect(),
    };
    if process_refund::kinds(app).is_empty() {
        let off = "process-refund is switched off (neither ENABLE_PRODUCT_PAYMENT_REFUND nor \
                   ENABLE_SERVICE_PAYMENT_REFUND is true)";
        return Ok(switched_off(app, job, off, json));
    }
    if flags.job.dry_run {
        let planned = jobs::plan_checked(app, async || process_refund::plan(app, &options).await);
        output::planned_refunds(&planned.await?, json);
        return Ok(Exit::Done);
    }
    let report = jobs::run(app, job, async |run| {
        process_refund::run(app, run, &options).await
    })
    .await;
    summed_up(app, report, json)
}

async fn process_payout(app: &App, flags: ProcessPayout) -> Result<Exit, JobError> {
    let json = flags.job.output == SummaryFormat::Json;
    let options = process_payout::Options {
        shop: flags.shop.or(flags.shop_argument).map(ShopId),
        since: flags.since,
    };
    if flags.job.dry_run {
        let planned = jobs::plan_checked(app, async || process_payout::plan(app, &options).await);
        output::planned_payouts(&planned.await?, json);
        return Ok(Exit::Done);
    }
    let report = jobs::run(app, Job::ProcessPayout, async |run| {
        process_payout::run(app, run, &options).await
    })
    .await;
    summed_up(app, report, json)
}

async fn notify_failed_operation(
    app: &App,
    flags: NotifyFailedOperation,
) -> Result<Exit, JobError> {
    let job = Job::NotifyFailedOperation;
    let json = flags.job.output == SummaryFormat::Json;
    if flags.test {
        let tried = notify::test(app).await;
        if json || !app.quiet {
            output::tried(&tried, json);
        }
        let failed = tried.iter().filter(|one| one.outcome == "failed");
        let failed: Vec<&str> = failed.map(|one| one.said.as_str()).collect();
        if app.quiet && !failed.is_empty() {
            tracing::error!("{}", failed.join("; "));
        }
        return Ok(match failed.is_empty() {
            true => Exit::Done,
            false => Exit::CouldNotRun,
        });
    }
    let mailer = match &app.mailer {
        Some(mailer) if !flags.job.dry_run => mailer,
        Some(_) | None => {
            let told = jobs::plan_checked(app, async || notify::gather(app).await).await?;
            return Ok(only_shown(app, &told, flags.job.dry_run, json));
        }
    };
    let mut told = None;
    let report = jobs::run(app, job, async |_| {
        let told = told.insert(notify::gather(app).await?);
        if !json && !app.quiet {
            output::told(told);
        }
        notify::mail(app, mailer, told).await
    })
    .await;
    match told {
        Some(told) if json => {
            let mail = match &report.ending {
                Ending::Stopped(_) => "failed",
                Ending::Ran(_) | Ending::Skipped(_) if told.digest.is_empty() => "nothing to say",
                Ending::Ran(_) | Ending::Skipped(_) => "sent",
            };
            output::told_json(&told, Some(&report), mail);
        }
        None if json => output::summary(&report, json, app.quiet),
        Some(_) | None => {}
    }
    let exit = report.exit();
    match report.ending {
        Ending::Stopped(error) => Err(error),
        Ending::Ran(_) | Ending::Skipped(_) => Ok(exit),
    }
}

/// What would be mailed, where nothing is: a dry run, or mails are switched off.
fn only_shown(app: &App, told: &notify::Told, dry_run: bool, json: bool) -> Exit {
    if !json && !app.quiet {
        output::told(told);
    }
    if dry_run {
        match (json, app.quiet) {
            (true, _) => output::told_json(told, None, "dry run"),
            (false, true) => {}
            (false, false) => output::line("dry run: nothing was written, nothing was sent"),
        }
        return Exit::Done;
    }
    tracing::warn!("notify-failed-operation: {}", notify::OFF);
    if json {
        let ending = Ending::Skipped(notify::OFF.to_owned());
        let job = Job::NotifyFailedOperation;
        let report = jobs::report(app, job, app.clock.now(), ending, Counts::default());
        output::told_json(told, Some(&report), "off");
    }
    Exit::Done
}

async fn show(database: &DatabaseSettings, flags: List) -> Result<Exit, JobError> {
    let query = list::Query {
        subject: match flags.subject {
            ListSubject::Transfers => list::Subject::Transfers,
            ListSubject::Accounts => list::Subject::Accounts,
            ListSubject::Refunds => list::Subject::Refunds,
            ListSubject::Payouts => list::Subject::Payouts,
            ListSubject::Payments => list::Subject::Payments,
            ListSubject::Notifications => list::Subject::Notifications,
            ListSubject::Runs => list::Subject::Runs,
        },
        status: flags.status,
        shop: flags.shop.map(ShopId),
        id: flags.id,
        limit: flags.limit,
        format: flags.output,
    };
    list::run(database, &query).await?;
    Ok(Exit::Done)
}

async fn resolved(app: &App, subject: ResolveSubject) -> Result<String, JobError> {
    match subject {
        ResolveSubject::Transfer(ResolveTransfer { id, decision }) => {
            resolve::transfer(app, id, decided(decision.stripe_id, decision.abandon)).await
        }
        ResolveSubject::Refund(ResolveRefund { id, decision }) => {
            resolve::refund(app, id, decided(decision.stripe_id, decision.abandon)).await
        }
        ResolveSubject::Payout(ResolvePayout { id, decision }) => {
            resolve::payout(app, id, decided(decision.stripe_id, decision.abandon)).await
        }
    }
}

/// One of the three flags is given, as clap sees to; without the other two it is `--retry`.
fn decided(stripe_id: Option<String>, abandon: Option<String>) -> resolve::Decided {
    match (stripe_id, abandon) {
        (Some(id), _) => resolve::Decided::MadeAs(id),
        (None, Some(reason)) => resolve::Decided::Abandon(reason),
        (None, None) => resolve::Decided::Retry,
    }
}
