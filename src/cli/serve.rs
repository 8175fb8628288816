//! `windrow serve`: a server in front of a store, until a signal or a client stops it.
//!
//! Uses the public handles of the crate and the server. Invariant: the store is opened only after the options were found good, and
//! closed before the tool ends.

use std::net::IpAddr;
use std::path::PathBuf;

use super::{Failure, Result};
use crate::server::{Server, ServerOptions};
use crate::{Options, Store};

/// What the arguments say; what they leave open comes from the configuration, or is as usual.
#[derive(Clone, Debug, Default)]
pub struct Serve {
    /// Directory of the store.
    pub dir: PathBuf,
    /// Addresses to listen at.
    pub bind: Vec<IpAddr>,
    /// Port to listen at.
    pub port: Option<u16>,
    /// Unix socket to listen at.
    pub unix: Option<PathBuf>,
    /// What clients have to say first.
    pub password: Option<String>,
    /// How many dbs there are.
    pub databases: Option<u32>,
    /// How many clients there may be.
    pub max_clients: Option<usize>,
    /// Port at which metrics are told.
    pub metrics_port: Option<u16>,
    /// Address at which metrics are told.
    pub metrics_bind: Option<IpAddr>,
    /// When a reply promises that a write is on stable storage: `always`, `everysec` or `no`.
    pub appendfsync: Option<String>,
    /// File that says the rest.
    pub config: Option<PathBuf>,
}

impl Serve {
    fn options(&self) -> Result<ServerOptions> {
        let refused = |error: crate::server::ServerError| Failure::new(error.to_string());
        let mut options = ServerOptions::default();
        if let Some(path) = &self.config {
            let file = std::fs::read_to_string(path).map_err(|error| Failure::at("cannot read", path, error))?;
            options.read(&file).map_err(refused)?;
        }
        if !self.bind.is_empty() {
            options.bind.clone_from(&self.bind);
        }
        options.port = self.port.or(options.port);
        options.unix = self.unix.clone().or(options.unix);
        options.password = self.password.clone().or(options.password);
        options.databases = self.databases.unwrap_or(options.databases);
        options.max_clients = self.max_clients.unwrap_or(options.max_clients);
        options.metrics_port = self.metrics_port.or(options.metrics_port);
        options.metrics_bind = self.metrics_bind.unwrap_or(options.metrics_bind);
        if let Some(word) = &self.appendfsync {
            options.read(&format!("appendfsync {word}")).map_err(refused)?;
        }
        options.validate().map_err(refused)?;
        Ok(options)
    }
}

/// Serves until the end; says on standard error where it listens.
///
/// # Errors
/// The options are refused, the store does not open, an address cannot be taken, or the store does not close.
pub fn serve(asked: Serve) -> Result<bool> {
    let options = asked.options()?;
    let unix = options.unix.clone();
    let opened = Options { durability: options.durability, ..Options::default() };
    let store = Store::builder(&asked.dir).options(opened).open()?;
    let server = Server::bind(store, &asked.dir, options).map_err(|error| Failure::new(error.to_string()))?;
    server.stop_on_signals().map_err(|error| Failure::new(error.to_string()))?;
    if let Some(port) = server.port() {
        say(&format!("listening at port {port}"));
    }
    if let Some(path) = unix {
        say(&format!("listening at {}", path.display()));
    }
    if let Some(port) = server.metrics_port() {
        say(&format!("metrics at port {port}"));
    }
    server.run()?;
    say("stopped");
    Ok(true)
}

/// WHY no log: this is what a person, or a script, waits for.
fn say(line: &str) {
    use std::io::Write;
    // A closed standard error changes nothing about the service.
    let _ = writeln!(std::io::stderr(), "windrow: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_before_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("conf");
        std::fs::write(&config, "port 7000\ndatabases 3\nrequirepass a\n").unwrap();
        let asked = Serve { config: Some(config), port: Some(8000), ..Serve::default() };
        let options = asked.options().unwrap();
        assert_eq!((options.port, options.databases, options.password.as_deref()), (Some(8000), 3, Some("a")));
    }

    #[test]
    fn what_is_not_safe_is_refused_before_the_store_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let asked = Serve { dir: path.clone(), bind: vec!["0.0.0.0".parse().unwrap()], ..Serve::default() };
        assert!(serve(asked).unwrap_err().to_string().contains("requirepass"));
        assert!(!path.exists());
    }
}
