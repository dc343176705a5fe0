//! What has to be granted on one target, statement by statement.

use super::seen::Seen;
use super::writer::Writer;
use crate::actions::grants::BASE;
use crate::actions::{self, Action};
use crate::drivers::address::Address;
use crate::engine::world::World;
use crate::playbook::Playbook;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What was asked for, and what the configuration says.
pub(super) struct Choice {
    /// `None`: it is not known; the script asks the server that it runs on.
    pub major: Option<i32>,
    pub allow_ownership: bool,
    pub address: Address,
    /// The acting role; the reading one is the address's.
    pub acting: String,
    /// Name and user of each console.
    pub poolers: Vec<(String, String)>,
}

/// All about one target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub target: String,
    pub host: String,
    pub port: String,
    /// `None`: every statement says on which majors it holds.
    pub major: Option<i32>,
    /// Why the server was not looked at, when it was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
    pub reading: String,
    pub acting: String,
    pub playbooks: Vec<String>,
    pub actions: Vec<String>,
    /// What somebody should look at.
    pub remarks: Vec<String>,
    pub statements: Vec<Statement>,
    /// Lines for `pg_hba.conf`.
    pub pg_hba: Vec<String>,
    /// Lines for each `pgbouncer.ini`, after its name.
    pub pgbouncer: Vec<(String, Vec<String>)>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Statement {
    /// Where it has to run; `None`: in any database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    pub sql: String,
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also_permits: Option<String>,
    /// Why a person must decide on it first: it is commented out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commented_out: Option<String>,
    /// The first major that knows it, where the server's is not known.
    pub from: i32,
    /// The last one that needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i32>,
}

/// Lists them, in the order in which they have to run.
pub(super) fn report(world: &World, choice: &Choice, seen: Option<&Seen>, unseen: Option<String>) -> Report {
    let playbooks: Vec<&Playbook> = world.playbooks.iter().map(AsRef::as_ref).filter(|p| p.enabled).collect();
    let actions = needed(&playbooks);
    let writer = Writer { world, choice, seen, playbooks: &playbooks };
    let mut statements = writer.roles();
    for grant in BASE.iter().chain(actions.iter().flat_map(|a| a.grants())) {
        if choice.major.is_none_or(|major| grant.holds_on(major)) {
            statements.extend(writer.of(grant));
        }
    }
    statements.extend(writer.connect());
    let mut once: Vec<Statement> = Vec::new();
    for statement in statements {
        // Without `act_as` both hands are one role; two actions may need the same. One reason is enough.
        let what = |s: &Statement| (s.database.clone(), s.sql.clone(), s.from, s.to);
        if !once.iter().any(|known| what(known) == what(&statement)) {
            once.push(statement);
        }
    }
    // A script goes from one database to the next, and comes back to none.
    once.sort_by(|a, b| a.database.cmp(&b.database));
    Report {
        target: world.target.name.clone(),
        host: choice.address.host.clone(),
        port: choice.address.port.clone(),
        major: choice.major,
        unseen,
        reading: choice.address.user.clone(),
        acting: choice.acting.clone(),
        playbooks: playbooks.iter().map(|p| p.name.clone()).collect(),
        actions: actions.iter().map(|a| a.spec().name.to_owned()).collect(),
        remarks: writer.remarks(),
        statements: once,
        pg_hba: writer.pg_hba(),
        pgbouncer: writer.pgbouncer(&actions),
    }
}

/// The actions of these playbooks, in order of name.
fn needed(playbooks: &[&Playbook]) -> Vec<&'static dyn Action> {
    let names: BTreeSet<&str> = playbooks.iter().flat_map(|p| p.rungs()).map(|rung| rung.action.name).collect();
    names.into_iter().filter_map(actions::by_name).collect()
}
