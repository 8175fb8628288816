//! Clients that others wrote, each with what its users do first.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use redis::Commands;

use crate::child::Server;

#[test]
fn redis_rs_does_what_its_users_do_first() -> redis::RedisResult<()> {
    let server = Server::start(&["--requirepass", "secret"]);
    for version in ["", "?protocol=resp3"] {
        let client = redis::Client::open(format!("redis://:secret@127.0.0.1:{}/2{version}", server.port))?;
        let mut con = client.get_connection()?;
        let _: () = redis::cmd("FLUSHDB").query(&mut con)?;
        let _: () = con.set("greeting", "hello")?;
        assert_eq!(con.get::<_, String>("greeting")?, "hello");
        assert_eq!(con.get::<_, Option<String>>("nobody")?, None);
        assert_eq!(con.incr::<_, _, i64>("counter", 5)?, 5);
        let _: () = con.set_ex("session", "x", 100)?;
        assert!((99..=100).contains(&con.ttl::<_, i64>("session")?));
        let _: () = con.hset_multiple("user:1", &[("name", "Ada"), ("born", "1815")])?;
        let user: std::collections::HashMap<String, String> = con.hgetall("user:1")?;
        assert_eq!((user.len(), user["name"].as_str()), (2, "Ada"));
        let _: () = con.rpush("queue", &["a", "b", "c"])?;
        assert_eq!(con.lrange::<_, Vec<String>>("queue", 0, -1)?, ["a", "b", "c"]);
        assert_eq!(con.lpop::<_, Option<String>>("queue", None)?.as_deref(), Some("a"));
        let _: () = con.zadd_multiple("board", &[(3.5, "ada"), (1.0, "bob")])?;
        assert_eq!(
            con.zrange_withscores::<_, Vec<(String, f64)>>("board", 0, -1)?,
            [("bob".to_owned(), 1.0), ("ada".to_owned(), 3.5)]
        );
        let _: () = con.sadd("tags", &["x", "y"])?;
        assert!(con.sismember::<_, _, bool>("tags", "x")?);
        let (first, second): (i64, i64) =
            redis::pipe().atomic().incr("counter", 1).incr("counter", 1).query(&mut con)?;
        assert_eq!((first, second), (6, 7));
        let doubled: (i64,) = redis::transaction(&mut con, &["counter"], |con, pipe| {
            let old: i64 = con.get("counter")?;
            pipe.set("counter", old * 2).ignore().get("counter").query(con)
        })?;
        assert_eq!(doubled, (14,));
        let mut keys: Vec<String> = con.scan_match::<_, String>("*e*")?.collect::<redis::RedisResult<_>>()?;
        keys.sort();
        assert_eq!(keys, ["counter", "greeting", "queue", "session", "user:1"]);
        let refused = con.incr::<_, _, i64>("greeting", 1).unwrap_err();
        assert!(refused.to_string().contains("not an integer"), "{refused}");
        let refused = con.lpush::<_, _, i64>("greeting", 1).unwrap_err();
        assert_eq!(refused.code(), Some("WRONGTYPE"));
        assert!(con.del::<_, bool>("greeting")?);
        assert!(redis::cmd("PING").query::<String>(&mut con)? == "PONG");
    }
    server.stop_and_check();
    Ok(())
}

/// A Python that has redis-py: the system's, or one in an environment of its own in the cache directory.
fn python() -> Result<PathBuf, String> {
    let has_it = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", "import redis"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let system = PathBuf::from("python3");
    if has_it(&system) {
        return Ok(system);
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).ok_or("there is no cache directory")?;
    let environment = cache.join("windrow/redis-py");
    let python = environment.join("bin/python");
    if has_it(&python) {
        return Ok(python);
    }
    let run = |command: &mut Command| {
        let said = command.output().map_err(|error| error.to_string())?;
        said.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&said.stderr).into_owned())
    };
    std::fs::create_dir_all(&environment).map_err(|error| error.to_string())?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "redis>=5,<8"]))?;
    Ok(python)
}

#[test]
fn redis_py_does_what_its_users_do_first() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            eprintln!("skipped: redis-py cannot be had: {}", why.lines().last().unwrap_or_default());
            return;
        }
    };
    let server = Server::start(&["--requirepass", "secret", "--unix", "@socket"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/redis_py.py");
    let said = Command::new(python)
        .arg(script)
        .arg(server.port.to_string())
        .arg(server.dir.path().join("socket"))
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "all as expected");
    server.stop_and_check();
}

#[test]
fn redis_benchmark_runs_all_of_its_tests() {
    let server = Server::start(&[]);
    for more in [&["-P", "1"][..], &["-P", "16", "-r", "1000"], &["-3", "-t", "set,get,mset"]] {
        let port = server.port.to_string();
        let said =
            Command::new("redis-benchmark").args(["-p", &port, "-n", "800", "-c", "8", "--csv"]).args(more).output();
        let Ok(said) = said else {
            assert!(std::env::var_os("CI").is_none(), "under CI redis-benchmark must be there");
            eprintln!("skipped: there is no redis-benchmark");
            return;
        };
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success() && !out.contains("Error") && err.trim().is_empty(), "{out}{err}");
        let tests = out.lines().filter(|line| line.starts_with('"')).count() - 1;
        assert!(tests >= if more[0] == "-3" { 3 } else { 19 }, "{tests} tests\n{out}");
    }
    server.stop_and_check();
}
