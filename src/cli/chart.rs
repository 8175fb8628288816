//! The picture of a run: what was alive and what the disk held, over time.
//!
//! Uses `plotters` with its SVG back end. Invariant: both lines share one axis, which begins at zero.

use std::fmt::Display;
use std::time::Duration;

use plotters::prelude::*;

use super::report::Report;
use super::watcher::Sample;
use super::{Failure, Result};

const SIZE: (u32, u32) = (960, 540);
const DISK: RGBColor = RGBColor(31, 119, 180);
const ALIVE: RGBColor = RGBColor(44, 140, 60);
const DEATH: RGBColor = RGBColor(214, 140, 120);

/// Draws the picture.
pub(crate) fn to_svg(report: &Report) -> Result<String> {
    let mut svg = String::new();
    draw(report, &mut svg).map_err(|error| Failure::new(format!("cannot draw the picture: {error}")))?;
    Ok(svg)
}

fn draw(report: &Report, svg: &mut String) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let end = seconds(report.samples.last().map_or(Duration::ZERO, |sample| sample.at)).max(0.1);
    let top = report.peak.disk_bytes.max(report.live_bytes).max(1);
    let unit = Unit::for_bytes(top);
    let highest = unit.of(top) * 1.15;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("windrow: {}", report.title), ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_desc("seconds since the start")
        .y_desc(unit.name)
        .label_style(("sans-serif", 14))
        .x_label_formatter(&|x| short(x))
        .y_label_formatter(&|y| short(y))
        .draw()?;
    for (number, death) in report.deaths.iter().enumerate() {
        let at = seconds(*death);
        let line = chart.draw_series(LineSeries::new([(at, 0.0), (at, highest)], DEATH))?;
        if number == 0 {
            line.label("a window expires").legend(key_line(DEATH));
        }
    }
    let points = |of: fn(&Sample) -> u64| {
        let samples = report.samples.iter();
        samples.map(move |sample| (seconds(sample.at), unit.of(of(sample))))
    };
    chart
        .draw_series(LineSeries::new(points(|sample| sample.disk.total()), DISK.stroke_width(2)))?
        .label("on disk, log included")
        .legend(key_line(DISK));
    chart
        .draw_series(LineSeries::new(points(|sample| sample.live_bytes), ALIVE.stroke_width(2)))?
        .label("alive")
        .legend(key_line(ALIVE));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .draw()?;
    root.present()?;
    Ok(())
}

/// The piece of line beside a name in the legend.
fn key_line(color: RGBColor) -> impl Fn((i32, i32)) -> PathElement<(i32, i32)> {
    move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2))
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Prints an axis label without needless zeros.
fn short(number: &(impl Display + Copy)) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A unit of size for the axis.
#[derive(Clone, Copy, Debug)]
struct Unit {
    name: &'static str,
    bytes: f64,
}

impl Unit {
    fn for_bytes(bytes: u64) -> Self {
        let (name, size) = match bytes {
            0..0x20_0000 => ("KiB", 1_u32 << 10),
            0x20_0000..0x8000_0000 => ("MiB", 1 << 20),
            _ => ("GiB", 1 << 30),
        };
        Self { name, bytes: f64::from(size) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    fn of(self, bytes: u64) -> f64 {
        bytes as f64 / self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_labels_are_short_and_the_unit_fits_the_size() {
        assert_eq!(short(&2.5), "2.5");
        assert_eq!(short(&20.0), "20");
        assert_eq!(short(&0.25), "0.25");
        for (bytes, name) in [(1 << 20, "KiB"), (64 << 20, "MiB"), (3 << 30, "GiB")] {
            assert_eq!(Unit::for_bytes(bytes).name, name);
        }
        assert_eq!(Unit::for_bytes(3 << 30).of(3 << 30), 3.0);
    }
}
