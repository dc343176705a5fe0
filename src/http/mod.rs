//! The API: the same routes over the Unix socket and, one day, over TCP. Thin over
//! [`Control`](crate::engine::api::Control): it finds out who asks, whether they may, and carries words.

pub mod access;
pub mod client;
pub mod problem;
mod records;
mod routes;
mod socket;
#[cfg(test)]
mod tests;

pub use socket::{Socket, socket_path};
