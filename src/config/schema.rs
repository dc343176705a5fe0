//! The JSON Schema of `pgmedic.yaml`, from the reader's own keys.

use super::{AccessRole, QueryText, channels, defaults, read, rules, targets};
use crate::model::Mode;
use crate::syntax::schema::{Maker, list, map_of, object};
use serde_json::{Value as Json, json};

/// The configuration has no variables.
const M: Maker = Maker { vars: false };

/// The schema of a configuration file.
#[must_use]
pub fn schema() -> Json {
    let mut root = object(
        &read::KEYS,
        &[
            ("version", "Version of the format: 1.", M.only(1)),
            ("revision", "Goes into the record of each start and reload: the commit that was live.", M.referable()),
            ("mode", "Ceiling for all: observe (default) < approve < enforce.", M.word(&Mode::ALL)),
            ("data_dir", "Where the audit log and pgmedic's own state are kept. Default ./data.", M.text()),
            ("timezone", "Zone of schedules and windows that name none. Default UTC.", M.zone()),
            ("notify", "Channels for the daemon's own events, and for playbooks that name none.", M.names(true)),
            ("http", "How commands reach the daemon.", http()),
            ("target_defaults", "What holds for each target that does not say otherwise.", target_defaults()),
            (
                "target_files",
                "Files with more targets; relative paths start at this file's folder.",
                list(&M.text(), true),
            ),
            ("targets", "The servers that are looked after.", list(&target(), true)),
            ("policy", "What holds on all targets, whatever a playbook says.", policy()),
            ("windows", "Named times for `window` triggers and the guards `allow_in` and `not_in`.", windows()),
            ("freezes", "Periods with a lower ceiling.", list(&freeze(), true)),
            ("channels", "Where people are told.", list(&channel(), true)),
            ("audit", "What the audit log keeps.", audit()),
            ("playbooks", "Playbook files; relative paths start at this file's folder.", list(&M.text(), true)),
        ],
    );
    let some = |key: &str| json!({"required": [key], "properties": {key: {"minItems": 1}}});
    root["anyOf"] = json!([some("targets"), some("target_files")]);
    M.root("pgmedic configuration", "pgmedic.yaml: targets, policy, windows, channels and playbooks.", root)
}

fn http() -> Json {
    let roles = "Role by the caller's group; everybody else who can open the socket is operator.";
    let by_group = json!({"type": "object", "additionalProperties": M.word(&AccessRole::ALL)});
    let socket = object(&read::SOCKET, &[("roles", roles, by_group)]);
    object(
        &read::HTTP,
        &[
            ("listen", "Only `none`: commands use the Unix socket in data_dir.", M.only("none")),
            ("socket", "The Unix socket in data_dir.", socket),
        ],
    )
}

fn target() -> Json {
    object(
        &targets::TARGET,
        &[
            ("name", "Unique name.", M.name()),
            ("dsn", "libpq's connection string, to PostgreSQL itself and not through a pooler.", M.referable()),
            ("password", "Overrides the connection string's. Best \"${env:NAME}\" or \"${file:PATH}\".", M.referable()),
            ("act_as", "A second login that alone holds the right to act.", login()),
            ("mode", "Ceiling of this target: observe (default) < approve < enforce.", M.word(&Mode::ALL)),
            ("labels", "Playbooks, freezes and channels choose targets by these.", M.labels()),
            ("databases", "Databases in which table work looks; default all but templates.", M.patterns(false)),
            ("vars", "Replace values of playbooks' `vars` here.", vars()),
            ("policy", "Makes `policy` stricter here, never looser.", narrowed()),
            ("overrides", "Replace keys of the playbooks that a name or pattern means, here only.", overrides()),
            ("pgbouncer", "The PgBouncers before this server.", list(&pgbouncer(), true)),
        ],
    )
}

fn target_defaults() -> Json {
    object(
        &defaults::DEFAULTS,
        &[
            ("mode", "Ceiling of targets that name none. Default observe.", M.word(&Mode::ALL)),
            ("labels", "Under each target's own, name by name.", M.labels()),
            ("databases", "For targets that name none.", M.patterns(false)),
            ("act_as", "For targets that name none.", login()),
            ("password", "For targets that name none. Best \"${env:NAME}\" or \"${file:PATH}\".", M.referable()),
            ("vars", "Under each target's own, name by name.", vars()),
            ("policy", "Makes `policy` stricter on all targets, together with each target's own.", narrowed()),
        ],
    )
}

fn vars() -> Json {
    map_of("^[A-Za-z0-9_]+$", &M.text())
}

/// What a playbook takes is checked where the playbook is read.
fn overrides() -> Json {
    let keys =
        json!({"type": "object", "minProperties": 1, "description": "Keys of a playbook but `version` and `name`."});
    json!({"type": "object", "additionalProperties": keys})
}

fn narrowed() -> Json {
    object(
        &rules::NARROWED,
        &[
            ("protect", "Never touched, beside what `policy` protects.", M.protect()),
            ("limits", "The smaller of each and of `policy`'s holds.", limits()),
            ("ceilings", "The lower of each and of `policy`'s holds.", ceilings()),
        ],
    )
}

