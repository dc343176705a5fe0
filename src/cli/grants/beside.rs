//! What stands beside the statements: remarks, and lines for other files.

use super::quote::{hba, identifier};
use super::writer::{CONNECTIONS, Writer, is_pattern};
use crate::actions::Action;
use crate::actions::grants::{Hand, Needs};

impl Writer<'_> {
    /// What somebody should look at.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<String> = Vec::new();
        for role in self.seen.iter().flat_map(|seen| &seen.roles) {
            let name = &role.name;
            if role.superuser {
                remarks.push(format!(
                    "{name} is a superuser. pgmedic needs none, and a superuser may do everything: use another role."
                ));
            }
            if !role.inherits {
                let alter = format!("ALTER ROLE {} INHERIT", identifier(name));
                remarks.push(format!("{name} has NOINHERIT, so that no membership below helps it: {alter}."));
            }
            if (0..i64::from(CONNECTIONS)).contains(&role.connections) {
                let (limit, alter) = (role.connections, format!("ALTER ROLE {}", identifier(name)));
                remarks.push(format!("{name} may open {limit} connections: {alter} CONNECTION LIMIT {CONNECTIONS}."));
            }
        }
        remarks.extend(self.seen.iter().flat_map(|seen| seen.unreadable.clone()));
        remarks
    }

    /// Lines for `pg_hba.conf`.
    pub(super) fn pg_hba(&self) -> Vec<String> {
        let all = self.world.target.databases.iter().any(|name| is_pattern(name));
        let databases: Vec<String> =
            if all { vec!["all".to_owned()] } else { self.databases().into_iter().map(hba).collect() };
        let mut users = vec![hba(self.name(Hand::Reading)), hba(self.name(Hand::Acting))];
        users.dedup();
        let (databases, users, host) = (databases.join(","), users.join(","), self.choice.address.host.as_str());
        if self.choice.address.is_local() {
            return vec![format!("local {databases} {users} scram-sha-256")];
        }
        let loopback = ["localhost", "127.0.0.1", "::1"].contains(&host);
        let from = if loopback { "samehost" } else { "ADDRESS_OF_PGMEDIC/32" };
        vec![format!("hostssl {databases} {users} {from} scram-sha-256")]
    }

    /// Lines for each `pgbouncer.ini`, after its name.
    pub(super) fn pgbouncer(&self, actions: &[&'static dyn Action]) -> Vec<(String, Vec<String>)> {
        let admin = actions.iter().flat_map(|a| a.grants()).find(|g| g.needs == Needs::PoolerAdmin);
        let one = |(name, user): &(String, String)| {
            let mut lines = match admin {
                Some(grant) => vec![
                    format!("; {}", grant.why),
                    format!("; Also permits: {}", grant.also_permits),
                    format!("admin_users = {}", hba(user)),
                ],
                None => vec![
                    "; No loaded playbook changes a pool: looking is enough.".to_owned(),
                    format!("stats_users = {}", hba(user)),
                ],
            };
            lines.push(format!("; and in its auth_file: {} \"its password or SCRAM secret\"", identifier(user)));
            (name.clone(), lines)
        };
        self.choice.poolers.iter().map(one).collect()
    }
}
