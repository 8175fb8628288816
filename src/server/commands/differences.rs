//! What differs from Redis, and why: the words of `docs/commands.md`.
//!
//! Data only. Invariant: each name is one of the table.

/// What holds for many commands.
pub(super) const EVERYWHERE: &[(&str, &str)] = &[
    (
        "Order.",
        "Where Redis has no order (members of sets, fields of hashes, pages of scans) the order is that of bytes, as on disk.",
    ),
    (
        "Lengths.",
        "Keys, fields and members may have 64 KiB, because they are parts of keys on disk; values 512 MiB, as in Redis.",
    ),
    (
        "Random choices.",
        "Those with repetition give 4 million at most in one reply; Redis tries as many as were asked for, with the memory for them.",
    ),
    ("Zero.", "A score has no sign of zero: `-0` is `0`, so that equal scores are equal bytes."),
    (
        "The store's condition.",
        "Commands that may store more are refused with `MISCONF` while the disk is nearly full, those that write while RocksDB has \
         stopped writes, and all that touch keys once the store has failed. `INFO` says why (`store_status`, `store_status_reason`).",
    ),
    (
        "Limits.",
        "A client that makes more wait than it may is sent away ([security.md](security.md)); Redis has no such limit for ordinary clients \
         by default.",
    ),
    ("Time.", "Time is the store's: it never runs backwards, and expiry pauses when the clock of the machine jumps."),
];

/// What differs in one command.
pub(super) const DIFFERENCES: &[(&str, &str)] = &[
    (
        "auth",
        "One user, `default`. The reply to a wrong password comes after a pause that grows with the wrong passwords of everybody.",
    ),
    ("client|setname", "A name may have 4,096 bytes, as all names are kept."),
    ("watch", "Keys of 1 GiB together, about, at most (`client-query-buffer-limit`)."),
    ("bgsave", "A checkpoint: hard links to files that never change, beside the store; no child process."),
    ("bitfield", "`#` offsets that overflow are refused; in Redis some wrap around."),
    ("copy", "Large values are written in several commits, and linked in one."),
    (
        "dump",
        "The bytes are those of Redis' version 10 (7.0); the encoding inside may be another that it loads as well.",
    ),
    ("exec", "A transaction with commands on whole dbs is done alone; a crash in its middle leaves its beginning."),
    ("flushall", "`SYNC` and `ASYNC` mean the same: no flush waits for what it removes."),
    ("flushdb", "`SYNC` and `ASYNC` mean the same: no flush waits for what it removes."),
    ("hello", "`modules` is empty, and `version` is that of Redis whose replies are given."),
    ("hgetall", "Fields come in byte order."),
    ("hkeys", "Fields come in byte order."),
    ("hvals", "Values come in the byte order of their fields."),
    ("hrandfield", "4 million at most with repetition."),
    ("hscan", "Byte order; a small hash keeps to `COUNT`, where Redis gives all of it; cursors as in `SCAN`."),
    ("keys", "Byte order."),
    ("lastsave", "Of saves that were made by a client or an earlier server; else the start."),
    (
        "lcs",
        "Strings whose lengths' product is above 128 Mi are refused, as in Redis; `IDX` takes a bit for each pair.",
    ),
    ("lpos", "A `RANK` of the least integer is refused, as in later versions of Redis."),
    (
        "restore",
        "A time to live beyond what the store holds is refused; so is always what Redis refuses with deep checks alone.",
    ),
    ("save", "A checkpoint, made while other clients go on."),
    (
        "scan",
        "Byte order. A cursor is remembered by the server, 65,536 of them or 16 MiB; one that was forgotten is `ERR invalid cursor`.",
    ),
    (
        "shutdown",
        "Always saves: what was answered is in the log, which is synced. `NOSAVE`, `NOW` and `FORCE` change nothing.",
    ),
    ("smembers", "Members come in byte order."),
    ("spop", "Chooses by place among members, evenly."),
    ("srandmember", "4 million at most with repetition."),
    ("sscan", "Byte order; a small set keeps to `COUNT`, where Redis gives all of it; cursors as in `SCAN`."),
    ("zrandmember", "4 million at most with repetition."),
    ("zscan", "Order of scores; a small set keeps to `COUNT`, where Redis gives all of it; cursors as in `SCAN`."),
];

/// What Redis has and this server has not.
pub(super) const ABSENT: &[(&str, &str)] = &[
    (
        "`EVAL`, `EVALSHA`, `FCALL`, `SCRIPT LOAD`, `FUNCTION LOAD`",
        "there is no Lua, and no place for it between a command and its commit",
    ),
    ("`XADD` and the other commands of streams", "there are no streams"),
    ("`MODULE`", "there are no modules"),
    (
        "`REPLICAOF`, `PSYNC`, `FAILOVER`, `MIGRATE`",
        "one process, without replicas; saves and the tool's `export` move data",
    ),
    ("`BGREWRITEAOF`", "there is no append-only file to rewrite: RocksDB's log is cut by itself"),
    ("`ACL SETUSER` and other users", "there is one user and one password"),
    ("`CLIENT CACHING`", "changes are not told to caches of clients"),
    ("`DEBUG`", "it exists to test Redis itself"),
];
