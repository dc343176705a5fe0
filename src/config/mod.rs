//! What `pgmedic.yaml` says, after it was read and found sound.

mod advice;
mod channels;
mod defaults;
pub mod dsn;
mod files;
pub mod policy;
pub mod read;
mod rules;
pub mod schema;
mod targets;

pub use advice::advise;
pub use policy::{Ceilings, Freeze, Limits, Narrowed, Policy, SameQuery, Window};
pub use read::{Surroundings, read};
pub use rules::{POLICY_KEYS, narrowed, policy_over};

use crate::model::{Duration, Labels, Matcher, Mode, Names, Protect};
use crate::syntax::{Node, Span};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Goes into every `config` record.
    pub revision: Option<String>,
    /// Ceiling for all.
    pub mode: Mode,
    /// Where pgmedic keeps its own things.
    pub data_dir: PathBuf,
    /// IANA zone of schedules and windows that name none.
    pub timezone: String,
    /// Channels for playbooks that name none, and for the daemon's own events.
    pub notify: Vec<String>,
    /// Role by group of the socket's peer; everybody else is operator.
    pub socket_roles: BTreeMap<String, AccessRole>,
    /// In the order of the file, then those of `target_files` in order of path.
    pub targets: Vec<Target>,
    /// Files that targets were read from, besides this one.
    pub target_files: Vec<TargetFile>,
    /// Applies to all targets.
    pub protect: Protect,
    /// Applies to all targets.
    pub limits: Limits,
    /// Applies to all targets.
    pub ceilings: Ceilings,
    /// By name.
    pub windows: BTreeMap<String, Vec<Window>>,
    /// Periods with a lower ceiling.
    pub freezes: Vec<Freeze>,
    /// Where people are told.
    pub channels: Vec<Channel>,
    /// How query texts are kept in records.
    pub query_text: QueryText,
    /// Playbook files, resolved and in order of path.
    pub playbook_files: Vec<PathBuf>,
    /// SHA-256 of `text` in hex.
    pub digest: String,
    /// The file as read: references to secrets, never secrets.
    pub text: String,
    /// Where it was read from.
    pub file: PathBuf,
}

/// One PostgreSQL server and its PgBouncers.
#[derive(Clone, Debug)]
pub struct Target {
    /// Unique name.
    pub name: String,
    /// Connection string as written; references to secrets are resolved at each connect.
    pub dsn: Text,
    /// Overrides the DSN's.
    pub password: Option<Text>,
    /// A second login that alone holds the right to act.
    pub act_as: Option<Login>,
    /// Its own ceiling.
    pub mode: Mode,
    /// For selectors.
    pub labels: Labels,
    /// Databases in which table and index work looks: globs; default all but templates.
    pub databases: Vec<String>,
    /// Its poolers.
    pub pgbouncer: Vec<PgBouncer>,
    /// Replace a playbook's variables here.
    pub vars: BTreeMap<String, Written>,
    /// Makes policy stricter here.
    pub policy: Narrowed,
    /// Replace a playbook's keys here, a later one those of an earlier.
    pub overrides: Vec<Override>,
}

/// Something that is for playbooks to read: as written, and where.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file, as messages name it.
    pub file: String,
    /// What is written, with its place.
    pub node: Node,
}

/// A target's own word on some playbooks.
#[derive(Clone, Debug)]
pub struct Override {
    /// A name or pattern as written.
    pub pattern: String,
    /// The playbooks that are meant.
    pub names: Names,
    /// Where the pattern stands in the file.
    pub span: Span,
    /// Keys of a playbook.
    pub keys: Written,
}

/// One of the files that `target_files` names.
#[derive(Clone, Debug)]
pub struct TargetFile {
    /// Where it was read from.
    pub file: PathBuf,
    /// The file as read.
    pub text: String,
    /// SHA-256 of `text` in hex.
    pub digest: String,
}

/// A second login on the same server.
#[derive(Clone, Debug)]
pub struct Login {
    /// Role name.
    pub user: String,
    /// Its password.
    pub password: Option<Text>,
}

