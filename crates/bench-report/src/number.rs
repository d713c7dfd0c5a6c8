//! How numbers are written.

/// A unit as it is written, and what one of it is of the smallest of its kind.
type Step = (f64, &'static str);

const TIMES: &[Step] = &[(1e9, " s"), (1e6, " ms"), (1e3, " us"), (1.0, " ns")];
const BYTES: &[Step] = &[(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1.0, " B")];
const RATES: &[Step] = &[(1e6, " M/s"), (1e3, " k/s"), (1.0, " /s")];
const RATIOS: &[Step] = &[(1.0, "x")];
const SHARES: &[Step] = &[(0.01, "%")];
const COUNTS: &[Step] = &[(1.0, "")];

/// The steps of a record's unit, and what one of it is of the smallest.
fn kind(unit: &str) -> (&'static [Step], f64) {
    match unit {
        "ns" => (TIMES, 1.0),
        "us" => (TIMES, 1e3),
        "ms" => (TIMES, 1e6),
        "s" => (TIMES, 1e9),
        "B" => (BYTES, 1.0),
        "1/s" => (RATES, 1.0),
        "x" => (RATIOS, 1.0),
        "of all" => (SHARES, 1.0),
        _ => (COUNTS, 1.0),
    }
}

/// In the smallest unit of the kind: nanoseconds, bytes.
pub(crate) fn base(value: f64, unit: &str) -> f64 {
    value * kind(unit).1
}

/// Three digits or more, with the unit: `1.54 ns`, `352 ms`, `7,000,000`.
pub(crate) fn show(value: f64, unit: &str) -> String {
    let (number, suffix) = scale(value, unit);
    let is_count = suffix.is_empty() && number.fract() == 0.0;
    let text = match number.abs() {
        0.0 => "0".to_owned(),
        _ if is_count => group(number),
        size if size < 0.095 => format!("{number:.3}"),
        size if size < 9.995 => format!("{number:.2}"),
        size if size < 99.95 => format!("{number:.1}"),
        _ => group(number),
    };
    text + suffix
}

/// The same beside a line of an axis, where numbers are round: `10 ns`, `0.5 M/s`. The unit is the
/// one that `largest` would have, the axis' other end.
pub(crate) fn tick(value: f64, unit: &str, largest: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let (at_end, suffix) = scale(largest, unit);
    // Three decimals, or none that say nothing.
    let number = (value / largest * at_end * 1000.0).round() / 1000.0;
    if number.fract() == 0.0 { group(number) + suffix } else { format!("{number}{suffix}") }
}

fn scale(value: f64, unit: &str) -> (f64, &'static str) {
    let (steps, factor) = kind(unit);
    let value = value * factor;
    // 999.7 ns is one microsecond to three digits.
    let fits = |step: &&Step| value.abs() * 1.0005 >= step.0;
    let (step, suffix) = steps.iter().find(fits).unwrap_or(&steps[steps.len() - 1]);
    (value / step, suffix)
}

/// A whole number with commas.
pub(crate) fn group(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0.0 { format!("-{text}") } else { text }
}
