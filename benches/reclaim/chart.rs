//! Disk use over time, all strategies of a scenario in one chart.
//!
//! Uses nothing but text. Invariant: all lines share both axes; time begins at the moment of death, and its axis is
//! stretched near it, because windrow may be done before the first second is over, or wait for a minute. Of repeated runs
//! it shows the first.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::row::Row;
use super::strategy::{Ids, Strategy};
use super::text::bytes;

const WIDTH: f64 = 960.0;
const PANEL: f64 = 380.0;
/// Where the axes of a panel begin and end, from its upper left corner.
const PLOT: Frame = Frame { left: 80.0, right: 760.0, top: 40.0, bottom: 330.0 };
/// The part of the time axis that is nearly even; above it, the same distance stands for the same factor.
const EVEN_SECONDS: f64 = 0.1;
/// The times that are named.
const NAMED_SECONDS: [f64; 10] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0];
/// Named sizes.
const NAMED_SIZES: usize = 5;

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Draws a panel for each scenario, one under the other.
pub(crate) fn to_svg(rows: &[Row]) -> String {
    let mut seen = BTreeSet::new();
    let scenarios: Vec<String> =
        rows.iter().map(|row| row.workload.scenario.name()).filter(|name| seen.insert(name.clone())).collect();
    let height = PANEL * scenarios.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (place, scenario) in scenarios.iter().enumerate() {
        let rows: Vec<&Row> =
            rows.iter().filter(|row| row.turn == 0 && row.workload.scenario.name() == *scenario).collect();
        write(&mut svg, format_args!("<g transform=\"translate(0 {})\">\n", PANEL * place as f64));
        Panel::of(&rows).draw(&rows, scenario, &mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// The scales of a chart.
struct Panel {
    seconds: f64,
    top_bytes: f64,
}

impl Panel {
    fn of(rows: &[&Row]) -> Self {
        let shown = rows.iter().flat_map(|row| points(row));
        let (seconds, top) =
            shown.fold((1.0, 1.0), |(seconds, top): (f64, f64), (at, held)| (seconds.max(at), top.max(held)));
        Self { seconds, top_bytes: top * 1.05 }
    }

    fn x(&self, seconds: f64) -> f64 {
        let stretched = |seconds: f64| (seconds / EVEN_SECONDS).ln_1p();
        PLOT.left + stretched(seconds) / stretched(self.seconds) * (PLOT.right - PLOT.left)
    }

    fn y(&self, held: f64) -> f64 {
        PLOT.bottom - held / self.top_bytes * (PLOT.bottom - PLOT.top)
    }

    fn draw(&self, rows: &[&Row], scenario: &str, svg: &mut String) {
        self.draw_axes(scenario, svg);
        for (place, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (at, held) in points(row) {
                write(&mut line, format_args!("{:.1},{:.1} ", self.x(at), self.y(held)));
            }
            let look = look(row);
            write(svg, format_args!("<polyline fill=\"none\" {look} points=\"{}\"/>\n", line.trim_end()));
            let y = PLOT.top + 20.0 * place as f64;
            let x = PLOT.right + 16.0;
            write(svg, format_args!("<path {look} d=\"M{x} {y}h24\"/>\n"));
            let name = if row.strategy.is_baseline() { format!(", {}", row.ids.name()) } else { String::new() };
            write(
                svg,
                format_args!("<text x=\"{}\" y=\"{}\">{}{name}</text>\n", x + 30.0, y + 4.0, row.strategy.name()),
            );
        }
    }

    fn draw_axes(&self, scenario: &str, svg: &mut String) {
        let Frame { left, right, top, bottom } = PLOT;
        write(svg, format_args!("<text x=\"{left}\" y=\"24\" font-size=\"17\">{scenario}: SST and log bytes</text>\n"));
        write(svg, format_args!("<path stroke=\"#333\" fill=\"none\" d=\"M{left} {top}V{bottom}H{right}\"/>\n"));
        for step in 0..=NAMED_SIZES {
            let held = self.top_bytes * step as f64 / NAMED_SIZES as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a label")]
            let label = bytes(held as u64);
            let (x, y) = (left - 6.0, self.y(held) + 4.0);
            write(svg, format_args!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>\n"));
        }
        for at in NAMED_SECONDS.into_iter().filter(|at| *at <= self.seconds) {
            let (x, y) = (self.x(at), bottom + 18.0);
            write(svg, format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{at}</text>\n"));
        }
        let middle = f64::midpoint(left, right);
        let y = bottom + 38.0;
        write(svg, format_args!("<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">seconds since death</text>\n"));
    }
}

/// The places of a line from death on, those left out that lie on it.
fn points(row: &Row) -> Vec<(f64, f64)> {
    let died_at = row.died_at.as_secs_f64();
    let before = row.samples.iter().take_while(|sample| sample.at <= row.died_at).count();
    let shown = row.samples.get(before.saturating_sub(1)..).unwrap_or_default();
    let all: Vec<(f64, f64)> =
        shown.iter().map(|sample| ((sample.at.as_secs_f64() - died_at).max(0.0), sample.held_bytes as f64)).collect();
    let is_corner = |place: usize| {
        place == 0 || place + 1 == all.len() || all[place - 1].1 != all[place].1 || all[place + 1].1 != all[place].1
    };
    (0..all.len()).filter(|place| is_corner(*place)).map(|place| all[place]).collect()
}

/// A colour for each strategy, dashes for random ids.
fn look(row: &Row) -> String {
    let color = match row.strategy {
        Strategy::Windrow => "#1f77b4",
        Strategy::WindrowSettle => "#17becf",
        Strategy::ScanOne => "#7f7f7f",
        Strategy::ScanSlots => "#d62728",
        Strategy::RangeEach => "#ff7f0e",
        Strategy::DropCompact => "#2ca02c",
        Strategy::FilterLookup => "#9467bd",
        Strategy::Unlink => "#000000",
    };
    let dashes = if row.ids == Ids::Random { " stroke-dasharray=\"6 4\"" } else { "" };
    format!("stroke=\"{color}\" stroke-width=\"2\"{dashes}")
}

fn write(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = svg.write_fmt(text);
}
