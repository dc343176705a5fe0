//! Which target of this process asks for the right to act on which server: two targets that are one server must not
//! take each other for another daemon, nor act in turns.

use super::session::Instance;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Targets by the server that runs there: a standby, or a copy, has the same system identifier and is another one.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<Mutex<BTreeMap<Instance, Taken>>>);

/// By whom, and by how many of its drivers: after a reload the one before may have a run to end.
#[derive(Debug)]
struct Taken {
    target: String,
    drivers: usize,
}

/// The place of one driver; given back with this value.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    server: Instance,
}

impl Seats {
    /// A place on a server, unless another target has it.
    ///
    /// # Errors
    /// That target's name.
    pub fn take(&self, server: &Instance, target: &str) -> Result<Seat, String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(server.clone()).or_insert_with(|| Taken { target: target.to_owned(), drivers: 0 });
        if taken.target != target {
            return Err(taken.target.clone());
        }
        taken.drivers += 1;
        Ok(Seat { seats: self.clone(), server: server.clone() })
    }
}

impl Seat {
    /// Whether it is on this server.
    pub fn is_on(&self, server: &Instance) -> bool {
        self.server == *server
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = all.get_mut(&self.server) {
            taken.drivers -= 1;
            if taken.drivers == 0 {
                all.remove(&self.server);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_for_one_target_until_its_last_driver_is_gone() {
        let seats = Seats::default();
        let [server, standby] = [1, 2].map(Instance::test);
        let first = seats.take(&server, "orders").unwrap();
        let second = seats.take(&server, "orders").unwrap();
        assert_eq!(seats.take(&server, "crm").unwrap_err(), "orders");
        assert!(seats.take(&standby, "crm").unwrap().is_on(&standby));
        drop(first);
        assert_eq!(seats.take(&server, "crm").unwrap_err(), "orders");
        drop(second);
        assert!(seats.take(&server, "crm").is_ok());
    }
}
