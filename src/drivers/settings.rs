//! What each kind of session sets, over whatever `ALTER ROLE` and `ALTER DATABASE` say: a
//! `statement_timeout` of 200 ms put there has ended many a VACUUM.

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The standing connection that reads.
    Reading,
    /// The standing connection that acts.
    Acting,
    /// A work session that changes.
    Work,
    /// A work session that reads.
    WorkReading,
}

impl Purpose {
    /// The session's `application_name`.
    pub fn application(self) -> &'static str {
        match self {
            Purpose::Reading => "pgmedic/reading",
            Purpose::Acting => "pgmedic/acting",
            Purpose::Work | Purpose::WorkReading => "pgmedic/work",
        }
    }

    /// Its settings on a server of this major, in order.
    pub fn settings(self, major: i32) -> Vec<(&'static str, &'static str)> {
        let reads = matches!(self, Purpose::Reading | Purpose::WorkReading);
        let mut all = vec![
            ("application_name", self.application()),
            // Long work has a deadline instead, which pgmedic keeps by cancelling.
            ("statement_timeout", if self == Purpose::Work { "0" } else { "5s" }),
            ("lock_timeout", "250ms"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("default_transaction_read_only", if reads { "on" } else { "off" }),
            ("default_transaction_isolation", "read committed"),
            // Nothing that a user could create there stands before what is meant.
            ("search_path", "pg_catalog"),
            ("jit", "off"),
            ("DateStyle", "ISO, YMD"),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "3"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "19s"),
        ];
        if major >= 14 {
            all.push(("idle_session_timeout", "0"));
            // A session whose pgmedic is gone gives the right to act back within seconds, also in the
            // middle of a statement.
            all.push(("client_connection_check_interval", "3s"));
        }
        if major >= 17 {
            all.push(("transaction_timeout", "0"));
        }
        all
    }
}

/// Half of the session's own `deadlock_timeout` at most, whatever `ALTER ROLE` and `ALTER DATABASE` made of
/// that: a session that waits so long for a lock has the autovacuum worker cancelled that holds it.
const BELOW_DEADLOCK: &str = "SELECT set_config('lock_timeout', \
     greatest(1, least(date_part('epoch', current_setting('lock_timeout')::interval), \
       date_part('epoch', current_setting('deadlock_timeout')::interval) / 2) * 1000)::int8::text, false);";

/// `SET` statements for settings; values are quoted, names are ours. `search_path` must be `pg_catalog` by
/// then.
pub fn statements<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut sql = String::new();
    let mut waits = false;
    for (name, value) in settings {
        waits |= name == "lock_timeout";
        let value = value.replace('\'', "''");
        sql.push_str(&format!("SET {name} = '{value}';"));
    }
    if waits {
        sql.push_str(BELOW_DEADLOCK);
    }
    sql
}
