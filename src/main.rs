//! The binary: hands the command line to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    orderd::cli::share_arenas();
    orderd::cli::run(std::env::args_os())
}
