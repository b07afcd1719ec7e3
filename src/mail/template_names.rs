//! Files in `TEMPLATES_DIR` that take no template's place.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::config::nearest;

/// Files of the folder that are looked at.
const MAX_FILES: usize = 1000;

/// Looks for texts in the folder that are called like no template. One that is called nearly
/// like a template which isn't there is misspelt; any other is only told of in the log.
///
/// # Errors
/// One line that names the misspelt file and what may be meant.
pub fn check(dir: &Path, known: &[&str]) -> Result<(), String> {
    let entries =
        fs::read_dir(dir).map_err(|why| format!("templates: {}: {why}", dir.display()))?;
    for entry in entries.take(MAX_FILES).flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        if known.contains(&&*name) || !is_text(&path) {
            continue;
        }
        match nearest(&name, known.iter().copied()).filter(|meant| !dir.join(meant).exists()) {
            Some(meant) => {
                let path = path.display();
                return Err(format!("template {path}: none is called so; is {meant} meant?"));
            }
            None => log::warn!("template {}: none is called so; it is not used", path.display()),
        }
    }
    Ok(())
}

/// Whether it may be meant as a template: hidden files, other kinds and folders are not.
fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    matches!(extension, Some("txt" | "html")) && !is_hidden && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_found_and_what_is_no_template_is_left_alone() {
        const KNOWN: [&str; 2] = ["order_failed.txt", "order_failed.html"];
        let check = |names: &[&str]| {
            let dir = tempfile::tempdir().unwrap();
            names.iter().for_each(|name| fs::write(dir.path().join(name), "x").unwrap());
            super::check(dir.path(), &KNOWN)
        };
        for names in [
            &["order_failed.txt"][..],
            &["README.md", ".order_faild.txt", "notes.txt", "order_faild.txt~"],
            &["order_failed.txt", "order_failed.html", "order_failed.old.txt"],
        ] {
            assert_eq!(check(names), Ok(()), "{names:?}");
        }
        for (misspelt, meant) in [
            ("order_faild.txt", "is order_failed.txt meant"),
            ("order-failed.html", "is order_failed.html meant"),
            ("Order_Failed.txt", "is order_failed.txt meant"),
        ] {
            let told = check(&[misspelt]).unwrap_err();
            assert!(told.contains(misspelt) && told.contains(meant), "{told}");
        }
    }
}
