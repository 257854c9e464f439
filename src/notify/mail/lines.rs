//! Lines for a terminal.

/// So wide is what a mail client on a terminal shows without breaking it.
const WIDTH: usize = 78;

/// A text in lines that fit, each after this indent.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(indent)
        .subsequent_indent(indent);
    textwrap::fill(text, options)
}

/// A heading with a line under it.
pub(super) fn heading(text: &str) -> String {
    let text = wrapped(text, "");
    let longest = text.lines().map(textwrap::core::display_width).max();
    format!("{text}\n{}", "=".repeat(longest.unwrap_or(0)))
}
