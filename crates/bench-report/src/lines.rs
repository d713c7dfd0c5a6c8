//! Plots of lines, in one panel or several of the same axes.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use serde::Deserialize;

use crate::Result;
use crate::charts::{
    self, EDGE, FAINT, INK, LINE, Legend, TEXT, Tone, WIDTH, anchored, decades, font, on_paper,
    round_step, told,
};
use crate::figure::Value;
use crate::number;
use crate::records::{Key, Records};

/// How an axis is divided.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    Log,
    /// The number of nines of a share: 3 is 99.9 %.
    Nines,
}

/// One of the two axes; the unit is the smallest of its kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Axis {
    title: String,
    scale: Scale,
    #[serde(default)]
    unit: String,
}

/// Where the points of a line come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// Curves, one after the other.
    Curves(Vec<Key>),
    /// One point for each size: the sum of these figures.
    BySize(Vec<Key>),
    /// The same, times the size.
    TimesSize(Vec<Key>),
}

/// A line, or one for each side if the keys are of `linux *`; `{}` in its label is the side.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Series {
    label: String,
    tone: Tone,
    #[serde(flatten)]
    source: Source,
}

/// A part of the x axis, from where a curve begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    label: String,
    curve: Key,
}

/// A plot: panels with axes of their own, and the same series in each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    x: Axis,
    y: Axis,
    /// How many panels stand side by side.
    #[serde(default = "one")]
    across: usize,
    panel_height: i32,
    /// The titles of the panels, which stand for `{panel}` in the keys.
    #[serde(default = "one_without_title")]
    panels: Vec<String>,
    series: Vec<Series>,
    #[serde(default)]
    parts: Vec<Part>,
}

fn one() -> usize {
    1
}

fn one_without_title() -> Vec<String> {
    vec![String::new()]
}

/// A line to be drawn.
struct Line {
    label: String,
    color: RGBColor,
    width: u32,
    has_dots: bool,
    points: Vec<(f64, f64)>,
}

/// Not more than can be told apart.
const MOST_POINTS: usize = 400;

/// A linear coordinate with the lines of its grid.
#[derive(Clone, Debug)]
struct Grid {
    range: Range<f64>,
    lines: Vec<f64>,
}

impl Ranged for Grid {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // No thin lines between them.
        if hint.weight().allow_light_points() { Vec::new() } else { self.lines.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl Source {
    /// The source of this panel.
    fn of_panel(&self, panel: &str) -> Self {
        let mut source = self.clone();
        let (Self::Curves(keys) | Self::BySize(keys) | Self::TimesSize(keys)) = &mut source;
        keys.iter_mut().for_each(|key| key.scenario = key.scenario.replace("{panel}", panel));
        source
    }

    fn keys(&self) -> &[Key] {
        match self {
            Self::Curves(keys) | Self::BySize(keys) | Self::TimesSize(keys) => keys,
        }
    }

    fn points(&self, records: &Records, side: &str) -> Vec<(f64, f64)> {
        let keys: Vec<Key> = self.keys().iter().map(|key| key.of_side(side)).collect();
        let Self::Curves(_) = self else {
            let mut points: Vec<(f64, f64)> = Vec::new();
            for (number, key) in keys.iter().enumerate() {
                for record in records.all(key) {
                    let (size, value) = (record.size as f64, Value::from(record).median);
                    let times = if let Self::TimesSize(_) = self { size } else { 1.0 };
                    match points.iter_mut().find(|point| point.0 == size) {
                        Some(point) => point.1 += value * times,
                        None if number == 0 => points.push((size, value * times)),
                        None => {}
                    }
                }
            }
            points.sort_by(|one, two| one.0.total_cmp(&two.0));
            return points;
        };
        let curves = keys.iter().filter_map(|key| records.largest(key));
        curves
            .flat_map(|record| {
                record.points.iter().map(|(x, y)| (*x, number::base(*y, &record.unit)))
            })
            .collect()
    }
}

impl Series {
    /// One line, or one for each side; what is not there is noted.
    fn lines(&self, panel: &str, records: &Records) -> Vec<Line> {
        let source = self.source.of_panel(panel);
        let keys = source.keys();
        let of_side = |side: &&str| Line {
            label: self.label.replace("{}", side),
            color: charts::color(side, self.tone),
            width: if self.tone == Tone::Strong { 3 } else { 2 },
            has_dots: !matches!(source, Source::Curves(_)),
            points: thinned(source.points(records, side)),
        };
        let sides = keys.first().map_or_else(Vec::new, |key| records.sides(&key.bench, &key.side));
        let lines: Vec<Line> =
            sides.iter().map(of_side).filter(|line| !line.points.is_empty()).collect();
        if lines.is_empty() {
            keys.iter().for_each(|key| records.miss(key));
        }
        lines
    }
}

fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    points.into_iter().step_by(step).collect()
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        if self.scale == Scale::Log { value.log10() } else { value }
    }

