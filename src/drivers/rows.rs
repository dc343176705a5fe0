//! Rows as PostgreSQL sends them, turned into cells. A type that is not understood is an error that
//! names its column: nothing is guessed.

use crate::model::{Cell, Row, Timestamp};
use std::error::Error;
use std::net::IpAddr;
use tokio_postgres::Column;
use tokio_postgres::types::{FromSql, Type};

/// Whether all columns can be read; asked before the rows are.
///
/// # Errors
/// Names the first column that cannot, with its type.
pub fn check(columns: &[Column]) -> Result<(), String> {
    match columns.iter().find(|c| !<AnyCell as FromSql>::accepts(c.type_())) {
        None => Ok(()),
        Some(c) => Err(format!("column `{}` is of type {}, which is not read: cast it to text", c.name(), c.type_())),
    }
}

/// The rows by column name.
///
/// # Errors
/// Names the column whose value could not be read.
pub fn read(rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, String> {
    rows.iter().map(one).collect()
}

fn one(row: &tokio_postgres::Row) -> Result<Row, String> {
    let cell = |(at, column): (usize, &Column)| {
        let value: Option<AnyCell> =
            row.try_get(at).map_err(|e| format!("column `{}` cannot be read: {e}", column.name()))?;
        Ok((column.name().to_owned(), value.map_or(Cell::Null, |v| v.0)))
    };
    row.columns().iter().enumerate().map(cell).collect::<Result<_, _>>().map(Row)
}

struct AnyCell(Cell);

impl<'a> FromSql<'a> for AnyCell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<AnyCell, Box<dyn Error + Sync + Send>> {
        let cell = match *ty {
            Type::BOOL => Cell::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Cell::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Cell::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::OID => Cell::Int(u32::from_sql(ty, raw)?.into()),
            Type::FLOAT4 => Cell::Float(f32::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Cell::Float(f64::from_sql(ty, raw)?),
            Type::NUMERIC => Cell::Float(numeric(raw).ok_or("not a numeric")?),
            Type::CHAR => Cell::Text(raw.iter().map(|b| char::from(*b)).collect()),
            Type::INET => Cell::Text(inet(raw).ok_or("not an inet")?),
            Type::TIMESTAMPTZ => return Ok(AnyCell(moment(i64::from_sql(&Type::INT8, raw)?).unwrap_or(Cell::Null))),
            _ => Cell::Text(String::from_sql(ty, raw)?),
        };
        Ok(AnyCell(cell))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::BOOL
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::OID
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::NUMERIC
                | Type::CHAR
                | Type::INET
                | Type::TIMESTAMPTZ
                | Type::TEXT
                | Type::NAME
                | Type::VARCHAR
                | Type::BPCHAR
        )
    }
}

/// Microseconds since 2000-01-01; infinities and years beyond 9999 are none.
fn moment(since_2000: i64) -> Option<Cell> {
    const UNIX_OF_2000: i64 = 946_684_800_000_000;
    let at = since_2000.checked_add(UNIX_OF_2000)?;
    Timestamp::from_microsecond(at).ok().map(Cell::Time)
}

/// Family, prefix length, a flag, length, address; the prefix is shown only where it narrows.
fn inet(raw: &[u8]) -> Option<String> {
    let [_, bits, _, _, address @ ..] = raw else { return None };
    let address: IpAddr = match address.len() {
        4 => <[u8; 4]>::try_from(address).ok()?.into(),
        16 => <[u8; 16]>::try_from(address).ok()?.into(),
        _ => return None,
    };
    let full = if address.is_ipv4() { 32 } else { 128 };
    Some(if *bits == full { address.to_string() } else { format!("{address}/{bits}") })
}

/// Digits of base 10,000: count, weight of the first, sign, scale, digits.
fn numeric(raw: &[u8]) -> Option<f64> {
    let words: Vec<u16> = raw.chunks_exact(2).map(|w| u16::from_be_bytes([w[0], w[1]])).collect();
    let [count, weight, sign, _scale, digits @ ..] = words.as_slice() else { return None };
    if digits.len() != usize::from(*count) {
        return None;
    }
    let sign = match sign {
        0x0000 => 1.0,
        0x4000 => -1.0,
        0xD000 => return Some(f64::INFINITY),
        0xF000 => return Some(f64::NEG_INFINITY),
        _ => return Some(f64::NAN),
    };
    let weight = i32::from(weight.cast_signed());
    let value = |(digit, at): (&u16, i32)| f64::from(*digit) * 10_000_f64.powi(weight - at);
    Some(sign * digits.iter().zip(0..).map(value).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_out_of_reach_are_none() {
        assert_eq!(moment(i64::MAX), None);
        assert_eq!(moment(i64::MIN), None);
        assert_eq!(moment(0), Some(Cell::Time("2000-01-01T00:00:00Z".parse().unwrap())));
    }

    #[test]
    fn addresses_show_a_prefix_only_where_it_narrows() {
        assert_eq!(inet(&[2, 32, 0, 4, 10, 0, 0, 1]).as_deref(), Some("10.0.0.1"));
        assert_eq!(inet(&[2, 8, 1, 4, 10, 0, 0, 0]).as_deref(), Some("10.0.0.0/8"));
        assert_eq!(inet(&[2, 8]), None);
    }
}
