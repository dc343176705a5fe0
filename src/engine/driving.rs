//! Which driver a target's runs work with, over reloads: one that leads where the old one leads is kept, with its
//! right to act; another one serves what begins from now on, and what a crash left, while runs under way keep theirs.
//! A password that was changed makes no other driver: the right to act would stay with the old one for as long as a
//! run of it goes on.

use super::ownership::Witness;
use super::target::Shared;
use super::world::World;
use crate::config::Text;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::watch;

/// The driver of one target, and what it was made from.
pub(super) struct Driving {
    now: watch::Sender<Arc<Witness>>,
    source: Source,
}

impl Driving {
    /// The driver that a configuration asks for, not connected yet.
    pub(super) fn new(shared: &Shared, world: &World) -> Driving {
        let now = watch::Sender::new(Arc::new(Witness::new(shared, world)));
        Driving { now, source: Source::of(shared, world) }
    }

    /// The one for what begins now.
    pub(super) fn now(&self) -> Arc<Witness> {
        self.now.borrow().clone()
    }

    /// Always the one of now, for what outlives a reload.
    pub(super) fn followed(&self) -> watch::Receiver<Arc<Witness>> {
        self.now.subscribe()
    }

    /// Whether it is the one of now.
    pub(super) fn is_now(&self, driver: &Arc<Witness>) -> bool {
        Arc::ptr_eq(driver, &self.now.borrow())
    }

    /// A reload. A driver that nobody uses any more closes its connections when the last run lets go of it.
    pub(super) fn change(&mut self, shared: &Shared, world: &World) {
        let source = Source::of(shared, world);
        if self.source.serves(&source) {
            return self.now.borrow().hears(world);
        }
        self.source = source;
        self.now.send_replace(Arc::new(Witness::new(shared, world)));
    }
}

/// What a connection is made from.
struct Source {
    /// A digest of the configuration as it is written: each connect reads anew what a reference stands for.
    written: [u8; 32],
    /// Where that leads, as far as it can be read.
    leads: Vec<Option<String>>,
}

impl Source {
    fn of(shared: &Shared, world: &World) -> Source {
        Source { written: written(world), leads: shared.connect.leads(&world.target) }
    }

    /// Whether what was made from it is what the other one would make. A file that cannot be read for a moment is no
    /// reason to let go of what works; one that could not be read before is taken for a change.
    fn serves(&self, now: &Source) -> bool {
        let same = |(then, now): (&Option<String>, &Option<String>)| now.is_none() || then == now;
        self.written == now.written
            && self.leads.len() == now.leads.len()
            && self.leads.iter().zip(&now.leads).all(same)
    }
}

fn written(world: &World) -> [u8; 32] {
    let target = &world.target;
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    };
    let mut text = |text: Option<&Text>| {
        let (kind, value) = match text {
            Some(Text::Plain(secret)) => ("plain", secret.expose_secret().into()),
            Some(Text::Env(name)) => ("env", name.into()),
            Some(Text::File(path)) => ("file", path.to_string_lossy()),
            None => ("none", "".into()),
        };
        part(kind);
        part(&value);
    };
    text(Some(&target.dsn));
    text(target.password.as_ref());
    text(target.act_as.as_ref().and_then(|login| login.password.as_ref()));
    for pooler in &target.pgbouncer {
        text(Some(&pooler.dsn));
        text(pooler.password.as_ref());
    }
    part(target.act_as.as_ref().map_or("", |login| &login.user));
    part(if world.acts() { "acts" } else { "observes" });
    target.pgbouncer.iter().for_each(|pooler| part(&pooler.name));
    target.databases.iter().for_each(|pattern| part(pattern));
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_kept_while_it_leads_where_it_led() {
        let source = |written: u8, leads: &[Option<&str>]| Source {
            written: [written; 32],
            leads: leads.iter().map(|lead| lead.map(str::to_owned)).collect(),
        };
        let known = source(1, &[Some("db1"), Some("pooler1")]);
        assert!(known.serves(&known));
        assert!(known.serves(&source(1, &[None, Some("pooler1")])), "a file is missing for a moment");
        assert!(!known.serves(&source(1, &[Some("db2"), Some("pooler1")])), "what the file says has changed");
        assert!(!known.serves(&source(1, &[None, Some("pooler2")])));
        assert!(!known.serves(&source(2, &[Some("db1"), Some("pooler1")])), "it is written otherwise");
        assert!(!source(1, &[None]).serves(&source(1, &[Some("db1")])), "it is not known where it has led since");
    }
}
