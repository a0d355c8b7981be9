//! Units by their canonical names.

/// Canonical unit and what else it is called. Names are compared without case and plural `s`, symbols as they stand.
#[rustfmt::skip]
const UNITS: &[(&str, &[&str])] = &[
    ("%", &["percent", "pct"]),
    ("$", &["dollar", "usd", "buck"]),
    ("cent", &["cent"]),
    ("€", &["euro", "eur"]),
    ("£", &["pound sterling", "gbp"]),
    ("°", &["degree", "deg"]),
    ("mm", &["millimeter", "millimetre"]),
    ("cm", &["centimeter", "centimetre"]),
    ("m", &["meter", "metre"]),
    ("km", &["kilometer", "kilometre"]),
    ("in", &["inch", "inche"]),
    ("ft", &["foot", "feet"]),
    ("yd", &["yard"]),
    ("mi", &["mile"]),
    ("mg", &["milligram"]),
    ("g", &["gram"]),
    ("kg", &["kilogram", "kilo"]),
    ("lb", &["pound", "lbs"]),
    ("oz", &["ounce"]),
    ("ml", &["milliliter", "millilitre", "mL"]),
    ("L", &["liter", "litre"]),
    ("s", &["second", "sec"]),
    ("min", &["minute"]),
    ("h", &["hour", "hr"]),
    ("day", &["day"]),
    ("week", &["week"]),
    ("month", &["month"]),
    ("year", &["year", "yr"]),
    ("km/h", &["kph", "kmh"]),
    ("mph", &["mile per hour", "miles per hour"]),
    ("Hz", &["hertz"]),
    ("N", &["newton"]),
    ("J", &["joule"]),
    ("W", &["watt"]),
    ("V", &["volt"]),
    ("Pa", &["pascal"]),
    ("mol", &["mole"]),
];

/// The canonical name of a unit; none if it is not known.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let singular = if lower.len() > 3 { lower.strip_suffix('s').unwrap_or(&lower) } else { lower.as_str() };
    let known = |(symbol, names): &&(&'static str, &[&str])| {
        *symbol == name
            || names.contains(&lower.as_str())
            || names.contains(&singular)
            || names.contains(&name)
    };
    UNITS.iter().find(known).map(|(symbol, _)| *symbol)
}
