//! `pgmedic grants`.

mod beside;
mod quote;
mod report;
mod script;
mod seen;
#[cfg(test)]
mod tests;
mod writer;

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::start;
use crate::engine::api::PlanRequest;
use crate::engine::load::resolve;
use crate::engine::peek::chosen;
use crate::engine::world::World;
use clap::Args;
use report::{Choice, Report};
use secrecy::ExposeSecret;
use seen::Seen;
use tracing_subscriber::filter::LevelFilter;

/// Print the SQL for pgmedic's roles: what the loaded playbooks need and no more
///
/// Each statement with why, and with what else it permits. The server is looked at, read-only, for its
/// version and the owners of its tables; where that cannot be (the roles are not there yet), give a login
/// that is with --dsn.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Only this target
    #[arg(long)]
    target: Option<String>,
    /// Look at the server with this login: a connection string (without its password: PGPASSWORD or ~/.pgpass)
    #[arg(long, value_name = "URL", conflicts_with = "major")]
    dsn: Option<String>,
    /// Print for this major of PostgreSQL, and do not look at the server
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(13..=99))]
    major: Option<i32>,
    /// Below PostgreSQL 17: print the membership in the owners of tables ready to run, not commented out
    #[arg(long)]
    allow_ownership: bool,
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        start::logging(LevelFilter::ERROR);
        let loaded = start::loaded(&global.config)?;
        let worlds = World::of(&loaded).map_err(Failure::trouble)?;
        let request = PlanRequest { playbooks: Vec::new(), target: self.target.clone() };
        let worlds: Vec<&World> = chosen(&worlds, &request)?.into_iter().map(|(world, _)| world).collect();
        self.one_server_only(out, &worlds)?;
        let mut reports = Vec::new();
        for world in worlds {
            let report = self.report(world).await?;
            if let Some(why) = &report.unseen {
                out.complain(&format!("{}: the server was not looked at: {why}", report.target));
            }
            reports.push(report);
        }
        out.list(&reports, |reports| reports.iter().map(script::script).collect())?;
        Ok(Exit::FINE)
    }

    /// A script runs on one server, and a login leads to one.
    fn one_server_only(&self, out: &Out, worlds: &[&World]) -> Result<(), Failure> {
        let names: Vec<&str> = worlds.iter().map(|w| w.target.name.as_str()).collect();
        let script = out.format == super::global::Format::Text;
        if names.len() > 1 && (script || self.dsn.is_some()) {
            let names = names.join(", ");
            let all = "-o json prints all of them";
            return Err(Failure::usage(format!(
                "a script is for one server: name it with --target (there are: {names}; {all})"
            )));
        }
        Ok(())
    }

    async fn report(&self, world: &World) -> Result<Report, Failure> {
        let target = &world.target;
        let read = |dsn| crate::drivers::address::address(resolve(dsn)?.expose_secret());
        let unread = |what: &str, why: String| Failure::trouble(format!("{what}: the connection string: {why}"));
        let address = read(&target.dsn).map_err(|why| unread(&target.name, why))?;
        let mut poolers = Vec::new();
        for pooler in &target.pgbouncer {
            let console = read(&pooler.dsn).map_err(|why| unread(&pooler.name, why))?;
            poolers.push((pooler.name.clone(), console.user));
        }
        let acting = target.act_as.as_ref().map_or(&address.user, |login| &login.user).clone();
        let (seen, unseen) = match self.major {
            Some(_) => (None, None),
            None => match seen::look(target, self.dsn.as_deref(), &address.user, &acting).await {
                Ok(seen) => (Some(seen), None),
                Err(why) => (None, Some(why)),
            },
        };
        let choice = Choice {
            major: self.major.or(seen.as_ref().map(Seen::major)),
            allow_ownership: self.allow_ownership,
            address,
            acting,
            poolers,
        };
        Ok(report::report(world, &choice, seen.as_ref(), unseen))
    }
}
