//! Which known name somebody may have meant.

/// The known name that takes the fewest changes of a letter to reach, if they are few enough
/// to speak of a misspelling. Upper and lower case, `-` and `_` count as the same.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_uppercase().replace('-', "_");
    let wanted = fold(name);
    let most = (wanted.chars().count() / 3).min(4);
    let distances = known.into_iter().map(|name| (distance(&wanted, &fold(name)), name));
    distances.filter(|(changes, _)| *changes <= most).min().map(|(_, name)| name)
}

/// Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_own() {
        let known = ["SECRET_KEY", "SMTP_SERVER", "SMTP_PORT", "PORT", "LOG_FILE"];
        for (name, meant) in [
            ("SECERT_KEY", Some("SECRET_KEY")),
            ("SMTP_SERVR", Some("SMTP_SERVER")),
            ("smtp-port", Some("SMTP_PORT")),
            ("POTR", Some("PORT")),
            ("port", Some("PORT")),
            ("LOGFILE", Some("LOG_FILE")),
            ("RUST_BACKTRACE", None),
            ("TZ", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
    }
}
