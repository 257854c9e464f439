//! One run of the program, with what goes wrong with it.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;

use crate::Simulator;
use crate::drive::{Database, Program, Result};

use super::weather::Incident;

/// What no run takes, however often it tries again.
const LONGEST: Duration = Duration::from_mins(5);

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its arguments.
    pub job: String,
    /// None if it was killed.
    pub code: Option<i32>,
    /// Whether it was killed on purpose.
    pub killed: bool,
    /// Standard output and standard error.
    pub said: String,
}

/// How many incidents took place, and how the processes ended.
pub struct Course {
    /// The run, and whatever was started meanwhile.
    pub ended: Vec<Ended>,
    /// Incidents that took place.
    pub struck: usize,
}

/// Runs a job to its end, by itself or by what happens to it.
pub async fn run(
    program: &Program,
    job: &str,
    incident: &Incident,
    simulator: &Simulator,
    database: &Database<'_>,
) -> Result<Course> {
    let faults = simulator.faults();
    let mut course = Course {
        ended: Vec::new(),
        struck: 0,
    };
    match incident {
        Incident::None => course.ended.push(finish(job, spawn(program, job)?).await?),
        Incident::Killed(call, when) => {
            let switch = faults.kill_at_call(*call, *when);
            let child = spawn(program, job)?;
            switch.arm(child.id().ok_or("the run ended before it began")?);
            let mut ended = finish(job, child).await?;
            ended.killed = switch.fired();
            course.struck += usize::from(ended.killed);
            course.ended.push(ended);
        }
        Incident::Faults(drawn) => {
            for fault in drawn {
                faults.add(fault.clone());
            }
            course.ended.push(finish(job, spawn(program, job)?).await?);
            course.struck += faults.struck();
        }
        Incident::Overlapped(call, when, _) | Incident::Disconnected(call, when) => {
            let hold = faults.hold_at_call(*call, *when);
            let child = spawn(program, job)?;
            let mut ended = std::pin::pin!(finish(job, child));
            tokio::select! {
                ended = &mut ended => course.ended.push(ended?),
                () = hold.reached() => {
                    match incident {
                        Incident::Overlapped(_, _, other) => {
                            let other = finish(other, spawn(program, other)?).await?;
                            course.ended.push(other);
                        }
                        _ => database.disconnect()?,
                    }
                    hold.release();
                    course.struck += 1;
                    course.ended.push(ended.await?);
                }
            }
        }
    }
    faults.clear();
    Ok(course)
}

fn spawn(program: &Program, job: &str) -> Result<Child> {
    let mut command = program.own_command();
    command
        .args(["--log-level", "warn", job])
        .stderr(Stdio::piped());
    Ok(command.spawn()?)
}

async fn finish(job: &str, child: Child) -> Result<Ended> {
    let output = tokio::time::timeout(LONGEST, child.wait_with_output()).await;
    let output = output.map_err(|_| format!("{job} did not end within {LONGEST:?}"))??;
    let said = [output.stdout, output.stderr].concat();
    Ok(Ended {
        job: job.to_owned(),
        code: output.status.code(),
        killed: false,
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}
