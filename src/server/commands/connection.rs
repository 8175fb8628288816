//! The connection itself: who speaks, in which version, to which db.
//!
//! May use the session and the list of clients. Invariant: nothing here touches a key.

use std::sync::Arc;

use bytes::Bytes;

use super::arguments::{db_number, integer_or, is, option};
use super::pubsub::subscribers_ping;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Run, row};
use crate::resp::{Frame, Version};
use crate::server::clients::Seen;
use crate::server::session::{Replies, Session};

/// The version of Redis whose replies are given.
pub(super) const REDIS_VERSION: &str = "7.0.15";

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("auth", -2, "noscript loading stale fast no_auth allow_busy", [0, 0, 0], ("connection", "1.0.0"), Run::Session(auth),
        "Authenticate to the server"),
    row("hello", -1, "noscript loading stale fast no_auth allow_busy", [0, 0, 0], ("connection", "6.0.0"), Run::Session(hello),
        "Handshake with Redis"),
    row("ping", -1, "fast", [0, 0, 0], ("connection", "1.0.0"), Run::Session(ping),
        "Ping the server"),
    row("echo", 2, "loading stale fast", [0, 0, 0], ("connection", "1.0.0"), Run::Session(echo),
        "Echo the given string"),
    row("quit", -1, "noscript loading stale fast no_auth allow_busy", [0, 0, 0], ("connection", "1.0.0"), Run::Session(quit),
        "Close the connection"),
    row("reset", 1, "noscript loading stale fast no_auth allow_busy", [0, 0, 0], ("connection", "6.2.0"), Run::Session(reset),
        "Reset the connection"),
    row("select", 2, "loading stale fast", [0, 0, 0], ("connection", "1.0.0"), Run::Session(select),
        "Change the selected database for the current connection"),
    row("client|id", 2, "noscript loading stale", [0, 0, 0], ("connection", "5.0.0"), Run::Session(client_id),
        "Returns the client ID for the current connection"),
    row("client|getname", 2, "noscript loading stale", [0, 0, 0], ("connection", "2.6.9"), Run::Session(client_getname),
        "Get the current connection name"),
    row("client|setname", 3, "noscript loading stale", [0, 0, 0], ("connection", "2.6.9"), Run::Session(client_setname),
        "Set the current connection name"),
    row("client|info", 2, "noscript loading stale", [0, 0, 0], ("connection", "6.2.0"), Run::Session(client_info),
        "Returns information about the current client connection."),
    row("client|list", -2, "admin noscript loading stale", [0, 0, 0], ("connection", "2.4.0"), Run::Session(client_list),
        "Get the list of client connections"),
    row("client|kill", -3, "admin noscript loading stale", [0, 0, 0], ("connection", "2.4.0"), Run::Session(client_kill),
        "Kill the connection of a client"),
    row("client|reply", 3, "noscript loading stale", [0, 0, 0], ("connection", "3.2.0"), Run::Session(client_reply),
        "Instruct the server whether to reply to commands"),
    row("client", -2, "", [0, 0, 0], ("connection", "2.4.0"), Run::Container,
        "A container for client connection commands"),
];

/// Takes or refuses a password.
fn authenticate(session: &mut Session, user: &[u8], password: &[u8]) -> Result<(), Refusal> {
    if user == b"default" && session.shared.is_password(password) {
        session.is_known = true;
        session.failures = 0;
        return Ok(());
    }
    session.pause = session.shared.guesses.wrong(session.failures);
    session.failures = session.failures.saturating_add(1);
    tracing::warn!(client = %session.me.address, failures = session.failures, "a wrong password");
    Err(Refusal::of("WRONGPASS invalid username-password pair or user is disabled."))
}

fn auth(session: &mut Session, args: &[Bytes]) -> Answer {
    match args {
        [_] if !session.shared.needs_password() => Err(Refusal::of(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
             configuration is correct?",
        )),
        [password] => authenticate(session, b"default", password).map(|()| Frame::OK),
        [user, password] => authenticate(session, user, password).map(|()| Frame::OK),
        _ => Err(SYNTAX),
    }
}

