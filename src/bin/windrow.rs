//! The tool `windrow`: arguments only; the work is done in the library's `cli`.
//!
//! May use `clap` and `windrow::cli`. Invariant: ends with 0 when all was well, 1 when something was not as it
//! should be or could not be done, 2 when the arguments make no sense.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use windrow::cli::{self, Export, Import, Input, JsonTo, WindowBench};

/// A store of Redis-style data that gives the space of dead data back almost for free.
#[derive(Parser)]
#[command(name = "windrow", version, subcommand_required = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure what a store does on this machine
    #[command(subcommand)]
    Bench(Bench),
    /// Verify a store that nobody has open: nothing leaks, nothing is torn, counts and expiries agree
    ///
    /// Reads the whole store and changes nothing. Ends with 1 if anything is not as it must be.
    Check {
        /// Directory of the store
        dir: PathBuf,
    },
    /// Serve a store to clients of Redis, until SIGTERM or SIGINT
    ///
    /// Listens at a loopback address unless told otherwise; an address that others can reach needs a password. What is
    /// said here goes before what the configuration says.
    #[cfg(feature = "server")]
    Serve(ServeArguments),
    /// Fill a store from files of Redis, up to version 7.0, or from a running Redis
    ///
    /// Prints how many keys came, and what was refused and why. Ends with 1 if anything was refused or cut off.
    Import {
        /// An RDB file, an append-only file, its directory or manifest, or redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]
        from: PathBuf,

        /// Directory of the store, created if it is missing
        dir: PathBuf,

        /// The namespace into which the keys go [default: the one without a name]
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        namespace: String,

        /// What becomes of keys that are there already
        #[arg(long, value_enum, default_value = "fail")]
        existing: ExistingKeys,

        /// Threads that write [default: one for each core, up to four]
        #[arg(long, value_name = "N")]
        threads: Option<usize>,

        /// Longest key that is taken, 16 to 1048576 [default: 65536]
        #[arg(long, value_name = "BYTES")]
        max_key_bytes: Option<usize>,

        /// Longest set member, hash field or sorted-set member that is taken, 16 to 1048576 [default: 65536]
        #[arg(long, value_name = "BYTES")]
        max_member_bytes: Option<usize>,
    },
    /// Write a store that nobody has open as an RDB file that redis-server 7.0 and later load
    Export {
        /// Directory of the store
        dir: PathBuf,

        /// The file to write, which must not be there
        to: PathBuf,

        /// The namespace to write [default: the one without a name]
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        namespace: String,
    },
}

#[cfg(feature = "server")]
#[derive(Args)]
struct ServeArguments {
    /// Directory of the store; made if it is missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// Address to listen at; can be given several times [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    bind: Vec<std::net::IpAddr>,

    /// Port to listen at; 0 lets the system choose one [default: 6379]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// Unix socket to listen at, for its owner alone
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Password that clients must give; better in the configuration, as others see the arguments of a process
    #[arg(long, value_name = "PASSWORD")]
    requirepass: Option<String>,

    /// Number of dbs [default: 16]
    #[arg(long, value_name = "N")]
    databases: Option<u32>,

    /// Clients that may be connected at once [default: 10000]
    #[arg(long, value_name = "N")]
    maxclients: Option<usize>,

    /// Port to tell metrics at, as Prometheus reads them; 0 lets the system choose one [default: none]
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,

    /// Address to tell metrics at [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    metrics_bind: Option<std::net::IpAddr>,

    /// When a reply promises that a write is on stable storage [default: everysec]
    #[arg(long, value_name = "WHEN", value_parser = ["always", "everysec", "no"])]
    appendfsync: Option<String>,

    /// What to log: error, warn, info, debug or trace; RUST_LOG goes before it and says more [default: warn]
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log_level: Option<String>,

