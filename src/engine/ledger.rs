//! The log as the outbox sees it.

use super::outbox::Ledger;
use crate::audit::{Audit, Entry};
use crate::decide::outbox::Outbox;
use crate::model::Draft;
use async_trait::async_trait;
