//! ARCHITECTURE.md and README.md name files, functions, settings and commands that exist.

use std::path::{Path, PathBuf};
use std::{env, fs};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// A text's sections; what stands between fences is no prose.
fn sections(name: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut fenced = false;
    for line in read(name).lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            if line.starts_with('#') {
                sections.push(String::new());
            }
            let last = sections.last_mut().unwrap();
            last.push_str(line);
            last.push('\n');
        }
    }
    sections
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_path(token: &str) -> bool {
    const ENDINGS: [&str; 6] = [".rs", ".md", ".toml", ".sql", ".html", ".example"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let named = ENDINGS.iter().any(|ending| token.ends_with(ending));
    let inside = token.split_once('/').is_some_and(|(first, _)| {
        !first.is_empty() && Path::new(ROOT).join(first).is_dir() && first != "target"
    });
    token.chars().all(plain) && (named || inside)
}

/// The file of a name: from the root, or in a folder that the section names.
fn find(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let near = folders.iter().map(|folder| Path::new(folder).join(name));
    let places = std::iter::once(PathBuf::from(name)).chain(near);
    let mut places = places.map(|place| Path::new(ROOT).join(place));
    places.find(|place| place.exists())
}

#[test]
fn every_file_and_function_that_the_documents_name_exists() {
    let mut wrong = Vec::new();
    let (mut files, mut functions) = (0, 0);
    for document in ["ARCHITECTURE.md", "README.md"] {
        for section in sections(document) {
            let folders: Vec<&str> = in_backticks(&section)
                .filter(|token| token.starts_with("src/") && token.ends_with('/'))
                .collect();
            let mut last = None;
            for token in in_backticks(&section) {
                if let Some(function) = token.strip_suffix("()") {
                    functions += 1;
                    let code = last
                        .as_ref()
                        .and_then(|file: &PathBuf| fs::read_to_string(file).ok());
                    let defined = [format!("fn {function}("), format!("fn {function}<")];
                    if !code.is_some_and(|code| defined.iter().any(|at| code.contains(at))) {
                        wrong.push(format!("{document}: {last:?} has no {token}"));
                    }
                } else if is_path(token) {
                    files += 1;
                    last = find(token, &folders);
                    if last.is_none() {
                        wrong.push(format!("{document}: there is no {token}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        files > 100 && functions > 50,
        "{files} files, {functions} functions"
    );
}

#[test]
fn every_setting_is_in_the_examples_and_in_the_readme() {
    let source = read("src/settings/source.rs");
    let known = source.split_once("const KNOWN").unwrap().1;
    let known = known.split_once("];").unwrap().0;
    let (environment, file) = (read(".env.example"), read("config/connector.toml"));
    let readme = read("README.md");
    let mut number = 0;
    for line in known.lines().filter(|line| line.contains("(\"")) {
        number += 1;
        let name = line.split('"').nth(1).unwrap();
        assert!(
            environment.contains(&format!("{name}=")),
            "{name}: .env.example"
        );
        let key = format!("{} =", name.to_lowercase());
        let is_secret = line.contains("true");
        assert_eq!(
            file.contains(&key),
            !is_secret,
            "{name}: config/connector.toml"
        );
        assert!(readme.contains(name), "{name}: README.md");
    }
    assert!(number > 35, "{number} settings");
}
