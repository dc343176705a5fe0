//! `target_session_attrs`: what a server must be for a session to stay there.

use tokio_postgres::Client;

/// What is wanted of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Any,
    /// Sessions can write.
    ReadWrite,
    /// Sessions cannot write.
    ReadOnly,
    /// It is no standby.
    Primary,
    /// It is one.
    Standby,
    /// First all hosts for a standby, then any.
    PreferStandby,
}

/// What the server said of itself when the session began; None before version 14.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// `in_hot_standby`.
    pub standby: Option<bool>,
    /// `default_transaction_read_only`.
    pub read_only: Option<bool>,
}

impl Wanted {
    /// From the option's value, which was checked when it was read.
    pub fn read(word: Option<&str>) -> Wanted {
        match word {
            Some("read-write") => Wanted::ReadWrite,
            Some("read-only") => Wanted::ReadOnly,
            Some("primary") => Wanted::Primary,
            Some("standby") => Wanted::Standby,
            Some("prefer-standby") => Wanted::PreferStandby,
            _ => Wanted::Any,
        }
    }

    /// What is wanted in each pass over the hosts.
    pub fn passes(self) -> &'static [Wanted] {
        match self {
            Wanted::PreferStandby => &[Wanted::Standby, Wanted::Any],
            Wanted::ReadWrite => &[Wanted::ReadWrite],
            Wanted::ReadOnly => &[Wanted::ReadOnly],
            Wanted::Primary => &[Wanted::Primary],
            Wanted::Standby => &[Wanted::Standby],
            Wanted::Any => &[Wanted::Any],
        }
    }

    /// Why the server does not fit; None when it does. Asks before the session gets its own settings, which
    /// would answer for pgmedic and not for the server.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn misses(self, client: &Client, said: Said) -> Result<Option<&'static str>, tokio_postgres::Error> {
        let missed = match self {
            Wanted::Any | Wanted::PreferStandby => None,
            Wanted::Primary => standby(client, said).await?.then_some("it is a standby, and a primary is wanted"),
            Wanted::Standby => (!standby(client, said).await?).then_some("it is a primary, and a standby is wanted"),
            Wanted::ReadWrite => read_only(client, said).await?.then_some("it is read-only, and read-write is wanted"),
            Wanted::ReadOnly => {
                (!read_only(client, said).await?).then_some("it can be written to, and read-only is wanted")
            }
        };
        Ok(missed)
    }
}

async fn standby(client: &Client, said: Said) -> Result<bool, tokio_postgres::Error> {
    match said.standby {
        Some(standby) => Ok(standby),
        None => client.query_one("SELECT pg_catalog.pg_is_in_recovery()", &[]).await?.try_get(0),
    }
}

async fn read_only(client: &Client, said: Said) -> Result<bool, tokio_postgres::Error> {
    if let (Some(standby), Some(read_only)) = (said.standby, said.read_only) {
        return Ok(standby || read_only);
    }
    let word: String = client.query_one("SHOW transaction_read_only", &[]).await?.try_get(0)?;
    Ok(word == "on")
}
