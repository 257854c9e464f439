//! The built binary, run as cron or an operator would.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

/// A command line with its environment.
#[derive(Debug, Clone)]
pub struct Program {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: Option<std::path::PathBuf>,
}

/// What a finished process left.
#[derive(Debug, Clone)]
pub struct Finished {
    /// None if it was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new(arguments: &[&str], environment: &[(String, String)]) -> Self {
        Self {
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            environment: environment.to_vec(),
            folder: None,
        }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn within(mut self, folder: &std::path::Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    pub fn spawn(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mirakl-stripe"));
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(self.folder.clone().unwrap_or_else(std::env::temp_dir))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().expect("the built binary")
    }

    pub async fn run(&self) -> Finished {
        Finished::of(self.spawn()).await
    }
}

impl Finished {
    pub async fn of(child: Child) -> Self {
        let output = child.wait_with_output().await.unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let both = format!("{}{}", self.stdout, self.stderr);
        assert!(both.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}
