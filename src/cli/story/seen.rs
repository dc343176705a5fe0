//! What was known of a candidate and does not stand in its title or query.

use crate::cli::text::{count, moment};
use crate::model::time::in_words;
use crate::model::{Backend, Candidate, Duration, Pool, Table, Timestamp};

/// In words; -o json has every field.
pub(super) fn seen(candidate: &Candidate) -> String {
    match candidate {
        Candidate::Backend(backend) => of_backend(backend),
        Candidate::Table(table) => of_table(table),
        Candidate::Pool(pool) => of_pool(pool),
    }
}

fn of_backend(b: &Backend) -> String {
    let from = b.client_addr.as_ref().map_or_else(|| "the server's own socket".to_owned(), Clone::clone);
    let limit = in_words(Duration::from_secs_f64(b.limit_seconds.clamp(0.0, 1e10)));
    let mut parts =
        vec![format!("{} (limit {limit})", b.state), format!("from {from} since {}", moment(b.backend_start))];
    if let Some(begun) = b.xact_start {
        parts.push(format!("transaction since {}", moment(begun)));
    }
    if let Some(begun) = b.query_start.filter(|begun| Some(*begun) != b.xact_start) {
        parts.push(format!("query since {}", moment(begun)));
    }
    if let Some(wait) = &b.wait {
        parts.push(format!("waiting for {wait}"));
    }
    if let Some(progress) = &b.progress {
        parts.push(format!("in the middle of {progress}"));
    }
    parts.push(count(usize::try_from(b.relation_locks).unwrap_or(0), "relation lock"));
    let special = [(b.superuser, "superuser"), (b.replication, "REPLICATION")];
    parts.extend(special.iter().filter(|(is, _)| *is).map(|(_, what)| (*what).to_owned()));
    parts.join(", ")
}

fn of_table(t: &Table) -> String {
    let when = |at: Option<Timestamp>, what: &str| at.map(|at| format!("{what} {}", moment(at)));
    let never = (t.never_analyzed == Some(true)).then(|| "never analyzed".to_owned());
    let off = t.autovacuum_off.then(|| "autovacuum is turned off on it".to_owned());
    let parts = [
        Some(format!("about {:.0} rows", t.rows.max(0.0))),
        Some(format!("owner {}", t.owner)),
        when(t.last_analyzed, "last analyzed").or(never),
        when(t.leaf_last_analyzed, "a leaf last analyzed"),
        off,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn of_pool(p: &Pool) -> String {
    let whose = if p.own_size {
        format!("the database's own pool_size ({})", p.pool_size)
    } else {
        let pools = count(usize::try_from(p.pools_by_default).unwrap_or(usize::MAX), "pool");
        format!("default_pool_size ({}), which reaches {pools}", p.default_pool_size)
    };
    format!(
        "its size is {whose}; {} servers idle; all pools may open {}, {} sessions come from elsewhere, PostgreSQL \
         takes {}",
        p.idle_servers, p.pools_total, p.direct_clients, p.usable_connections
    )
}
