//! The table that a comparison prints at its end.

use serde_json::{Value, json};

/// One line: a measurement beside the yardstick that it is compared with.
pub struct Row {
    pub what: String,
    pub measured: String,
    pub yardstick: String,
    /// What is compared with the goal; 0 where there is nothing to compare.
    pub figure: f64,
    pub goal: Goal,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    AtLeast(f64),
    Below(f64),
    /// There is no goal.
    None,
}

#[derive(Default)]
pub struct Table {
    pub rows: Vec<Row>,
    /// Remarks below the table.
    pub notes: Vec<String>,
}

impl Table {
    pub fn row(
        &mut self,
        what: impl Into<String>,
        measured: impl Into<String>,
        yardstick: impl Into<String>,
        figure: f64,
        goal: Goal,
    ) {
        let (what, measured, yardstick) = (what.into(), measured.into(), yardstick.into());
        self.rows.push(Row { what, measured, yardstick, figure, goal });
    }

    pub fn text(&self) -> String {
        let mut text = line(["", "measured", "beside", "figure", "goal", ""]);
        for row in &self.rows {
            let verdict = match row.goal.is_met(row.figure) {
                Some(true) => "ok",
                Some(false) => "MISSED",
                None => "",
            };
            let figure = format!("{:.2}", row.figure);
            let figure = if row.figure == 0.0 { "" } else { &figure };
            let cells =
                [&row.what, &row.measured, &row.yardstick, figure, &row.goal.text(), verdict];
            text += &line(cells);
        }
        for note in &self.notes {
            text += &format!("  {note}\n");
        }
        text
    }

    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "what": row.what,
                "measured": row.measured,
                "beside": row.yardstick,
                "figure": row.figure,
                "goal": row.goal.text(),
                "met": row.goal.is_met(row.figure),
            })
        });
        json!({"rows": rows.collect::<Vec<_>>(), "notes": self.notes})
    }
}

fn line([what, measured, yardstick, figure, goal, verdict]: [&str; 6]) -> String {
    let line = format!("  {what:<34}{measured:>16}{yardstick:>24}{figure:>9}{goal:>9}  {verdict}");
    format!("{}\n", line.trim_end())
}

impl Goal {
    fn is_met(self, figure: f64) -> Option<bool> {
        match self {
            Goal::AtLeast(least) => Some(figure >= least),
            Goal::Below(most) => Some(figure < most),
            Goal::None => None,
        }
    }

    fn text(self) -> String {
        match self {
            Goal::AtLeast(least) => format!("≥ {least}"),
            Goal::Below(most) => format!("< {most}"),
            Goal::None => String::new(),
        }
    }
}

/// The middle one of an odd number, the lower middle of an even one; 0 of none.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

pub fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
