//! A picture of a run: latency over time on a logarithmic scale, and the answers a second
//! below it. One file, no scripts, no fonts to load.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::latency::millis;
use crate::report::Report;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 924.0;
/// Upper panel: latency.
const TOP: f64 = 84.0;
const MIDDLE: f64 = 370.0;
/// Lower panel: answers a second.
const LOWER_TOP: f64 = 410.0;
const BOTTOM: f64 = 496.0;

/// The curves, from the back to the front.
const CURVES: [(&str, f64, &str); 3] =
    [("max", 1.0, "#d9a5a0"), ("p99", 0.99, "#d8742a"), ("p50", 0.5, "#2563a8")];

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#5b6470}\
    .title{font-size:20px;font-weight:600;fill:#1d2530}\
    .grid{stroke:#e4e7ec}.axis{stroke:#aab2bd}\
    .curve{fill:none;stroke-width:2;stroke-linejoin:round}";

pub fn draw(report: &Report<'_>) -> String {
    let chart = Chart::of(report);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\"><style>{STYLE}</style>\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"10\" fill=\"#fbfcfd\"/>"
    );
    let all = report.tally.overall();
    text(&mut svg, "title", LEFT, 36.0, "start", &report.title());
    let figures = format!(
        "{:.0} answers a second · p50 {:.2} ms · p99 {:.2} ms · max {:.1} ms · {} wrong",
        report.tally.per_second(),
        millis(&all, 0.5),
        millis(&all, 0.99),
        millis(&all, 1.0),
        report.tally.faults.count
    );
    text(&mut svg, "", LEFT, 60.0, "start", &figures);
    chart.draw_latency(&mut svg);
    chart.draw_answers(&mut svg);
    chart.draw_time(&mut svg);
    svg.push_str("</svg>\n");
    svg
}

struct Chart<'r> {
    slots: &'r [Histogram<u64>],
    /// The width of a slot in seconds.
    width: f64,
    /// Powers of ten that the latencies lie between, in milliseconds.
    decades: (i32, i32),
    /// The highest rate, rounded up.
    most: f64,
}

impl<'r> Chart<'r> {
    fn of(report: &'r Report<'_>) -> Chart<'r> {
        let timeline = &report.tally.timeline;
        // The last slot may be cut short; its rate would look like a fall.
        let whole = timeline.slots.len().saturating_sub(1).max(1).min(timeline.slots.len());
        let slots = &timeline.slots[..whole];
        let width = timeline.width.as_secs_f64();
        let filled = || slots.iter().filter(|slot| !slot.is_empty());
        let least = filled().map(|slot| millis(slot, 0.5)).fold(f64::INFINITY, f64::min);
        let most = filled().map(|slot| millis(slot, 1.0)).fold(0.0, f64::max);
        let decades = match most > 0.0 {
            true => (least.log10().floor() as i32, most.log10().ceil() as i32),
            false => (-1, 1),
        };
        let rate = slots.iter().map(|slot| slot.len() as f64 / width).fold(1.0, f64::max);
        let decades = (decades.0, decades.1.max(decades.0 + 1));
        Chart { slots, width, decades, most: round_up(rate) }
    }

    fn x(&self, slot: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * slot / self.slots.len().max(1) as f64
    }

    fn y(&self, millis: f64) -> f64 {
        let (low, high) = (f64::from(self.decades.0), f64::from(self.decades.1));
        let part = (millis.max(1e-6).log10() - low) / (high - low);
        MIDDLE - (MIDDLE - TOP) * part.clamp(0.0, 1.0)
    }

    fn draw_latency(&self, svg: &mut String) {
        for decade in self.decades.0..=self.decades.1 {
            let y = self.y(10f64.powi(decade));
            line(svg, "grid", (LEFT, y), (RIGHT, y));
            let label = format!("{} ms", 10f64.powi(decade));
            text(svg, "", LEFT - 10.0, y + 4.0, "end", &label);
        }
        for (index, (name, quantile, colour)) in CURVES.iter().enumerate() {
            let _ = write!(svg, "<polyline class=\"curve\" stroke=\"{colour}\" points=\"");
            for (slot, latencies) in self.slots.iter().enumerate() {
                if !latencies.is_empty() {
                    let y = self.y(millis(latencies, *quantile));
                    let _ = write!(svg, "{:.1},{y:.1} ", self.x(slot as f64 + 0.5));
                }
            }
            svg.push_str("\"/>");
            let x = RIGHT - 180.0 + 66.0 * index as f64;
            line(svg, &format!("curve\" stroke=\"{colour}"), (x, 56.0), (x + 18.0, 56.0));
            text(svg, "", x + 24.0, 60.0, "start", name);
        }
    }

    fn draw_answers(&self, svg: &mut String) {
        for (part, y) in [(0.0, BOTTOM), (1.0, LOWER_TOP)] {
            line(svg, "grid", (LEFT, y), (RIGHT, y));
            let label = format!("{:.0}/s", self.most * part);
            text(svg, "", LEFT - 10.0, y + 4.0, "end", &label);
        }
        for (slot, latencies) in self.slots.iter().enumerate() {
            let rate = latencies.len() as f64 / self.width;
            let height = (BOTTOM - LOWER_TOP) * (rate / self.most);
            let (x, next) = (self.x(slot as f64), self.x(slot as f64 + 1.0));
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" \
                 fill=\"#8fb4d9\"/>",
                x + 0.5,
                BOTTOM - height,
                (next - x - 1.0).max(0.5)
            );
        }
    }

    fn draw_time(&self, svg: &mut String) {
        line(svg, "axis", (LEFT, MIDDLE), (RIGHT, MIDDLE));
        line(svg, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
        let seconds = self.width * self.slots.len() as f64;
        for tick in 0..=5 {
            let part = f64::from(tick) / 5.0;
            let (x, at) = (LEFT + (RIGHT - LEFT) * part, seconds * part);
            let label = if seconds < 10.0 { format!("{at:.1} s") } else { format!("{at:.0} s") };
            text(svg, "", x, BOTTOM + 22.0, "middle", &label);
        }
    }
}

/// To one digit: 18,230 becomes 20,000.
fn round_up(number: f64) -> f64 {
    let unit = 10f64.powf(number.log10().floor());
    (number / unit).ceil() * unit
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    // Writing into a `String` can't fail.
    let _ = write!(
        svg,
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = write!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}
