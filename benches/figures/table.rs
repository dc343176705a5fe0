//! The table: figure, measured, goal, ratio, verdict.

use std::fmt::Write as _;

/// All figures, in the order in which they were measured.
#[derive(Default)]
pub struct Table(Vec<[String; 5]>);

impl Table {
    /// A figure that must stay below its goal.
    pub fn below(&mut self, what: &str, measured: f64, goal: f64, unit: &str) {
        let verdict = if measured < goal { "met" } else { "missed" };
        self.add([
            what,
            &format!("{} {unit}", short(measured)),
            &format!("< {} {unit}", short(goal)),
            &format!("{:.2} of the goal", measured / goal),
            verdict,
        ]);
    }

    /// A figure that is compared with a peer of the same run: at least `least` times as fast as it.
    pub fn beside(&mut self, what: &str, measured: &str, ratio: f64, least: f64) {
        let verdict = if ratio >= least { "met" } else { "missed" };
        self.add([what, measured, &format!("≥ {least:.1}×"), &format!("{ratio:.2}×"), verdict]);
    }

    /// A figure beside a peer without a goal.
    pub fn beside_only(&mut self, what: &str, measured: &str, ratio: f64) {
        self.add([what, measured, "", &format!("{ratio:.2}×"), ""]);
    }

    /// A figure without goal and peer.
    pub fn only(&mut self, what: &str, measured: &str) {
        self.add([what, measured, "", "", ""]);
    }

    fn add(&mut self, row: [&str; 5]) {
        eprintln!("  {}: {} {} {}", row[0], row[1], row[3], row[4]);
        self.0.push(row.map(str::to_owned));
    }

    /// As Markdown, its columns aligned.
    pub fn text(&self) -> String {
        let header = ["figure", "measured", "goal", "ratio", "verdict"].map(str::to_owned);
        let rows: Vec<&[String; 5]> = std::iter::once(&header).chain(&self.0).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut text = String::new();
        for (n, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(text, "| {cell}{} ", " ".repeat(width - cell.chars().count()));
            }
            text.push_str("|\n");
            if n == 0 {
                text.push_str(&widths.map(|width| format!("|{}", "-".repeat(width + 2))).concat());
                text.push_str("|\n");
            }
        }
        text
    }
}

/// Three significant digits at least, and no more decimals than they need.
pub fn short(value: f64) -> String {
    let decimals = if value >= 100.0 { 0 } else { 1 + usize::from(value < 10.0) + usize::from(value < 1.0) };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The middle one; of none, nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
