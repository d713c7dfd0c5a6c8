//! Plots of bars: a few figures, each of several sides.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use serde::Deserialize;

use crate::Result;
use crate::charts::{
    self, Area, EDGE, FAINT, INK, LINE, TEXT, Tone, WIDTH, anchored, decades, on_paper, told,
};
use crate::figure::{Figure, Value};
use crate::records::Records;

/// A figure, with a bar for each side.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    title: String,
    figure: Figure,
    /// Powers of ten are equally far apart; else the bars begin at zero.
    #[serde(default, rename = "log")]
    is_log: bool,
}

/// A plot: the groups side by side, the sides one below the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bars {
    bench: String,
    /// The labels of the sides, and which they are.
    sides: Vec<(String, String)>,
    groups: Vec<Group>,
}

/// The height of a bar, and from one to the next.
const BAR: i32 = 18;
const STEP: i32 = 30;
/// The space for a figure beside the longest bar.
const FIGURE: i32 = 70;

/// A bar's row: what it is called, and its side.
type Place<'a> = (String, &'a str);

impl Bars {
    fn places<'a>(&self, records: &'a Records) -> Vec<Place<'a>> {
        let mut places = Vec::new();
        for (label, pattern) in &self.sides {
            let sides = records.sides(&self.bench, pattern);
            places.extend(sides.into_iter().map(|side| (label.replace("{}", side), side)));
        }
        places
    }

    /// The plot as SVG.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub(crate) fn draw(&self, title: &str, records: &Records) -> Result<String> {
        let places = self.places(records);
        let labels = places.iter().map(|(label, _)| charts::width_of(label)).max().unwrap_or(0);
        let head = EDGE + 34;
        let height = head + LINE + places.len() as i32 * STEP + EDGE;
        on_paper(height as u32, |paper| {
            charts::title(paper, title)?;
            let first = head + LINE;
            let style = anchored(TEXT, INK, HPos::Right, VPos::Center);
            for (number, (label, _)) in places.iter().enumerate() {
                let middle = first + number as i32 * STEP + BAR / 2;
                paper.draw_text(label, &style, (EDGE + labels, middle)).map_err(told)?;
            }
            let left = EDGE + labels + 10;
            let width = (WIDTH as i32 - left - EDGE) / self.groups.len() as i32;
            for (number, group) in self.groups.iter().enumerate() {
                let x = left + number as i32 * width;
                let bounds = Bounds { left: x, right: x + width - EDGE, head, first };
                group.draw(paper, records, &places, &bounds)?;
            }
            Ok(())
        })
    }
}

/// Where a group is drawn.
struct Bounds {
    left: i32,
    right: i32,
    /// Of the title.
    head: i32,
    /// Of the first bar.
    first: i32,
}

impl Group {
    fn draw(
        &self,
        paper: &Area<'_>,
        records: &Records,
        places: &[Place<'_>],
        bounds: &Bounds,
    ) -> Result {
        let Bounds { left, right, head, first } = *bounds;
        let values: Vec<Option<Value>> =
            places.iter().map(|(_, side)| self.value(records, side)).collect();
        let of_all = || values.iter().flatten().map(|value| value.median);
        let style = anchored(TEXT, INK, HPos::Left, VPos::Center);
        paper.draw_text(&self.title, &style, (left, head + 2)).map_err(told)?;
        let bottom = first + places.len() as i32 * STEP - (STEP - BAR) / 2;
        let axis = [(left, first - 6), (left, bottom)];
        paper.draw(&PathElement::new(axis, FAINT.stroke_width(1))).map_err(told)?;

        let (from, to) = decades(of_all());
        let largest = of_all().fold(f64::MIN_POSITIVE, f64::max);
        let length = |value: f64| {
            let share = match self.is_log {
                true if value <= 0.0 => 0.0,
                true => (value.log10() - f64::from(from)) / f64::from(to - from),
                false => value / largest,
            };
            (share.clamp(0.0, 1.0) * f64::from(right - FIGURE - left)) as i32
        };
        for (number, ((_, side), value)) in places.iter().zip(&values).enumerate() {
            let top = first + number as i32 * STEP;
            let end = left + value.as_ref().map_or(0, |value| length(value.median)).max(2);
            let bar = [(left, top), (end, top + BAR)];
            let color = charts::color(side, Tone::Strong).filled();
            paper.draw(&Rectangle::new(bar, color)).map_err(told)?;
            let text = value.as_ref().map_or_else(|| "-".to_owned(), Value::text);
            paper.draw_text(&text, &style, (end + 6, top + BAR / 2)).map_err(told)?;
        }
        Ok(())
    }

    /// The figure of a side; what is not there is noted.
    fn value(&self, records: &Records, side: &str) -> Option<Value> {
        let value = self.figure.of_side(records, side);
        if value.is_none() {
            self.figure.keys().iter().for_each(|key| records.miss(&key.of_side(side)));
        }
        value
    }
}
