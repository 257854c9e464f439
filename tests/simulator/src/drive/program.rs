//! The built program, started as cron or an operator would.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

use super::Result;
use crate::{Clock, MIRAKL_KEY, STRIPE_KEY, Simulator};

/// The program with its settings.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    settings: Vec<(String, String)>,
    /// The simulator's: a test build of the program goes by it.
    clock: Clock,
}

/// What a finished process left.
pub struct Finished {
    /// None if it was killed.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
}

impl Program {
    /// The program at `path`, pointed at a simulator and a database.
    pub fn new(
        path: &Path,
        simulator: &Simulator,
        database: &str,
        start_date: &str,
    ) -> Result<Self> {
        let found = path.canonicalize();
        let path = found.map_err(|error| format!("no program at {}: {error}", path.display()))?;
        let settings = [
            ("DATABASE_URL", database),
            ("STRIPE_CLIENT_SECRET", STRIPE_KEY),
            ("STRIPE_API_BASE", &simulator.stripe().url()),
            ("MIRAKL_HOST_NAME", &simulator.mirakl().url()),
            ("MIRAKL_API_KEY", MIRAKL_KEY),
            ("ENABLE_PRODUCT_PAYMENT_SPLIT", "true"),
            ("START_DATE", start_date),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            path,
            settings: settings.into(),
            clock: simulator.clock().clone(),
        })
    }

    /// One more setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes a setting for what is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// A command of this program, with its settings and no others.
    pub fn own_command(&self) -> Command {
        self.command(&self.path)
    }

    /// A command of any program, with these settings and no others.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env(
                "MIRAKL_STRIPE_CLOCK_OFFSET_SECONDS",
                self.clock.offset().num_seconds().to_string(),
            )
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts the program; what it logs goes to our standard error.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        let mut command = self.own_command();
        command.args(["--log-level", "error"]).args(arguments);
        Ok(command.spawn()?)
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Finished> {
        Finished::of(self.spawn(arguments)?).await
    }

    /// Runs the program, which must end with exit code 0, and returns what it printed.
    pub async fn tell(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.run(arguments).await?;
        match finished.code {
            Some(0) => Ok(finished.stdout),
            code => {
                let asked = arguments.join(" ");
                Err(format!("`{asked}` ended with {code:?}: {}", finished.stdout).into())
            }
        }
    }

    /// Everything that the store knows of `transfers`, `accounts` or another subject of `list`,
    /// oldest first.
    pub async fn list<T: DeserializeOwned>(&self, subject: &str) -> Result<Vec<T>> {
        let limit = i64::MAX.to_string();
        let list = ["list", subject, "--output", "json", "--limit", &limit];
        let mut rows: Vec<T> = serde_json::from_str(&self.tell(&list).await?)?;
        rows.reverse();
        Ok(rows)
    }
}

impl Finished {
    /// Waits for the end of a process.
    pub async fn of(child: Child) -> Result<Self> {
        let output = child.wait_with_output().await?;
        Ok(Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
        })
    }
}
