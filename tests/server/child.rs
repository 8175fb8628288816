//! A server as a child process, and a raw connection to it.
//!
//! Uses the standard library. Invariant: the child ends with its handle.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    metrics_port: Option<u16>,
    pub(crate) dir: tempfile::TempDir,
}

impl Server {
    /// Starts `windrow serve` on a port that the system chooses; a leading `@` of an argument stands for its directory.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    pub(crate) fn start_in(dir: tempfile::TempDir, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_windrow")), dir, arguments)
    }

    /// The same with a configuration of these lines.
    pub(crate) fn start_configured(configuration: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("conf"), configuration).unwrap();
        Self::start_in(dir, &["--config", "@conf"])
    }

    /// The same with variables in its environment.
    #[cfg(feature = "failpoints")]
    pub(crate) fn start_with(variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windrow"));
        command.envs(variables.iter().copied());
        Self::spawn(command, tempfile::tempdir().unwrap(), arguments)
    }

    /// The same, with its store on a file system of so many MiB that nobody else sees and that goes with it. The
    /// configuration stands in its directory as `conf`.
    pub(crate) fn start_mounted(mib: u32, arguments: &[&str], configuration: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("conf"), configuration).unwrap();
        let mount = format!("mount -t tmpfs -o size={mib}m none \"$1\" && shift && exec \"$@\"");
        let mut command = Command::new("unshare");
        std::fs::create_dir(dir.path().join("store")).unwrap();
        command
            .args(["-rm", "sh", "-c", &mount, "sh"])
            .arg(dir.path().join("store"))
            .arg(env!("CARGO_BIN_EXE_windrow"));
        Self::spawn(command, dir, arguments)
    }

    fn spawn(mut command: Command, dir: tempfile::TempDir, arguments: &[&str]) -> Self {
        let resolved = arguments.iter().map(|argument| match argument.strip_prefix('@') {
            Some(name) => dir.path().join(name).into_os_string(),
            None => argument.into(),
        });
        let mut child = command
            .args(["serve", "--port", "0", "--dir"])
            .arg(dir.path().join("store"))
            .args(resolved)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut port_in = |what: &str| {
            let mut line = String::new();
            while !line.contains(what) {
                line.clear();
                assert!(lines.read_line(&mut line).unwrap() > 0, "the server ends");
            }
            let port = line.trim().rsplit(' ').next().and_then(|port| port.parse().ok());
            port.unwrap_or_else(|| panic!("the server says: {line}"))
        };
        let port = port_in("listening at port");
        let metrics_port = arguments.contains(&"--metrics-port").then(|| port_in("metrics at port"));
        // Or the child could not write its last line.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, port, metrics_port, dir }
    }

    pub(crate) fn metrics_port(&self) -> u16 {
        self.metrics_port.unwrap()
    }

    /// The directory of the store, as the child sees it.
    pub(crate) fn mounted(&self) -> PathBuf {
        let store = self.store().canonicalize().unwrap();
        let inside = store.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.child.id())).join(inside)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(crate) fn connect(&self) -> Raw {
        Raw::connect(self.port)
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Stops the server and proves that its store is whole.
    pub(crate) fn stop_and_check(mut self) {
        self.signal("TERM");
        assert!(self.ended().success());
        let report = windrow::check(self.store()).unwrap();
        assert!(report.is_clean(), "{report}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that takes and gives bytes.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends words as a command.
    pub(crate) fn command(&mut self, words: &[&str]) {
        let mut bytes = Vec::new();
        windrow::resp::write_command(&mut bytes, words);
        self.send(bytes);
    }

    /// Reads exactly so many bytes as `expected` has, which they must be.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        let read = self.stream.read_exact(&mut bytes);
        assert!(read.is_ok(), "{read:?} instead of {expected:?}");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    /// Reads until the reply to an ECHO of a marker, which is sent for that; returns what came before.
    pub(crate) fn reply(&mut self, line: &[u8]) -> Vec<u8> {
        const MARKER: &str = "$6\r\nmarker\r\n";
        self.send([line, b"\r\nECHO marker\r\n"].concat());
        let mut bytes = Vec::new();
        let mut piece = [0; 65_536];
        while !bytes.ends_with(MARKER.as_bytes()) {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(read > 0, "the server went away after {}: {}", line.escape_ascii(), bytes.escape_ascii());
            bytes.extend_from_slice(&piece[..read]);
        }
        bytes.truncate(bytes.len() - MARKER.len());
        bytes
    }

    /// The same with a PING, as a subscriber can do no more. What it is answered behind the marker is left out.
    pub(crate) fn pinged(&mut self) -> Vec<u8> {
        const MARKER: &[u8] = b"$6\r\nmarker\r\n";
        const PONG: &[u8] = b"*2\r\n$4\r\npong\r\n";
        self.send("PING marker\r\n");
        let mut bytes = Vec::new();
        let mut piece = [0; 65_536];
        while !bytes.ends_with(MARKER) {
            let read = self.stream.read(&mut piece);
            let read = read.unwrap_or_else(|error| panic!("{error} after {}", bytes.escape_ascii()));
            assert!(read > 0, "the server went away after {}", bytes.escape_ascii());
            bytes.extend_from_slice(&piece[..read]);
        }
        bytes.truncate(bytes.len() - MARKER.len());
        if bytes.ends_with(PONG) {
            bytes.truncate(bytes.len() - PONG.len());
        }
        bytes
    }

    /// Sends, unless the other side is gone.
    pub(crate) fn send_if_there(&mut self, line: &str) {
        // It may be gone: that is what a test looks for then.
        let _ = self.stream.write_all(line.as_bytes());
    }

    /// Reads until this comes.
    #[track_caller]
    pub(crate) fn rest_contains(&mut self, expected: &str) {
        let mut bytes = Vec::new();
        let mut piece = [0; 65_536];
        while !String::from_utf8_lossy(&bytes).contains(expected) {
            let read = self.stream.read(&mut piece).unwrap_or(0);
            assert!(read > 0, "no {expected} in {}", bytes.escape_ascii());
            bytes.extend_from_slice(&piece[..read]);
        }
    }

    /// Reads until the other side closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset is an end, too.
        let _ = self.stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A redis-server to compare with; `None` after a line that says why there is none, which under CI is a failure.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    _dir: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        let is_judge = version.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("v=7.0."));
        if !is_judge {
            assert!(std::env::var_os("CI").is_none(), "under CI the comparison with Redis must run");
            writeln!(std::io::stderr().lock(), "skipped: there is no redis-server 7.0").unwrap();
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--save", "", "--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { child, port, _dir: dir };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
