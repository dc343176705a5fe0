//! Random expressions, written so that nearly all of them can be evaluated.

use super::series::{BEGIN, Dice, INTERVAL};

/// Writes expressions of a type, not deeper than wanted.
pub struct Writer<'a> {
    pub dice: &'a mut Dice,
}

impl Writer<'_> {
    fn duration(&mut self) -> &'static str {
        self.dice.one(&["15s", "30s", "1m", "90s", "2m", "5m", "7m", "10m", "1m30s", "20m"])
    }

    fn shift(&mut self) -> String {
        let mut shift = String::new();
        if self.dice.hits(6) {
            shift += &format!(" offset {}{}", self.dice.one(&["", "", "-"]), self.duration());
        }
        if self.dice.hits(10) {
            let time = (BEGIN + self.dice.below(240) as i64 * INTERVAL) as f64 / 1_000.0;
            let time = time.to_string();
            shift += &format!(" @ {}", self.dice.one(&[&time, "start()", "end()"]));
        }
        shift
    }

    fn bare_selector(&mut self) -> String {
        let matchers = self.dice.one(&[
            "c",
            "g",
            "i",
            "k",
            "c",
            "g",
            "i",
            "c{a=\"x\"}",
            "g{a!=\"x\"}",
            "i{a=~\"x|y\"}",
            "g{b=\"1\"}",
            "c{a!~\"x|w\"}",
            "g{a=~\"[xz]\"}",
            "h_bucket",
            "h_bucket{a=\"x\"}",
            "{__name__=~\"c|g\"}",
            "{l=\"g\"}",
            "missing",
            "k{a=\"y\",b=\"\"}",
            "i{b=~\".+\"}",
            "missing{a=\"x\",b!=\"y\"}",
            "{__name__=~\"i|k\",a=\"x\"}",
        ]);
        matchers.to_owned()
    }

    fn selector(&mut self) -> String {
        self.bare_selector() + &self.shift()
    }

    fn range(&mut self, depth: usize) -> String {
        let duration = self.duration();
        let brackets = match self.dice.below(4) {
            0 if depth > 0 => {
                let step = self.dice.one(&["", "10s", "15s", "30s", "1m", "7s", "2m"]);
                let of = self.vector(depth - 1);
                return format!("({of})[{duration}:{step}]{}", self.shift());
            }
            1 if depth > 0 => {
                let selector = self.selector();
                return format!("{selector}[{duration}:30s]{}", self.shift());
            }
            _ => format!("[{duration}]"),
        };
        self.bare_selector() + &brackets + &self.shift()
    }

    pub fn scalar(&mut self, depth: usize) -> String {
        match self.dice.below(if depth == 0 { 4 } else { 8 }) {
            0 => "time()".to_owned(),
            1..=3 => {
                self.dice.one(&["0", "1", "2", "-3", "0.5", "7", "100", "Inf", "NaN", "1m", "0.25", "3"]).to_owned()
            }
            4 => format!("scalar({})", self.vector(depth - 1)),
            5 => format!("-{}", self.scalar(0)),
            6 => {
                let operator = self.dice.one(&["+", "-", "*", "/", "%", "== bool", "> bool", "<= bool"]);
                format!("({} {operator} {})", self.scalar(depth - 1), self.scalar(depth - 1))
            }
            _ => "pi()".to_owned(),
        }
    }

    pub fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.dice.below(16) {
            0..=1 => self.selector(),
            2..=4 => self.over_range(depth),
            5..=6 => self.aggregation(depth),
            7..=8 => self.function(depth),
            9..=11 => self.between_vectors(depth),
            12 => {
                let operator =
                    self.dice.one(&["+", "-", "*", "/", "%", "==", "!=", ">", "<", ">=", "<=", "> bool", "!= bool"]);
                let (vector, scalar) = (self.vector(depth - 1), self.scalar(depth - 1));
                if self.dice.hits(2) {
                    format!("({vector}) {operator} {scalar}")
                } else {
                    format!("{scalar} {operator} ({vector})")
                }
            }
            13 => format!("-({})", self.vector(depth - 1)),
            14 => format!("vector({})", self.scalar(depth - 1)),
            _ => self.labels(depth),
        }
    }

    fn over_range(&mut self, depth: usize) -> String {
        let function = self.dice.one(&[
            "rate",
            "increase",
            "delta",
            "irate",
            "idelta",
            "deriv",
            "changes",
            "resets",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "sum_over_time",
            "count_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "present_over_time",
            "last_over_time",
            "absent_over_time",
            "quantile_over_time",
            "predict_linear",
            "rate",
            "increase",
        ]);
        let range = self.range(depth);
        match function {
            "quantile_over_time" => format!("quantile_over_time({}, {range})", self.scalar(depth - 1)),
            "predict_linear" => format!("predict_linear({range}, {})", self.scalar(depth - 1)),
            function => format!("{function}({range})"),
        }
    }

    fn aggregation(&mut self, depth: usize) -> String {
        let by = self.dice.one(&[
            "",
            " by (a)",
            " by (a, b)",
            " without (a)",
            " without (b, l)",
            " by ()",
            " by (missing, l)",
            " by (__name__)",
        ]);
        let of = self.vector(depth - 1);
        match self.dice.below(12) {
            // Which of equal elements stay, and the last bits of a deviation, depend on the order of elements,
            // which Prometheus shuffles behind most operations at several steps; not behind selectors.
            0 => format!("topk{by} ({}, {})", self.dice.below(4), self.selector()),
            1 => format!("bottomk{by} ({}, rate({}))", self.dice.below(4), self.range(0)),
            2 => {
                // At several steps Prometheus 3.5 takes a parameter for the first step's when what goes in is
                // fixed by an `@`, and moves an `@` in the parameter along with the steps.
                let q = self.scalar(depth - 1);
                let q = if of.contains('@') || q.contains('@') { "0.7" } else { &q };
                format!("quantile{by} ({q}, {of})")
            }
            // Nor is it told apart which of two numbers that differ in their last bit a label holds.
            3 => format!("count_values{by} (\"{}\", {})", self.dice.one(&["v", "a"]), self.selector()),
            4 => {
                let name = self.dice.one(&["stddev", "stdvar"]);
                format!("{name}{by} ({})", self.selector())
            }
            _ => {
                let name = self.dice.one(&["sum", "avg", "min", "max", "count", "group", "sum"]);
                format!("{name}{by} ({of})")
            }
        }
    }

    fn function(&mut self, depth: usize) -> String {
        let name = self.dice.one(&[
            "abs",
            "ceil",
            "floor",
            "sgn",
            "sqrt",
            "absent",
            "sort",
            "sort_desc",
            "timestamp",
            "clamp",
            "clamp_min",
            "clamp_max",
            "round",
            "hour",
            "minute",
            "day_of_week",
            "day_of_month",
            "day_of_year",
            "days_in_month",
            "month",
            "year",
            "histogram_quantile",
            "histogram_fraction",
            "deg",
            "rad",
            "timestamp",
            "absent",
        ]);
        let of = self.vector(depth - 1);
        let h = self.dice.one(&[
            "h_bucket",
            "rate(h_bucket[5m])",
            "sum by (le) (h_bucket)",
            "increase(h_bucket[2m])",
            "h_bucket > 20",
        ]);
        match name {
            // Prometheus 3.5 forgets the offset of a selector that also has an `@` here.
            "timestamp" if of.contains('@') => format!("timestamp({})", self.bare_selector()),
            "clamp" => format!("clamp({of}, {}, {})", self.scalar(0), self.scalar(depth - 1)),
            "clamp_min" | "clamp_max" => format!("{name}({of}, {})", self.scalar(depth - 1)),
            "round" if self.dice.hits(2) => format!("round({of}, {})", self.dice.one(&["0.5", "5", "10", "-2", "0"])),
            "histogram_quantile" => format!(
                "histogram_quantile({}, {h})",
                self.dice.one(&["0.9", "0.5", "0", "1", "1.5", "-1", "NaN", "0.99"])
            ),
            "histogram_fraction" => {
                let bounds = ["0", "0.1", "0.3", "1", "7", "Inf", "-Inf", "20", "NaN"];
                format!("histogram_fraction({}, {}, {h})", self.dice.one(&bounds), self.dice.one(&bounds))
            }
            "hour" | "minute" | "year" if self.dice.hits(3) => format!("{name}()"),
            name => format!("{name}({of})"),
        }
    }

    fn between_vectors(&mut self, depth: usize) -> String {
        let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
        let labels = self.dice.one(&[
            "on (a)",
            "on (a, b)",
            "ignoring (b)",
            "ignoring (l)",
            "ignoring (l, b)",
            "on ()",
            "on (l, a, b)",
            "ignoring (a)",
        ]);
        if self.dice.hits(3) {
            let operator = self.dice.one(&["and", "or", "unless"]);
            let labels = if self.dice.hits(2) { labels } else { "" };
            return format!("({left}) {operator} {labels} ({right})");
        }
        let operator = self.dice.one(&["+", "-", "*", "/", "%", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool"]);
        let group = self.dice.one(&[
            "",
            "",
            "",
            "group_left ()",
            "group_right ()",
            "group_left (l)",
            "group_right (l)",
            "group_left (l, missing)",
        ]);
        let matching = if self.dice.hits(4) { String::new() } else { format!("{labels} {group}") };
        format!("({left}) {operator} {matching} ({right})")
    }

    fn labels(&mut self, depth: usize) -> String {
        let of = self.vector(depth - 1);
        match self.dice.below(4) {
            0 => format!("label_replace({of}, \"d\", \"$1-${{1}}\", \"a\", \"(x|y)\")"),
            1 => format!("label_replace({of}, \"b\", \"\", \"a\", \"(.*)\")"),
            2 => format!("label_join({of}, \"d\", \"-\", \"a\", \"b\")"),
            _ => format!("label_replace({of}, \"__name__\", \"n\", \"b\", \"1\")"),
        }
    }
}
