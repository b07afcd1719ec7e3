//! What a command prints.

use std::io::{self, Write};

use super::error::{CommandError, failed};

/// Prints a line. A closed output is an error here, where `println!` would panic.
pub fn say(line: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{line}").map_err(failed)
}
