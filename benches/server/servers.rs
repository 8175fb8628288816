//! Servers as child processes.
//!
//! Uses the standard library. Invariant: a child and its directory end with their handle.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) port: u16,
    child: Child,
    directory: TempDir,
}

/// Tells whether there is a Redis to compare with.
pub(crate) fn are_here() -> bool {
    ["redis-server", "redis-benchmark"].iter().all(|program| {
        let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    })
}

impl Server {
    /// Starts redis-server, in memory alone.
    pub(crate) fn redis(parent: &Path) -> Self {
        let directory = tempfile::tempdir_in(parent).expect("a temporary directory");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port");
        let port = free.port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("start redis-server");
        let server = Self { name: "redis-server".to_owned(), port, child, directory };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Starts `windrow serve`, this build or the one at `program`.
    pub(crate) fn windrow(parent: &Path, program: Option<&PathBuf>) -> Self {
        let directory = tempfile::tempdir_in(parent).expect("a temporary directory");
        let ours = PathBuf::from(env!("CARGO_BIN_EXE_windrow"));
        let mut child = Command::new(program.unwrap_or(&ours))
            .args(["serve", "--port", "0", "--dir"])
            .arg(directory.path().join("store"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("start windrow");
        let mut lines = BufReader::new(child.stderr.take().expect("what it says"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let port = line.trim().rsplit(' ').next().and_then(|port| port.parse().ok()).expect("the port it listens at");
        // Or the child could not write its last line.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        let name = program.map_or("windrow".into(), |path| {
            path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
        });
        Self { name, port, child, directory }
    }

    /// The directory of windrow's store.
    pub(crate) fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Processor time so far; zero where the system does not tell.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let times = stat.rsplit_once(')').map_or("", |(_, times)| times);
        let ticks =
            times.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum::<u32>();
        // One step of the processor times that Linux tells, the same on all its machines.
        Duration::from_millis(10) * ticks
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
