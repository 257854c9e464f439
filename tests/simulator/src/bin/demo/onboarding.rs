//! The steps about sellers: from a new shop to an account that can be paid.

use simulator::{Visit, When};

use super::page::{command, heading, quote, say};
use super::sellers;
use super::shops::{self, BLOCKED, EXCLUDED, FIELD, LINKED, OWN_TEXT, SERVICE, TERMINATED, TEXT};
use super::story::{LATENCY, Story};
use crate::common::{Result, account_of, agreed};
use simulator::drive::Finished;

const JOB: &str = "sync-onboarding";
/// The call at which the first run dies: among those that make accounts.
const DEADLY_CALL: usize = 5;
/// As if the links had been made ten minutes ago: after three they are renewed.
const TEN_MINUTES: &str = "update shops set link_made_at = link_made_at - interval '10 minutes'";

impl Story<'_> {
    /// New shops get their accounts and links, though the first run is killed.
    pub(super) async fn open_shops(&self) -> Result<()> {
        heading(1, "New shops get their accounts");
        shops::open(self.simulator);
        say(&format!(
            "Twelve shops sell products on Mirakl, {SERVICE} sells services. {LINKED} has had an account at Stripe for long;\n\
             in the field for the link of {OWN_TEXT} somebody has written {TEXT:?}.\n\
             {EXCLUDED} is excluded, {TERMINATED} is terminated."
        ));
        self.show(&["migrate"]).await?;
        let (shop, account) = (LINKED.to_string(), account_of(LINKED));
        let link = ["link-account", "--shop", &shop, "--account", &account];
        self.show(&link).await?;
        self.die_among_accounts().await?;
        self.run_as_cron(JOB).await?;
        let links = shops::with_link();
        let mirakl = self.simulator.mirakl();
        if let Some(shop) = links.iter().find(|s| shops::field(mirakl, **s) != "link") {
            return Err(format!("shop {shop} has no link").into());
        }
        say(&format!(
            "It takes over what it finds at Stripe and makes the rest: one account for each of {} shops. The fields of\n\
             {} hold a link; that of {LINKED} holds the address of the dashboard, that of {OWN_TEXT} still its own text.",
            shops::with_account().len(),
            links.len(),
        ));
        agreed(
            "Shops without exactly one account",
            &sellers::accounts(self).await?,
        )
    }

    /// The first run, killed when Stripe has just made an account.
    async fn die_among_accounts(&self) -> Result<()> {
        let before = self.simulator.stripe().accounts().len();
        let faults = self.simulator.faults();
        let switch = faults.kill_at_call(DEADLY_CALL, When::After);
        command(&[JOB]);
        let child = self.program.spawn(&[JOB])?;
        switch.arm(child.id().ok_or("the run ended before it began")?);
        let finished = Finished::of(child).await?;
        // What had left the dead process is still carried out.
        tokio::time::sleep(LATENCY * 8).await;
        let made = self.simulator.stripe().accounts().len() - before;
        if !switch.fired() || finished.code.is_some() || made == 0 {
            return Err("the first run was not killed among the accounts".into());
        }
        let listed = sellers::listed(self).await?;
        let known = listed.iter().filter(|row| row.has_account()).count();
        let known = match known.saturating_sub(before) {
            0 => "none".to_owned(),
            known => known.to_string(),
        };
        say(&format!(
            "It got SIGKILL after Stripe had made an account and before it could answer. By then Stripe had made\n\
             {made} of {}, and the store knew of {known}. Cron comes round again:",
            shops::with_account().len() - before,
        ));
        Ok(())
    }

    /// A link leads to the form once, and is renewed.
    pub(super) async fn come_to_the_form(&self) -> Result<()> {
        heading(2, "A seller opens the link");
        let shop = shops::READY.start;
        let first = self.link_of(shop)?;
        let form = self.form_of(&first)?;
        let Visit::SentTo(back) = self.simulator.stripe().visit(&first) else {
            return Err(format!("{first} led to the form twice").into());
        };
        say(&format!(
            "The link in the field of shop {shop} leads to Stripe's form for {form}. Opened once more,\n\
             it leads back to {back}, the page with the field.\n\
             A link is renewed three minutes after it was made; here the store is told that ten have passed:"
        ));
        self.psql.execute(self.database, TEN_MINUTES)?;
        self.run_as_cron(JOB).await?;
        let second = self.link_of(shop)?;
        if second == first || self.form_of(&second)? != form {
            return Err(format!("the link of shop {shop} was not renewed").into());
        }
        say("The field holds another link now, and it leads to the form.");
        Ok(())
    }

    /// Sellers submit, Stripe verifies, and everybody is told.
    pub(super) async fn get_verified(&self) -> Result<()> {
        heading(3, "Sellers submit their details, Stripe verifies them");
        let stripe = self.simulator.stripe();
        let submitted = shops::with_link();
        for shop in &submitted {
            let account = self.account_of(*shop)?;
            stripe.submit_details(&account);
            if *shop != SERVICE {
                stripe.verify(&account);
            }
        }
        say(&format!(
            "The {} sellers with a link have filled in the form. Stripe has verified all of them but {SERVICE}.",
            submitted.len()
        ));
        self.run_as_cron(JOB).await?;
        command(&["list", "accounts", "--output", "json"]);
        say(
            "Beside what their pages on Mirakl show, and how often the operator's server was told of a change:",
        );
        sellers::show(self).await?;
        agreed(
            "Pages on Mirakl show something else",
            &sellers::on_mirakl(self),
        )?;
        say(&format!(
            "After this run the account of {BLOCKED} loses its capability again, while orders wait to be paid."
        ));
        stripe.set_capability(&self.account_of(BLOCKED)?, "transfers", "inactive");
        Ok(())
    }

    /// Shows a command and what it prints.
    async fn show(&self, arguments: &[&str]) -> Result<()> {
        command(arguments);
        quote(self.program.tell(arguments).await?.trim_end());
        Ok(())
    }

    /// The one account that was made for a shop.
    fn account_of(&self, shop: i64) -> Result<String> {
        let mut accounts = self.simulator.stripe().accounts_for(shop);
        match (accounts.pop(), accounts.pop()) {
            (Some(only), None) => Ok(only.id),
            _ => Err(format!("shop {shop} has not one account at Stripe").into()),
        }
    }

    fn link_of(&self, shop: i64) -> Result<String> {
        let link = self.simulator.mirakl().shop_field(shop, FIELD);
        link.ok_or_else(|| format!("shop {shop} has no link").into())
    }

    /// The account to whose form a link leads.
    fn form_of(&self, link: &str) -> Result<String> {
        match self.simulator.stripe().visit(link) {
            Visit::Form { account } => Ok(account),
            other => Err(format!("{link} leads to no form: {other:?}").into()),
        }
    }
}