/// One PgBouncer.
#[derive(Clone, Debug)]
pub struct PgBouncer {
    /// Unique within the target.
    pub name: String,
    /// Connection string of its console (`dbname` is always `pgbouncer`).
    pub dsn: Text,
    /// Overrides the DSN's.
    pub password: Option<Text>,
}

/// A text that may come from the environment or a file; never printed.
#[derive(Clone, Debug)]
pub enum Text {
    /// Written in the file itself.
    Plain(SecretString),
    /// `${env:NAME}`.
    Env(String),
    /// `${file:PATH}`, resolved against the file it stands in; trailing line ends are cut.
    File(PathBuf),
}

impl Text {
    /// Whether both are written alike; what references stand for may still differ.
    #[must_use]
    pub fn is_like(&self, other: &Text) -> bool {
        match (self, other) {
            (Text::Plain(a), Text::Plain(b)) => a.expose_secret() == b.expose_secret(),
            (Text::Env(a), Text::Env(b)) => a == b,
            (Text::File(a), Text::File(b)) => a == b,
            _ => false,
        }
    }
}

/// One way to tell people.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Unique name.
    pub name: String,
    /// What it speaks.
    pub service: Service,
    /// Events it wants; empty: all.
    pub events: Vec<String>,
    /// Matchers over the target's labels, all of which must match; a message without a target passes.
    pub matchers: Vec<Matcher>,
    /// Private and loopback addresses may be reached, and plain http there.
    pub allow_private: bool,
}

/// What a channel speaks.
#[derive(Clone, Debug)]
pub enum Service {
    /// Slack incoming webhook.
    Slack {
        /// The secret URL.
        webhook_url: Text,
    },
    /// A webhook signed as Standard Webhooks say.
    Webhook {
        /// Where.
        url: Text,
        /// `whsec_…`.
        secret: Text,
    },
}

/// How query texts are kept in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryText {
    /// Literals become `$n`.
    #[default]
    Redacted,
    /// As seen.
    Full,
    /// Not at all.
    None,
}

impl QueryText {
    /// All with the word users write.
    pub const ALL: [(&'static str, QueryText); 3] =
        [("redacted", QueryText::Redacted), ("full", QueryText::Full), ("none", QueryText::None)];
}

/// What a person or token may do, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessRole {
    /// Look.
    Viewer,
    /// Run, pause, resume, reload.
    Operator,
    /// Say yes to held steps.
    Approver,
    /// Everything.
    Admin,
}

impl AccessRole {
    /// All roles with the word users write.
    pub const ALL: [(&'static str, AccessRole); 4] = [
        ("viewer", AccessRole::Viewer),
        ("operator", AccessRole::Operator),
        ("approver", AccessRole::Approver),
        ("admin", AccessRole::Admin),
    ];
}

/// How long a connect may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl Target {
    /// Nothing but how to reach it; all else as when it is not written.
    #[must_use]
    pub fn new(name: &str, dsn: Text) -> Target {
        Target {
            name: name.to_owned(),
            dsn,
            password: None,
            act_as: None,
            mode: Mode::default(),
            labels: Labels::new(),
            databases: vec!["*".to_owned()],
            pgbouncer: Vec::new(),
            vars: BTreeMap::new(),
            policy: Narrowed::default(),
            overrides: Vec::new(),
        }
    }
}

impl Config {
    /// A target by name.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|t| t.name == name)
    }

    /// What holds on one target.
    #[must_use]
    pub fn policy(&self, target: &Target) -> Policy {
        self.policy_of_all().at(target.mode, &target.policy)
    }

    /// What holds on all targets, before any of them says more.
    #[must_use]
    pub fn policy_of_all(&self) -> Policy {
        Policy {
            daemon_mode: self.mode,
            target_mode: Mode::Observe,
            protect: self.protect.clone(),
            limits: self.limits.clone(),
            ceilings: self.ceilings,
            windows: self.windows.clone(),
            freezes: self.freezes.clone(),
            timezone: self.timezone.clone(),
            query_text: self.query_text,
        }
    }
}