fn hello(session: &mut Session, args: &[Bytes]) -> Answer {
    let Some((version, mut rest)) = args.split_first() else {
        return greeting(session);
    };
    let version = integer_or(version, Refusal::of("ERR Protocol version is not an integer or out of range"))?;
    let version = match version {
        2 => Version::Two,
        3 => Version::Three,
        _ => return Err(Refusal::of("NOPROTO unsupported protocol version")),
    };
    let (mut login, mut name) = (None, None);
    while let Some((word, behind)) = rest.split_first() {
        rest = match (option(word).as_slice(), behind) {
            (b"AUTH", [user, password, behind @ ..]) => {
                login = Some((user, password));
                behind
            }
            (b"SETNAME", [given, behind @ ..]) => {
                name = Some(given);
                behind
            }
            _ => {
                let word = String::from_utf8_lossy(word);
                return Err(Refusal::new(format!("ERR Syntax error in HELLO option '{word}'")));
            }
        };
    }
    if let Some((user, password)) = login {
        authenticate(session, user, password)?;
    }
    check_known(session)?;
    if let Some(name) = name {
        set_name(session, name)?;
    }
    session.speak(version);
    greeting(session)
}

fn check_known(session: &Session) -> Result<(), Refusal> {
    if session.is_known {
        return Ok(());
    }
    Err(Refusal::of(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> \
         option can be used to authenticate the client and select the RESP protocol version at the same time",
    ))
}

fn greeting(session: &Session) -> Answer {
    check_known(session)?;
    Ok(Frame::Map(vec![
        (Frame::name("server"), Frame::name("redis")),
        (Frame::name("version"), Frame::name(REDIS_VERSION)),
        (Frame::name("proto"), Frame::Integer(if session.version == Version::Three { 3 } else { 2 })),
        (Frame::name("id"), Frame::count(session.me.id)),
        (Frame::name("mode"), Frame::name("standalone")),
        (Frame::name("role"), Frame::name("master")),
        (Frame::name("modules"), Frame::Array(Vec::new())),
    ]))
}

fn ping(session: &mut Session, args: &[Bytes]) -> Answer {
    match args {
        [] | [_] if session.version == Version::Two && !session.names.is_empty() => Ok(subscribers_ping(args)),
        [] => Ok(Frame::Simple("PONG".into())),
        [word] => Ok(Frame::Bulk(word.clone())),
        _ => Err(Refusal::of("ERR wrong number of arguments for 'ping' command")),
    }
}

fn echo(_: &mut Session, args: &[Bytes]) -> Answer {
    Ok(args.first().map_or(Frame::Null, |word| Frame::Bulk(word.clone())))
}

fn quit(session: &mut Session, _: &[Bytes]) -> Answer {
    session.is_closing = true;
    Ok(Frame::OK)
}

fn reset(session: &mut Session, _: &[Bytes]) -> Answer {
    super::pubsub::reset(session);
    session.discard();
    session.select(0);
    session.speak(Version::Two);
    session.replies = Replies::All;
    session.me.name.lock().clear();
    session.is_known = !session.shared.needs_password();
    Ok(Frame::Simple("RESET".into()))
}

fn select(session: &mut Session, args: &[Bytes]) -> Answer {
    let number = args.first().map_or(Err(SYNTAX), |word| db_number(word, &session.shared))?;
    session.select(number);
    Ok(Frame::OK)
}

fn client_id(session: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::count(session.me.id))
}

fn client_getname(session: &mut Session, _: &[Bytes]) -> Answer {
    let name = session.me.name.lock().clone();
    Ok(if name.is_empty() { Frame::Null } else { Frame::Bulk(name) })
}

/// The longest name of a client. WHY: all names are kept, and told by CLIENT LIST.
const MAX_NAME_BYTES: usize = 4096;

fn set_name(session: &Session, name: &[u8]) -> Result<(), Refusal> {
    if !name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Err(Refusal::of("ERR Client names cannot contain spaces, newlines or special characters."));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(Refusal::of("ERR Client names may have 4096 bytes here."));
    }
    *session.me.name.lock() = Bytes::copy_from_slice(name);
    Ok(())
}