fn login() -> Json {
    let user = ("user", "The role's name.", M.text());
    let password = ("password", "Its password. Best \"${env:NAME}\" or \"${file:PATH}\".", M.referable());
    object(&targets::LOGIN, &[user, password])
}

fn pgbouncer() -> Json {
    object(
        &targets::PGBOUNCER,
        &[
            ("name", "Unique within the target.", M.name()),
            ("dsn", "Connection string of its console.", M.referable()),
            ("password", "Overrides the connection string's.", M.referable()),
            ("persist", "`runtime`: changes are gone when PgBouncer restarts.", M.only("runtime")),
        ],
    )
}

fn policy() -> Json {
    object(
        &rules::POLICY,
        &[
            ("protect", "Never touched. Any match protects.", M.protect()),
            ("limits", "Budgets by class of action.", limits()),
            ("ceilings", "The highest mode of each class of action.", ceilings()),
            ("allow_custom_sql", "Only `false` for now.", M.only(false)),
        ],
    )
}

fn limits() -> Json {
    let limit = || M.count(0, rules::LIMIT_MAX.into());
    let same_query = object(
        &rules::SAME_QUERY,
        &[("max", "How many. Default 3.", limit()), ("per", "Within how long, at most 24h. Default 1h.", M.duration())],
    );
    let disruptive = object(
        &rules::DISRUPTIVE,
        &[
            ("per_run", "Most candidates in one run. Default 5.", limit()),
            ("per_playbook_hour", "Most actions an hour, per playbook and target. Default 20.", limit()),
            ("per_target_hour", "Most actions an hour on one target. Default 30.", limit()),
            ("fleet_hour", "Most actions an hour on all targets. Default 100.", limit()),
            ("same_query", "Repeats of one query that are ended before a person must look.", same_query),
        ],
    );
    let maintenance = object(
        &rules::MAINTENANCE,
        &[
            ("per_run", "Most candidates in one run. Default 200.", limit()),
            ("at_once_per_target", "Most at once on one target. Default 1.", limit()),
            ("at_once_fleet", "Most at once on all targets. Default 10.", limit()),
        ],
    );
    object(
        &rules::LIMITS,
        &[
            ("disruptive", "What interrupts somebody: cancel, terminate, pool sizes.", disruptive),
            ("maintenance", "What works in the background.", maintenance),
        ],
    )
}

fn ceilings() -> Json {
    let mode = || M.word(&Mode::ALL);
    object(
        &rules::CEILINGS,
        &[
            ("disruptive", "Of what interrupts somebody. Default enforce.", mode()),
            ("maintenance", "Of what works in the background. Default enforce.", mode()),
            ("irreversible", "Of what cannot be taken back. Default approve.", mode()),
        ],
    )
}

fn windows() -> Json {
    let window = object(
        &rules::WINDOW,
        &[
            ("cron", "When it opens: 5 fields, or 6 with seconds first.", M.cron()),
            ("lasts", "How long it stays open.", M.duration()),
            ("timezone", "Its zone; without it that of the configuration.", M.zone()),
        ],
    );
    map_of("^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", &list(&window, false))
}

fn freeze() -> Json {
    object(
        &rules::FREEZE,
        &[
            ("name", "For messages.", M.name()),
            ("from", "Begin, with its zone.", M.moment()),
            ("until", "End, with its zone.", M.moment()),
            ("targets", "Matchers over targets' labels; without them all targets.", M.matchers()),
            ("except", "Playbooks that may go on.", M.patterns(true)),
            ("ceiling", "The highest mode meanwhile. Default observe.", M.word(&Mode::ALL)),
        ],
    )
}

fn channel() -> Json {
    let slack_url = ("webhook_url", "The secret URL of an incoming webhook.", M.referable());
    let webhook = object(
        &channels::WEBHOOK,
        &[
            ("url", "Where.", M.referable()),
            ("secret", "`whsec_…` of Standard Webhooks: the message's signature.", M.referable()),
        ],
    );
    let events = channels::EVENTS.map(|event| (event, ()));
    let mut channel = object(
        &channels::CHANNEL,
        &[
            ("name", "Unique name.", M.name()),
            ("slack", "Slack's incoming webhook.", object(&channels::SLACK, &[slack_url])),
            ("webhook", "A webhook signed as Standard Webhooks say.", webhook),
            ("events", "Events that it wants; without it all.", list(&M.word(&events), false)),
            ("match", "Matchers over the target's labels, all of which must match.", M.matchers()),
            ("allow_private", "Private and loopback addresses may be reached, and plain http there.", M.bool()),
        ],
    );
    channel["oneOf"] = json!([{"required": ["slack"]}, {"required": ["webhook"]}]);
    channel
}

fn audit() -> Json {
    let about = "How query texts are kept in records: redacted (default: literals become $n), full, none.";
    object(&read::AUDIT, &[("query_text", about, M.word(&QueryText::ALL))])
}
