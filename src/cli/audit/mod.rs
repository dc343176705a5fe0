//! `pgmedic audit …`: reading the record.

mod lines;
mod wanted;
