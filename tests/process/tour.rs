//! The tour of the README: pasted into a terminal it shows what the README shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::folder::Folder;
use support::process::Call;

/// A block to paste, and what the README shows below it.
struct Stop {
    paste: String,
    shown: Option<String>,
}

fn tour() -> Vec<Stop> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(readme).unwrap();
    let text = text.split("\n## Tour\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut stops: Vec<Stop> = Vec::new();
    // Every second piece lies within fences, and begins with its language.
    for block in text.split("```").skip(1).step_by(2) {
        let (language, content) = block.split_once('\n').unwrap();
        match language {
            "sh" => stops.push(Stop { paste: content.to_owned(), shown: None }),
            _ => stops.last_mut().unwrap().shown = Some(content.to_owned()),
        }
    }
    stops
}

/// Without what differs from day to day: every number, and the random part of a Message-ID. Nor is
/// the end of a header's line seen in a terminal.
fn timeless(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut shown = String::new();
    for word in text.split_inclusive(|c| !is_word(c)) {
        let bare = word.trim_end_matches(|c| !is_word(c));
        match bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit()) {
            true => shown += &word.replace(bare, "#"),
            false => shown += word,
        }
    }
    let mut last = ' ';
    shown.retain(|c| {
        let goes_on = c.is_ascii_digit() && last.is_ascii_digit();
        last = c;
        !goes_on && c != '\r'
    });
    shown.replace(|c: char| c.is_ascii_digit(), "#")
}

#[test]
fn the_tour_shows_what_the_readme_shows() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let stops = tour();
    assert!(stops.len() >= 8, "{}", stops.len());
    // One shell for all of it, as in a terminal; a line of its own parts the blocks.
    let mut script = String::new();
    for stop in &stops {
        script += &stop.paste.replace("127.0.0.1:8000", &running.address.to_string());
        script += "echo '-- next --'\n";
    }
    let pasted =
        Command::new("bash").arg("-c").arg(&script).current_dir(folder.path()).output().unwrap();
    assert!(pasted.stderr.is_empty(), "{}", String::from_utf8_lossy(&pasted.stderr));
    let output = String::from_utf8(pasted.stdout).unwrap();
    let outputs: Vec<_> = output.split("-- next --\n").collect();
    assert_eq!(outputs.len(), stops.len() + 1, "{output}");
    for (stop, output) in stops.iter().zip(outputs) {
        match &stop.shown {
            Some(shown) => assert_eq!(timeless(output.trim_end()), timeless(shown.trim_end())),
            None => assert!(output.ends_with("}\n"), "{output}"),
        }
    }
    running.stop();
}
