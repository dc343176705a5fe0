//! A catalogue for the reader's own tests, so that they do not change with the registries.

use pgmedic::model::{Class, Kind};
use pgmedic::playbook::{ActionSpec, Catalogue, FinderSpec, Param, ParamType};

const BACKEND: &[&str] = &["databases", "users", "applications", "client_addrs"];
const TABLE: &[&str] = &["databases", "users", "schemas", "tables"];
const POOL: &[&str] = &["databases", "users"];

const fn param(name: &'static str, ty: ParamType, default: Option<&'static str>) -> Param {
    Param { name, ty, default, required: false, about: "for the test" }
}

static LONG_QUERIES: FinderSpec = FinderSpec {
    name: "long_queries",
    kind: Kind::Backend,
    about: "for the test",
    params: &[
        param("longer_than", ParamType::Duration, Some("5m")),
        param("limit", ParamType::Count { min: 1, max: 200 }, Some("50")),
        param("only", ParamType::Selector(BACKEND), None),
        param("except", ParamType::Selector(BACKEND), None),
        param("overrides", ParamType::Overrides { respects: BACKEND, params: &["longer_than"] }, None),
    ],
};

static STALE_STATISTICS: FinderSpec = FinderSpec {
    name: "stale_statistics",
    kind: Kind::Table,
    about: "for the test",
    params: &[
        param("at_least", ParamType::Count { min: 1, max: u64::MAX }, Some("1000")),
        param("limit", ParamType::Count { min: 1, max: 200 }, Some("200")),
        param("only", ParamType::Selector(TABLE), None),
        param("except", ParamType::Selector(TABLE), None),
        param("overrides", ParamType::Overrides { respects: TABLE, params: &["at_least"] }, None),
    ],
};

static STARVED_POOLS: FinderSpec = FinderSpec {
    name: "starved_pools",
    kind: Kind::Pool,
    about: "for the test",
    params: &[
        param("longer_than", ParamType::Duration, Some("5s")),
        param("limit", ParamType::Count { min: 1, max: 200 }, Some("20")),
        param("only", ParamType::Selector(POOL), None),
        param("except", ParamType::Selector(POOL), None),
    ],
};

/// Knows every sort of parameter that the three above do not use.
static SHAPES: FinderSpec = FinderSpec {
    name: "shapes",
    kind: Kind::Table,
    about: "for the test",
    params: &[
        param("above", ParamType::Share, Some("0.2")),
        param("order_by", ParamType::Word(&["size", "age"]), Some("size")),
        Param { name: "needed", ty: ParamType::Duration, default: None, required: true, about: "how long" },
    ],
};

const fn action(name: &'static str, kind: Kind, class: Class, params: &'static [Param]) -> ActionSpec {
    ActionSpec { name, kind, class, about: "for the test", params, danger: "none" }
}

static CANCEL: ActionSpec = action("cancel_backend", Kind::Backend, Class::Disruptive, &[]);
static TERMINATE: ActionSpec = action("terminate_backend", Kind::Backend, Class::Disruptive, &[]);
static ANALYZE: ActionSpec =
    action("analyze", Kind::Table, Class::Maintenance, &[param("statement_timeout", ParamType::Duration, Some("10m"))]);
static SET_POOL_SIZE: ActionSpec = action(
    "set_pool_size",
    Kind::Pool,
    Class::Disruptive,
    &[
        param("step", ParamType::Count { min: 1, max: 1_000 }, None),
        param("max", ParamType::Count { min: 1, max: 10_000 }, None),
    ],
);

pub static CATALOGUE: Catalogue = Catalogue {
    conditions: false,
    finders: &[&LONG_QUERIES, &SHAPES, &STALE_STATISTICS, &STARVED_POOLS],
    actions: &[&ANALYZE, &CANCEL, &SET_POOL_SIZE, &TERMINATE],
};
