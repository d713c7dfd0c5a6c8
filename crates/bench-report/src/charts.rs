//! The style that all plots have in common: paper, fonts, colours, titles and legends.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use crate::Result;
use crate::bars::Bars;
use crate::lines::Lines;
use crate::records::{OWN, Records};

/// A plot and its place in the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plot {
    /// Of its file, and of its section.
    pub(crate) name: String,
    /// The text of the figure, for readers who cannot see it.
    pub(crate) alt: String,
    title: String,
    lines: Option<Lines>,
    bars: Option<Bars>,
}

impl Plot {
    /// The plot as SVG.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub(crate) fn draw(&self, records: &Records) -> Result<String> {
        match (&self.lines, &self.bars) {
            (Some(lines), None) => lines.draw(&self.title, records),
            (None, Some(bars)) => bars.draw(&self.title, records),
            _ => Err(format!("the plot `{}` needs either `lines` or `bars`", self.name).into()),
        }
    }
}

/// Where things are drawn.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) const WIDTH: u32 = 900;
/// The space at the edges.
pub(crate) const EDGE: i32 = 14;
/// The height of a line of text.
pub(crate) const LINE: i32 = 20;
/// The size of most text, in pixels.
pub(crate) const TEXT: f64 = 12.5;
pub(crate) const TITLE: f64 = 16.0;

pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const FAINT: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// How much a line stands out among those of its side.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    Strong,
    Middle,
    Light,
}

/// The colour of a side: blue is this crate. People who see few colours can tell them apart too.
pub(crate) fn color(side: &str, tone: Tone) -> RGBColor {
    let tones = match side {
        OWN => [(0x00, 0x5a, 0xa0), (0x4f, 0x9b, 0xd9), (0xa3, 0xcb, 0xee)],
        "linux tmpfs" => [(0xc8, 0x4a, 0x00), (0xed, 0x8a, 0x45), (0xf6, 0xc1, 0x9b)],
        "linux ext4" => [(0x00, 0x7a, 0x5a), (0x4d, 0xb3, 0x96), (0xa5, 0xd9, 0xca)],
        _ => [(0x60, 0x60, 0x60), (0x96, 0x96, 0x96), (0xc4, 0xc4, 0xc4)],
    };
    let (red, green, blue) = tones[tone as usize];
    RGBColor(red, green, blue)
}

/// Text of so many pixels.
pub(crate) fn font(pixels: f64, color: RGBColor) -> TextStyle<'static> {
    // The library takes the height of a line for the size.
    ("sans-serif", pixels * 1.24).into_font().color(&color)
}

/// The same, with its place relative to the point that it is drawn at.
pub(crate) fn anchored(
    pixels: f64,
    color: RGBColor,
    h_pos: HPos,
    v_pos: VPos,
) -> TextStyle<'static> {
    font(pixels, color).pos(Pos::new(h_pos, v_pos))
}

/// How wide a text is, about: the fonts are those of the viewer.
pub(crate) fn width_of(text: &str) -> i32 {
    (text.len() as f64 * TEXT * 0.56) as i32
}

/// A drawing on white paper, since the page may be dark.
///
/// # Errors
/// The output of `draw`.
pub(crate) fn on_paper(height: u32, draw: impl FnOnce(&Area<'_>) -> Result) -> Result<String> {
    let mut svg = String::new();
    {
        let paper = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paper.fill(&WHITE).map_err(told)?;
        draw(&paper)?;
        paper.present().map_err(told)?;
    }
    Ok(svg)
}

/// The library's errors borrow from the drawing.
pub(crate) fn told(error: impl Display) -> String {
    error.to_string()
}

/// Writes the title at the top.
pub(crate) fn title(paper: &Area<'_>, text: &str) -> Result {
    let style = anchored(TITLE, INK, HPos::Left, VPos::Top).transform(FontTransform::None);
    Ok(paper.draw_text(text, &style, (EDGE, EDGE)).map_err(told)?)
}

/// The legend of the colours.
pub(crate) type Legend = Vec<(String, RGBColor)>;

/// The lines that a legend takes: from which entry on, each.
fn legend_lines(legend: &Legend) -> Vec<Vec<&(String, RGBColor)>> {
    let (mut lines, mut at) = (vec![Vec::new()], EDGE);
    for entry in legend {
        let width = LEGEND_BAR + width_of(&entry.0) + 26;
        if at + width > WIDTH as i32 - EDGE {
            lines.push(Vec::new());
            at = EDGE;
        }
        at += width;
        lines.last_mut().expect("a line").push(entry);
    }
    lines
}

const LEGEND_BAR: i32 = 22;

/// How far down title and legend come.
pub(crate) fn head_height(legend: &Legend) -> i32 {
    EDGE + 28 + legend_lines(legend).len() as i32 * LINE
}

/// Writes the legend below the title.
pub(crate) fn draw_legend(paper: &Area<'_>, legend: &Legend) -> Result {
    let text = anchored(TEXT, INK, HPos::Left, VPos::Center);
    for (number, line) in legend_lines(legend).into_iter().enumerate() {
        let (mut x, y) = (EDGE, EDGE + 34 + number as i32 * LINE);
        for (label, color) in line {
            let bar = Rectangle::new([(x, y - 3), (x + LEGEND_BAR, y + 3)], color.filled());
            paper.draw(&bar).map_err(told)?;
            paper.draw_text(label, &text, (x + LEGEND_BAR + 6, y)).map_err(told)?;
            x += LEGEND_BAR + width_of(label) + 26;
        }
    }
    Ok(())
}

/// Powers of ten from below the smallest value to above the largest, as logarithms.
pub(crate) fn decades(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let mut from_to: Option<(f64, f64)> = None;
    for value in values.filter(|value| *value > 0.0) {
        let (from, to) = from_to.unwrap_or((value, value));
        from_to = Some((from.min(value), to.max(value)));
    }
    let (from, to) = from_to.unwrap_or((1.0, 10.0));
    let (from, to) = (from.log10().floor() as i32, to.log10().ceil() as i32);
    (from, to.max(from + 1))
}

/// A round step that divides a length into five parts or more.
pub(crate) fn round_step(length: f64) -> f64 {
    let decade = 10_f64.powf((length / 5.0).log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|step| step * decade);
    steps.into_iter().find(|step| length / step >= 5.0).unwrap_or(decade)
}
