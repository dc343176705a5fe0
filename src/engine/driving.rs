//! Which driver a target's runs work with, over reloads: one that leads where the old one leads is kept, with its
//! right to act; another one serves what begins from now on, and what a crash left, while runs under way keep theirs.

use super::load::resolve;
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
    leads: [u8; 32],
}

impl Driving {
    /// The driver that a configuration asks for, not connected yet.
    pub(super) fn new(shared: &Shared, world: &World) -> Driving {
        let now = watch::Sender::new(Arc::new(Witness::new(shared, world)));
        Driving { now, leads: leads(world) }
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
        let leads = leads(world);
        if leads == self.leads {
            return self.now.borrow().hears(world);
        }
        self.leads = leads;
        self.now.send_replace(Arc::new(Witness::new(shared, world)));
    }
}

/// A digest of all that a connection is made from; references count for what they stand for now.
fn leads(world: &World) -> [u8; 32] {
    let target = &world.target;
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    };
    let mut secret = |text: Option<&Text>| match text.map(resolve) {
        Some(Ok(value)) => part(value.expose_secret()),
        Some(Err(why)) => part(&why),
        None => part(""),
    };
    secret(Some(&target.dsn));
    secret(target.password.as_ref());
    secret(target.act_as.as_ref().and_then(|login| login.password.as_ref()));
    for pooler in &target.pgbouncer {
        secret(Some(&pooler.dsn));
        secret(pooler.password.as_ref());
    }
    part(target.act_as.as_ref().map_or("", |login| &login.user));
    part(if world.acts() { "acts" } else { "observes" });
    target.pgbouncer.iter().for_each(|pooler| part(&pooler.name));
    target.databases.iter().for_each(|pattern| part(pattern));
    digest.finalize().into()
}