    /// File with lines as Redis has them: bind, port, unixsocket, requirepass, databases, maxclients, timeout and more
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[cfg(feature = "server")]
impl From<ServeArguments> for cli::Serve {
    fn from(arguments: ServeArguments) -> Self {
        let ServeArguments {
            dir, bind, port, unix, databases, config, metrics_port, metrics_bind, appendfsync, ..
        } = arguments;
        let (password, max_clients) = (arguments.requirepass, arguments.maxclients);
        Self {
            dir,
            bind,
            port,
            unix,
            password,
            databases,
            max_clients,
            metrics_port,
            metrics_bind,
            appendfsync,
            config,
        }
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ExistingKeys {
    /// End the import; what came before stays
    Fail,
    /// Keep them as they are
    Keep,
    /// Replace them
    Replace,
}

impl From<ExistingKeys> for windrow::Existing {
    fn from(chosen: ExistingKeys) -> Self {
        match chosen {
            ExistingKeys::Fail => Self::Fail,
            ExistingKeys::Keep => Self::Keep,
            ExistingKeys::Replace => Self::Replace,
        }
    }
}

#[derive(Subcommand)]
enum Bench {
    /// Fill windows of short-lived sets, check them, let them expire and watch the disk come back
    ///
    /// Windows are written one after another; after each one everything that lives is read back and compared byte
    /// for byte. Without --ttl time is the writing itself: a window dies when the second window after it has been
    /// written, so three are alive at most. Progress goes to standard error, the table to standard output. Ends with
    /// 1 if anything was not as written.
    Window(WindowArguments),
}

#[derive(Args)]
struct WindowArguments {
    /// Directory of the store, missing or empty; it is kept [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Windows to write, one after another
    #[arg(long, value_name = "N", default_value_t = 5)]
    windows: u32,

    /// Sets in each window
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    collections: u64,

    /// Elements in each set
    #[arg(long, value_name = "N", default_value_t = 1)]
    elements: u32,

    /// Bytes of each element, random and not compressible (8 to 1048576)
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    value_bytes: usize,

    /// Seed of the random bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Let a set live this long in real time: 2.5 (seconds), 250ms, 10m, 1h [default: until the second window after
    /// its own has been written]
    #[arg(long, value_name = "SECONDS", value_parser = cli::duration)]
    ttl: Option<Duration>,

    /// Write every regular file under DIR as a set of its numbered 4 KiB blocks, and check it against the file
    #[arg(long, value_name = "DIR", conflicts_with_all = ["collections", "elements", "value_bytes", "seed"])]
    from: Option<PathBuf>,

    /// Threads that write and check [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// After each window read back one living set in N; the check after the last window reads all
    #[arg(long, value_name = "N", default_value_t = 1)]
    check_every: u32,

    /// Longest wait for the space after the last expiry
    #[arg(long, value_name = "SECONDS", value_parser = cli::duration, default_value = "60")]
    wait: Duration,

    /// Write the figures as JSON to FILE, or to standard output for `-`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Draw disk use and live bytes over time to FILE
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl From<WindowArguments> for WindowBench {
    fn from(arguments: WindowArguments) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            dir: arguments.dir,
            windows: arguments.windows,
            input: match arguments.from {
                Some(root) => Input::Tree(root),
                None => Input::Generated {
                    collections: arguments.collections,
                    elements: arguments.elements,
                    value_bytes: arguments.value_bytes,
                    seed: arguments.seed,
                },
            },
            lifetime: arguments.ttl,
            threads: arguments.threads.unwrap_or(cores),
            check_every: arguments.check_every,
            settle_wait: arguments.wait,
            json: arguments.json.map(|path| match path.to_str() {
                Some("-") => JsonTo::Stdout,
                _ => JsonTo::File(path),
            }),
            svg: arguments.svg,
        }
    }
}

fn main() -> ExitCode {
    // Takes the places that a test names in the environment; without the feature there are none.
    #[cfg(feature = "failpoints")]
    let _places = fail::FailScenario::setup();
    let arguments = Arguments::parse();
    log_to_stderr(arguments.command.log_level());
    let outcome = match arguments.command {
        Command::Bench(Bench::Window(arguments)) => cli::bench_window(arguments.into()),
        Command::Check { dir } => cli::check_store(&dir),
        #[cfg(feature = "server")]
        Command::Serve(arguments) => cli::serve(arguments.into()),
        Command::Import { from, dir, namespace, existing, threads, max_key_bytes, max_member_bytes } => {
            let existing = existing.into();
            cli::import(&Import { from, dir, namespace, existing, threads, max_key_bytes, max_member_bytes })
        }
        Command::Export { dir, to, namespace } => cli::export(&Export { dir, to, namespace }),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // A closed standard error changes nothing about the outcome.
            let _ = writeln!(std::io::stderr(), "windrow: {failure}");
            if failure.is_usage() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

impl Command {
    /// What is logged unless the environment says otherwise.
    fn log_level(&self) -> &str {
        match self {
            #[cfg(feature = "server")]
            Self::Serve(ServeArguments { log_level: Some(level), .. }) => level,
            _ => "warn",
        }
    }
}

/// Shows what is at least this grave, or what `RUST_LOG` asks for.
fn log_to_stderr(level: &str) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
