//! PromQL held against a real Prometheus.

mod corpus;
mod prometheus;
mod random;
