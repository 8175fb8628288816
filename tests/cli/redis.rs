//! A real Redis: read while it runs and by what it appended, and given back by an export. Both sides hold the same if Redis makes
//! the same digest of both.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use windrow::resp::write_command;

use crate::tool::Place;

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fills the db that is selected with keys of all types, most of them in more than one encoding; some expire, in 2100.
const FILL: &str = "math.randomseed(ARGV[1])
for n = 1, 2000 do
  local key, size = 'key:' .. n, math.random(1, n % 50 == 0 and 700 or 20)
  for m = 1, size do
    local name = (n % 3 == 0 and '' or 'name with some length ') .. math.random(1, 5000)
    if n % 5 == 0 then redis.call('APPEND', key, name)
    elseif n % 5 == 1 then redis.call('SADD', key, name)
    elseif n % 5 == 2 then redis.call('RPUSH', key, name)
    elseif n % 5 == 3 then redis.call('HSET', key, name, m)
    else redis.call('ZADD', key, tostring(math.random() * 1000), name) end
  end
  if n % 4 == 0 then redis.call('PEXPIREAT', key, 4102444800000 + n) end
end
return 1";

struct Redis {
    child: Child,
    port: u16,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    /// Starts one in a directory, whose file it loads; `None` where there is none to start, which under CI is a failure.
    fn start(dir: &Path, append: &str) -> Option<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", append])
            .args(["--enable-debug-command", "local", "--dir"])
            .arg(dir)
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            assert!(std::env::var_os("CI").is_none(), "under CI there must be a redis-server");
            return None;
        };
        let redis = Self { child, port };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() || redis.ask(&["PING"]) != "+PONG" {
            assert!(Instant::now() < deadline, "Redis does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(redis)
    }

    /// Sends a command whose reply is one line.
    fn ask(&self, words: &[&str]) -> String {
        self.ask_all(&[words]).pop().unwrap()
    }

    fn ask_all(&self, commands: &[&[&str]]) -> Vec<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = Vec::new();
        commands.iter().for_each(|words| write_command(&mut bytes, words));
        stream.write_all(&bytes).unwrap();
        BufReader::new(stream.take(1 << 20)).lines().take(commands.len()).map(Result::unwrap).collect()
    }

    fn fill(&self) {
        for (db, seed) in [("0", "1"), ("3", "2")] {
            assert_eq!(self.ask_all(&[&["SELECT", db], &["EVAL", FILL, "0", seed]]), ["+OK", ":1"]);
        }
    }

    fn digest(&self) -> String {
        self.ask(&["DEBUG", "DIGEST"])
    }
}

#[test]
fn what_a_redis_holds_comes_back_to_it_by_every_way() {
    let place = Place::new();
    for name in ["first", "live", "appended"] {
        std::fs::create_dir(place.path(name)).unwrap();
    }
    let Some(redis) = Redis::start(&place.path("first"), "yes") else { return };
    redis.fill();
    let digest = redis.digest();
    assert_eq!(digest.len(), 41, "{digest}");
    let address = format!("redis://127.0.0.1:{}", redis.port);
    for (way, from) in [("live", address.as_str()), ("appended", "@first/appendonlydir")] {
        let store = format!("@{way}-store");
        let imported = place.run(&["import", from, &store]).well();
        assert!(imported.stdout().starts_with("imported 4,000 keys"), "{}", imported.stdout());
        assert!(imported.stdout().contains("with an expiry: 1,000"), "{}", imported.stdout());
        place.run(&["check", &store]).well();
        place.run(&["export", &store, &format!("@{way}/dump.rdb")]).well();
        let loaded = Redis::start(&place.path(way), "no").unwrap();
        assert_eq!(loaded.digest(), digest, "{way}");
        assert_eq!(loaded.ask(&["PEXPIRETIME", "key:8"]), ":4102444800008");
    }
}

#[test]
fn what_a_running_redis_has_and_does_not_give_is_told() {
    let place = Place::new();
    std::fs::create_dir(place.path("redis")).unwrap();
    let Some(redis) = Redis::start(&place.path("redis"), "no") else { return };
    assert_eq!(redis.ask(&["SET", "k", "v"]), "+OK");
    let library = "#!lua name=lib\nredis.register_function{function_name='f', callback=function() return 1 end, flags={'no-writes'}}";
    assert_eq!(redis.ask(&["FUNCTION", "LOAD", library]), "$3");
    let import = |who: &str, db: &str, to: &str| {
        place.run(&["import", &format!("redis://{who}127.0.0.1:{}{db}", redis.port), to])
    };
    let whole = import("", "", "@store");
    assert_eq!(whole.code(), Some(1));
    let said = whole.stdout();
    assert!(said.contains("imported 1 keys") && said.contains("functions are not supported: 1"), "{said}");
    let no_db = import("", "/99", "@none");
    assert!(no_db.stderr().contains("out of range") && !place.path("none").exists(), "{}", no_db.stderr());
    // As docs/cli.md says what a user needs.
    let allowed = "+select +info +scan +dump +pexpiretime +multi +exec +function|list";
    let user: Vec<&str> = ["ACL", "SETUSER", "me", "on", ">p", "~*"].into_iter().chain(allowed.split(' ')).collect();
    assert_eq!(redis.ask(&user), "+OK");
    assert!(import("me:p@", "", "@by-me").stdout().contains("imported 1 keys"));
    for needed in allowed.split(' ') {
        assert_eq!(redis.ask(&["ACL", "SETUSER", "me", &needed.replace('+', "-")]), "+OK");
        let ended = import("me:p@", "", &format!("@without{}", needed.replace('|', "-")));
        assert!(ended.code() == Some(1) && ended.stderr().contains("NOPERM"), "{needed}: {}", ended.stderr());
        assert_eq!(redis.ask(&["ACL", "SETUSER", "me", needed]), "+OK");
    }
}
