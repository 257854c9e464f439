//! How the demo looks: headings, sentences and tables, at most 110 columns wide.
#![allow(clippy::print_stdout)] // a demo is there to be read

use std::io::Write as _;

use comfy_table::{Cell, CellAlignment, Table, presets};

/// The widest line.
pub const WIDTH: usize = 110;

/// Prints a line, and shows it at once.
pub fn say(text: &str) {
    println!("{text}");
    // Where nobody reads any more, there is nobody to tell.
    let _ = std::io::stdout().flush();
}

/// Starts a step.
pub fn heading(number: u32, title: &str) {
    let title = format!("── {number}. {title} ");
    let rest = WIDTH.saturating_sub(title.chars().count());
    say(&format!("\n{title}{}", "─".repeat(rest)));
}

/// Shows a command as it is typed.
pub fn command(arguments: &[&str]) {
    say(&format!("  $ mirakl-stripe {}", arguments.join(" ")));
}

/// Shows what the program printed, set apart.
pub fn quote(text: &str) {
    for line in text.lines() {
        let mut shown = String::from("  >");
        for word in line.split(' ') {
            if shown.chars().count() + word.chars().count() >= WIDTH {
                say(&shown);
                shown = String::from("   ");
            }
            shown.push(' ');
            shown.push_str(word);
        }
        say(&shown);
    }
}

/// A table with these columns; `right` names those of numbers.
pub fn table(header: &[&str], right: &[usize], rows: &[Vec<String>]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header);
    }
    for row in rows {
        table.add_row(row.iter().map(Cell::new).collect::<Vec<_>>());
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        say(&format!(" {}", line.trim_end()));
    }
}

/// A text that fits, cut at a word if need be.
pub fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width.saturating_sub(2)).collect();
    let words = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(words, _)| words);
    format!("{words} …")
}
