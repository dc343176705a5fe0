//! The JSON Schema of a file of playbook tests, from the reader's own keys.

use super::{expect, past, read, server, target};
use crate::config::schema as config;
use crate::finders;
use crate::guards::REGISTRY;
use crate::model::{Mode, Verdict};
use crate::syntax::schema::{Field, Maker, closed, list, object};
use serde_json::{Value as Json, json};

/// Tests have no variables.
const M: Maker = Maker { vars: false };

/// The schema of a file of playbook tests.
#[must_use]
pub fn schema() -> Json {
    let of_file = [
        ("version", "Version of the format: 1.", M.only(1)),
        ("config", "The configuration whose playbooks, targets and policy are tested.", M.text()),
        ("playbooks", "Playbook files; relative paths start at this file's folder.", list(&M.text(), true)),
        ("playbook", "The playbook of tests that name none.", M.text()),
        ("evaluation_interval", "From one collection of the series to the next. Default 1m.", M.duration()),
        ("tests", "The tests.", list(&test(), false)),
    ];
    let fields: Vec<Field> = of_file.into_iter().chain(policy()).collect();
    let mut root = object(&read::KEYS, &fields);
    root["oneOf"] = json!([{"required": ["config"]}, {"required": ["playbooks"]}]);
    M.root("pgmedic playbook tests", "What playbooks decide about rows, under a policy, after a past.", root)
}

/// What stands as in `pgmedic.yaml`.
fn policy() -> Vec<Field<'static>> {
    let schema = config::schema();
    let of = |key: &str| schema["properties"][key].clone();
    vec![
        ("mode", "Ceiling for all, as in pgmedic.yaml. Default observe.", of("mode")),
        ("timezone", "As in pgmedic.yaml. Default UTC.", of("timezone")),
        (
            "policy",
            "As in pgmedic.yaml; what is written replaces what the file or the configuration says.",
            of("policy"),
        ),
        ("windows", "As in pgmedic.yaml.", of("windows")),
        ("freezes", "As in pgmedic.yaml.", of("freezes")),
        ("audit", "As in pgmedic.yaml.", of("audit")),
    ]
}

fn test() -> Json {
    let series = closed(
        [
            ("series", "As in rule tests: 'up{job=\"a\"}'.", M.text()),
            ("values", "As in rule tests: '300+30x10'.", json!({"type": ["string", "number", "null"]})),
        ],
        &["series", "values"],
    );
    let of_test = [
        ("name", "For --run and for people.", M.text()),
        ("playbook", "The playbook that is tested.", M.text()),
        ("target", "Where, in the words of pgmedic.yaml.", target()),
        ("at", "When, with its zone.", M.moment()),
        ("requested_mode", "What whoever asks lowers the run to.", M.word(&Mode::ALL)),
        ("server", "What a look at the server shows.", server()),
        ("candidates", "Rows of the finder: see docs/reference/playbook-tests.md.", candidates()),
        ("history", "What was done before.", history()),
        ("input_series", "What `when` looks at.", list(&series, true)),
        ("interval", "From one value to the next. Default evaluation_interval.", M.duration()),
        ("start_timestamp", "Of the first value. Default: the longest series ends at `at`.", M.moment()),
        ("outcomes", "How actions end that are not simply done.", list(&outcome(), true)),
        ("expect", "What must come of it.", expected()),
    ];
    let fields: Vec<Field> = of_test.into_iter().chain(policy()).collect();
    object(&read::TEST, &fields)
}

fn target() -> Json {
    let schema = config::schema();
    let of = |key: &str| schema["properties"]["targets"]["items"]["properties"][key].clone();
    let about = "As in pgmedic.yaml.";
    object(&target::TARGET, &["name", "mode", "labels", "vars", "policy", "overrides"].map(|key| (key, about, of(key))))
}

fn server() -> Json {
    let count = || M.count(0, 1_000_000);
    let privileges = object(
        &server::PRIVILEGES,
        &[
            ("monitor", "The reading role has pg_monitor. Default true.", M.bool()),
            ("acting_monitor", "So has the acting one. Default true.", M.bool()),
            ("signal_backend", "The acting role has pg_signal_backend. Default true.", M.bool()),
        ],
    );
    let versions = M.count(server::VERSIONS.0.into(), server::VERSIONS.1.into());
    object(
        &server::SERVER,
        &[
            ("version", "Major version. Default 17.", versions),
            ("role", "Default primary.", M.word(&server::ROLES)),
            ("client_backends", "Client sessions. Default 100.", count()),
            ("max_connections", "Default 200.", count()),
            ("reserved_connections", "Default 3.", count()),
            ("deadlock_timeout", "Default 1s.", M.duration()),
            ("paused", "Why `pgmedic.paused` is set on pgmedic's role.", M.text()),
            ("privileges", "What pgmedic's roles may do.", privileges),
            ("ownership", "Who holds the right to act. Default held.", M.word(&server::HOLDERS)),
            ("databases", "Where table work looks.", list(&M.text(), true)),
        ],
    )
}