fn client_setname(session: &mut Session, args: &[Bytes]) -> Answer {
    set_name(session, args.first().map_or(&b""[..], |name| name))?;
    Ok(Frame::OK)
}

fn client_info(session: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Verbatim(format!("{}\n", session.me.line()).into()))
}

fn client_list(session: &mut Session, args: &[Bytes]) -> Answer {
    let mut clients = session.shared.clients.list();
    match args {
        [] => {}
        [word, kind] if is(word, "TYPE") => keep_type(&mut clients, kind)?,
        [word, ids @ ..] if is(word, "ID") && !ids.is_empty() => {
            let number = |word: &Bytes| integer_or(word, Refusal::of("ERR Invalid client ID"));
            let ids = ids.iter().map(number).collect::<Result<Vec<_>, _>>()?;
            clients.retain(|client| i64::try_from(client.id).is_ok_and(|id| ids.contains(&id)));
        }
        _ => return Err(SYNTAX),
    }
    let lines: String = clients.iter().map(|client| client.line() + "\n").collect();
    Ok(Frame::Verbatim(lines.into()))
}

/// Keeps the clients of a type.
fn keep_type(clients: &mut Vec<Arc<Seen>>, kind: &[u8]) -> Result<(), Refusal> {
    // WHY asked of nobody first: there may be no client to ask.
    let is_known = ["normal", "master", "replica", "slave", "pubsub"].iter().any(|name| is(kind, name));
    if !is_known {
        return Err(Refusal::new(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(kind))));
    }
    clients.retain(|client| {
        if is(kind, "normal") { !client.is_subscriber() } else { is(kind, "pubsub") && client.is_subscriber() }
    });
    Ok(())
}

/// Sends a client away; the one that asks gets its reply first.
fn kill(session: &mut Session, client: &Arc<Seen>) {
    if client.id == session.me.id {
        session.is_closing = true;
    } else {
        client.kill();
    }
}

fn client_kill(session: &mut Session, args: &[Bytes]) -> Answer {
    let clients = session.shared.clients.list();
    if let [address] = args {
        let found = clients.iter().find(|client| client.address.as_bytes() == address);
        let found = found.ok_or(Refusal::of("ERR No such client"))?;
        kill(session, found);
        return Ok(Frame::OK);
    }
    let filters = super::arguments::groups::<2>(args).ok_or(SYNTAX)?;
    let (mut skips_me, mut chosen) = (true, clients);
    for [name, value] in filters {
        match option(name).as_slice() {
            b"ID" => {
                let refused = || Refusal::of("ERR client-id should be greater than 0");
                let id = integer_or(value, refused())?;
                let id = u64::try_from(id).ok().filter(|id| *id > 0).ok_or_else(refused)?;
                chosen.retain(|client| client.id == id);
            }
            b"ADDR" => chosen.retain(|client| client.address.as_bytes() == value),
            b"LADDR" => chosen.retain(|client| client.local_address.as_bytes() == value),
            b"TYPE" => keep_type(&mut chosen, value)?,
            // All clients are the one user that there is.
            b"USER" if value.as_ref() == b"default" => {}
            b"USER" => return Err(Refusal::new(format!("ERR No such user '{}'", String::from_utf8_lossy(value)))),
            b"SKIPME" if is(value, "YES") => skips_me = true,
            b"SKIPME" if is(value, "NO") => skips_me = false,
            _ => return Err(SYNTAX),
        }
    }
    chosen.retain(|client| !skips_me || client.id != session.me.id);
    chosen.iter().for_each(|client| kill(session, client));
    Ok(Frame::count(u64::try_from(chosen.len()).unwrap_or(u64::MAX)))
}

fn client_reply(session: &mut Session, args: &[Bytes]) -> Answer {
    let replies = args.first().map(|word| option(word)).unwrap_or_default();
    session.replies = match replies.as_slice() {
        b"ON" => Replies::All,
        b"OFF" => Replies::None,
        b"SKIP" if session.replies == Replies::None => Replies::None,
        b"SKIP" => Replies::AllButNext,
        _ => return Err(SYNTAX),
    };
    Ok(Frame::OK)
}
