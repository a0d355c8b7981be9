//! Matrices as rows of expressions.

use crate::{
    limits::{Budget, Gap, ITEMS},
    poly::Quotient,
};

pub(crate) type Rows = Vec<Vec<Quotient>>;

/// Checks that rows have one length and are not too many.
pub(crate) fn checked(rows: Rows) -> Result<Rows, Gap> {
    let columns = rows.first().map_or(0, Vec::len);
    if columns == 0 || rows.iter().any(|row| row.len() != columns) {
        return Err("a matrix with rows of different lengths");
    }
    if rows.len() * columns > ITEMS { Err("too many elements") } else { Ok(rows) }
}

pub(crate) fn scaled(rows: &Rows, by: &Quotient, budget: &mut Budget) -> Result<Rows, Gap> {
    rows.iter().map(|row| row.iter().map(|entry| entry.times(by, budget)).collect()).collect()
}

pub(crate) fn sum(left: &Rows, right: &Rows, budget: &mut Budget) -> Result<Rows, Gap> {
    if left.len() != right.len() || left[0].len() != right[0].len() {
        return Err("a sum of matrices of different sizes");
    }
    let row = |(left, right): (&Vec<Quotient>, &Vec<Quotient>)| {
        left.iter().zip(right).map(|(a, b)| a.plus(b, budget)).collect()
    };
    left.iter().zip(right).map(row).collect()
}

pub(crate) fn product(left: &Rows, right: &Rows, budget: &mut Budget) -> Result<Rows, Gap> {
    if left[0].len() != right.len() {
        return Err("a product of matrices that do not fit");
    }
    let mut rows = Vec::with_capacity(left.len());
    for row in left {
        let mut entries = Vec::with_capacity(right[0].len());
        for column in 0..right[0].len() {
            let mut entry = Quotient::integer(0);
            for (a, below) in row.iter().zip(right) {
                entry = entry.plus(&a.times(&below[column], budget)?, budget)?;
            }
            entries.push(entry);
        }
        rows.push(entries);
    }
    checked(rows)
}

pub(crate) fn transposed(rows: &Rows) -> Rows {
    (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].clone()).collect()).collect()
}

/// The determinant, by expansion along the first row.
pub(crate) fn determinant(rows: &Rows, budget: &mut Budget) -> Result<Quotient, Gap> {
    if rows.len() != rows[0].len() || rows.len() > 5 {
        return Err("a determinant of such a size");
    }
    if rows.len() == 1 {
        return Ok(rows[0][0].clone());
    }
    let mut total = Quotient::integer(0);
    for (column, entry) in rows[0].iter().enumerate() {
        let without = |row: &Vec<Quotient>| {
            row.iter()
                .enumerate()
                .filter(|(index, _)| *index != column)
                .map(|(_, entry)| entry.clone())
                .collect()
        };
        let minor = rows[1..].iter().map(without).collect();
        let term = entry.times(&determinant(&minor, budget)?, budget)?;
        total = total.plus(&if column % 2 == 0 { term } else { term.negated() }, budget)?;
    }
    Ok(total)
}
