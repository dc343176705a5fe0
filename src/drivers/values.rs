//! Parameters as PostgreSQL takes them. Their types are declared, so that `$1::interval` is a cast of a
//! text and not a guess.

use crate::model::Value;
use tokio_postgres::types::{ToSql, Type};

/// The declared types of parameters.
pub fn types(params: &[Value]) -> Vec<Type> {
    let declared = |value: &Value| match value {
        Value::Int4(_) => Type::INT4,
        Value::Int8(_) => Type::INT8,
        Value::Float8(_) => Type::FLOAT8,
        Value::Text(_) => Type::TEXT,
        Value::Oid(_) => Type::OID,
        Value::Timestamp(_) => Type::TIMESTAMPTZ,
    };
    params.iter().map(declared).collect()
}

/// The parameters themselves.
pub fn values(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(value).collect()
}

fn value(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Int4(n) => n,
        Value::Int8(n) => n,
        Value::Float8(n) => n,
        Value::Text(t) => t,
        Value::Oid(n) => n,
        Value::Timestamp(t) => t,
    }
}