    /// The coordinate with its grid: a little more than there are values.
    fn grid(&self, values: &[f64]) -> Grid {
        let largest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let (range, lines): (_, Vec<f64>) = match self.scale {
            Scale::Log => {
                let (from, to) = decades(values.iter().copied());
                (f64::from(from)..f64::from(to), (from..=to).map(f64::from).collect())
            }
            Scale::Nines => (0.0..largest, (0..=largest as i32).map(f64::from).collect()),
            Scale::Linear => {
                let step = round_step(largest);
                let lines = (largest / step).ceil() as i32;
                let places = (0..=lines).map(|line| f64::from(line) * step).collect();
                (0.0..f64::from(lines) * step, places)
            }
        };
        Grid { range, lines }
    }

    /// The label at a place of an axis that ends at another.
    fn tick(&self, place: f64, end: f64) -> String {
        match self.scale {
            Scale::Linear => number::tick(place, &self.unit, end),
            Scale::Log => {
                let value = 10_f64.powf(place);
                number::tick(value, &self.unit, value)
            }
            Scale::Nines => number::group(place),
        }
    }
}

impl Lines {
    /// The plot as SVG.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub(crate) fn draw(&self, title: &str, records: &Records) -> Result<String> {
        let in_panel = |panel: &str| -> Vec<Line> {
            self.series.iter().flat_map(|series| series.lines(panel, records)).collect()
        };
        let panels: Vec<(&str, Vec<Line>)> =
            self.panels.iter().map(|panel| (&**panel, in_panel(panel))).collect();
        let lines = || panels.iter().flat_map(|(_, lines)| lines);
        let mut legend: Legend = Vec::new();
        for line in lines() {
            if !legend.iter().any(|(label, _)| *label == line.label) {
                legend.push((line.label.clone(), line.color));
            }
        }
        let points = || lines().flat_map(|line| line.points.iter().copied());
        let (xs, ys) =
            (points().map(|point| point.0).collect(), points().map(|point| point.1).collect());
        let head = charts::head_height(&legend);
        let height = head + self.panels.len().div_ceil(self.across) as i32 * self.panel_height;
        on_paper((height + EDGE / 2) as u32, |paper| {
            charts::title(paper, title)?;
            charts::draw_legend(paper, &legend)?;
            let width = (WIDTH as i32 - EDGE) / self.across as i32;
            for (number, (title, lines)) in panels.iter().enumerate() {
                let (column, row) = ((number % self.across) as i32, (number / self.across) as i32);
                let corner = (column * width, head + row * self.panel_height);
                let area = paper.clone().shrink(corner, (width, self.panel_height));
                self.draw_panel(&area, title, lines, (&xs, &ys), records)?;
            }
            Ok(())
        })
    }

    fn draw_panel(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        title: &str,
        lines: &[Line],
        (xs, ys): (&Vec<f64>, &Vec<f64>),
        records: &Records,
    ) -> Result {
        let has_title = !title.is_empty();
        let (x, y) = (self.x.grid(xs), self.y.grid(ys));
        let (right, top) = (x.range.end, y.range.end);
        let mut chart = ChartBuilder::on(area)
            .margin_top(if has_title || !self.parts.is_empty() { LINE + 6 } else { 8 })
            .margin_left(6)
            .margin_right(if self.across == 1 { 40 } else { 16 })
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(x, y)
            .map_err(told)?;
        chart
            .configure_mesh()
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .set_all_tick_mark_size(4)
            .label_style(font(TEXT - 1.0, INK))
            .axis_desc_style(font(TEXT, INK))
            .x_desc(&self.x.title)
            .y_desc(&self.y.title)
            .x_label_formatter(&|place| self.x.tick(*place, right))
            .y_label_formatter(&|place| self.y.tick(*place, top))
            .draw()
            .map_err(told)?;
        if has_title {
            let left = chart.plotting_area().get_x_axis_pixel_range().start;
            let base = area.get_base_pixel();
            let style = anchored(TEXT + 0.5, INK, HPos::Left, VPos::Top);
            area.draw_text(title, &style, (left - base.0, 6)).map_err(told)?;
        }
        for line in lines {
            // A value without a logarithm has no place.
            let places: Vec<(f64, f64)> = line
                .points
                .iter()
                .map(|(x, y)| (self.x.place(*x), self.y.place(*y)))
                .filter(|(x, y)| x.is_finite() && y.is_finite())
                .collect();
            let style = line.color.stroke_width(line.width);
            if line.has_dots {
                let dots = places.iter().map(|place| Circle::new(*place, 4, line.color.filled()));
                chart.draw_series(dots).map_err(told)?;
            }
            chart.draw_series(LineSeries::new(places, style)).map_err(told)?;
        }
        for Part { label, curve: key } in &self.parts {
            let curve = records.largest(key);
            let Some(begin) = curve.and_then(|curve| curve.points.first()) else { continue };
            let from_to = [(begin.0, 0.0), (begin.0, top)];
            chart.draw_series(LineSeries::new(from_to, INK.stroke_width(1))).map_err(told)?;
            let (x, y) = chart.backend_coord(&(begin.0, top));
            let base = area.get_base_pixel();
            let style = anchored(TEXT, INK, HPos::Left, VPos::Bottom);
            area.draw_text(label, &style, (x - base.0 + 2, y - base.1 - 2)).map_err(told)?;
        }
        Ok(())
    }
}
