//! The `pgmedic` program: words on a command line, handed to the library.

fn main() -> std::process::ExitCode {
    pgmedic::cli::main()
}
