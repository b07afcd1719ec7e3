//! `orderd completions`: what a shell needs to complete our words.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::error::{CommandError, failed};

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// As in `orderd completions bash > /etc/bash_completion.d/orderd`
    shell: Shell,
}

pub fn print<C: CommandFactory>(args: &CompletionArgs) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(args.shell, &mut C::command(), "orderd", &mut script);
    // A closed output is an error here, where the library would panic.
    io::Write::write_all(&mut io::stdout().lock(), &script).map_err(failed)
}