/// Rows of the finder's first question, or of each by its name.
fn candidates() -> Json {
    let rows = list(&json!({"type": "object"}), true);
    let mut questions: Vec<&str> =
        finders::REGISTRY.iter().flat_map(|finder| finder.answers()).map(|answer| answer.question).collect();
    questions.sort_unstable();
    let by_question = closed(questions.into_iter().map(|name| (name, "Rows of this question.", rows.clone())), &[]);
    json!({"anyOf": [rows, by_question]})
}

fn history() -> Json {
    let action = object(
        &past::ACTION,
        &[
            ("candidate", "A candidate of this test; without it and `like` another one.", M.text()),
            ("like", "Another session with the same query as this candidate.", M.text()),
            ("action", "What was done.", actions()),
            ("ago", "How long ago.", M.duration()),
            ("outcome", "How it ended; `open`: not known yet. Default done.", M.word(&past::OUTCOMES)),
            (
                "times",
                "How often, each on another candidate unless one is named. Default 1.",
                M.count(1, past::TIMES_MAX.into()),
            ),
            ("playbook", "By which. Default the test's.", M.text()),
            ("target", "Where. Default the test's.", M.text()),
            ("run", "In which run. Default one of its own.", M.text()),
        ],
    );
    let pause = object(
        &past::PAUSE,
        &[
            ("ago", "When it began.", M.duration()),
            ("for", "How long it lasts; without it until somebody resumes.", M.duration()),
            ("by", "Who.", M.text()),
            ("reason", "Why.", M.text()),
            ("target", "Only this target.", M.text()),
            ("playbook", "Only this playbook.", M.text()),
        ],
    );
    let hands = || object(&past::HANDS, &[("ago", "When.", M.duration()), ("holder", "Who else.", M.text())]);
    object(
        &past::HISTORY,
        &[
            ("actions", "What was done.", list(&action, true)),
            ("pauses", "Orders to stand still.", list(&pause, true)),
            ("took_over", "This pgmedic took the target over from another.", hands()),
            ("stands_by", "Another pgmedic holds the right to act.", hands()),
        ],
    )
}

fn actions() -> Json {
    let names: Vec<(&str, ())> = crate::decide::catalogue().actions.iter().map(|action| (action.name, ())).collect();
    M.word(&names)
}

fn outcome() -> Json {
    let words: Vec<(&str, ())> =
        past::OUTCOMES.iter().filter(|(_, s)| s.is_some()).map(|(word, _)| (*word, ())).collect();
    object(
        &read::ENDING,
        &[
            ("candidate", "Whose.", M.text()),
            ("action", "Which.", actions()),
            ("outcome", "How it ends.", M.word(&words)),
            ("gone", "Whether it is listed no more. Default: after done and gone.", M.bool()),
        ],
    )
}

fn expected() -> Json {
    let answer = M.word(&expect::ANSWERS);
    let guards = REGISTRY.iter().map(|guard| (guard.name(), ())).chain([("requested_mode", ())]);
    let guard = object(
        &expect::GUARD,
        &[
            ("name", "The guard.", M.word(&guards.collect::<Vec<_>>())),
            ("verdict", "Its answer; `none`: it has nothing to say.", answer),
            ("detail", "A part of its words.", M.text()),
        ],
    );
    let said = || {
        vec![
            ("verdict", "The conclusion.", M.word(&Verdict::ALL)),
            ("mode", "The mode after all ceilings.", M.word(&Mode::ALL)),
            ("reason", "A part of the reason; a skip's begins with the guard's name.", M.text()),
            ("guards", "Guards and what they answer; others are not compared.", list(&guard, true)),
        ]
    };
    let of_decision = [
        ("candidate", "Which: 4711, public.orders, shop.app.", M.text()),
        ("action", "The first rung.", actions()),
        ("statement", "A part of its statement.", M.text()),
    ];
    let decision = object(&expect::DECISION, &said().into_iter().chain(of_decision).collect::<Vec<_>>());
    let sent = object(
        &expect::SENT,
        &[
            ("candidate", "On which.", M.text()),
            ("action", "Which.", actions()),
            ("after", "How long after the run began; 0s is a length here.", length_or_none()),
            ("statement", "A part of it.", M.text()),
            ("takes_back", "It takes an earlier one back. Default false.", M.bool()),
        ],
    );
    let count = || M.count(0, 10_000);
    let of_run = [
        ("runs", "Whether the playbook runs on the target at all. Default true.", M.bool()),
        ("decisions", "One for each candidate, none left out.", list(&decision, true)),
        ("not_listed", "Rows that the finder leaves out.", list(&M.text(), true)),
        ("actions", "What is sent, in order, none left out.", list(&sent, true)),
        ("told", "The events that people are told of, in order.", list(&M.word(&expect::EVENTS), true)),
        ("acted", "Candidates acted on.", count()),
        ("helped", "Candidates whose harm is gone.", count()),
        ("failed", "Candidates whose harm is not.", count()),
        ("held", "Candidates that wait for a person.", count()),
    ];
    object(&expect::EXPECT, &said().into_iter().chain(of_run).collect::<Vec<_>>())
}

/// A length of time that may be none.
fn length_or_none() -> Json {
    json!({"anyOf": [M.duration(), {"const": "0s"}]})
}
