//! What a command prints.

use std::io::{self, Write};

use super::error::{CommandError, failed};

/// Prints a line. A closed output is an error here, where `println!` would panic.
pub fn say(line: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{line}").map_err(failed)
}

/// Tells of what is odd and stops nothing, a line each.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        // A closed stderr takes nothing from what the command does.
        let _ = writeln!(io::stderr().lock(), "orderd: warning: {warning}");
    }
}
