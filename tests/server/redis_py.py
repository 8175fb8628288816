"""What people do first with redis-py. Arguments: port, Unix socket. Prints `all as expected`."""

import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

port, socket = int(sys.argv[1]), sys.argv[2]

for more in ({"protocol": 2}, {"protocol": 3}, {"unix_socket_path": socket}):
    where = more if "unix_socket_path" in more else {"host": "127.0.0.1", "port": port, **more}
    r = redis.Redis(password="secret", decode_responses=True, db=1, **where)
    r.flushdb()
    assert r.ping() is True
    assert r.set("foo", "bar") is True and r.get("foo") == "bar" and r.get("nobody") is None
    assert r.set("foo", "baz", nx=True) is None and r.set("once", "1", nx=True, ex=100) is True
    assert 99 <= r.ttl("once") <= 100 and r.ttl("foo") == -1 and r.ttl("nobody") == -2
    assert r.incr("n") == 1 and r.incrby("n", 9) == 10 and r.incrbyfloat("n", 0.5) == 10.5
    assert r.mset({"a": "1", "b": "2"}) and r.mget("a", "nobody", "b") == ["1", None, "2"]
    assert r.hset("user", mapping={"name": "Ada", "born": 1815}) == 2
    assert r.hgetall("user") == {"name": "Ada", "born": "1815"}
    assert r.rpush("l", "a", "b", "c") == 3 and r.lrange("l", 0, -1) == ["a", "b", "c"]
    assert r.lpop("l") == "a" and r.lpop("l", 2) == ["b", "c"] and r.lpop("l") is None
    assert r.sadd("s", "x", "y") == 2 and r.smembers("s") == {"x", "y"} and bool(r.sismember("s", "x"))
    assert r.zadd("z", {"one": 1, "two": 2.5}) == 2
    scores = r.zrange("z", 0, -1, withscores=True)
    assert [tuple(pair) for pair in scores] == [("one", 1.0), ("two", 2.5)], scores
    assert r.zscore("z", "two") == 2.5 and r.zrank("z", "two") == 1 and r.zscore("z", "nobody") is None
    assert sorted(r.scan_iter(match="?")) == ["a", "b", "n", "s", "z"], sorted(r.scan_iter(match="?"))
    assert dict(r.hscan_iter("user")) == {"name": "Ada", "born": "1815"}
    assert sorted(r.keys("f*")) == ["foo"] and r.exists("foo", "nobody") == 1 and r.type("z") == "zset"
    assert r.expire("foo", 10) and r.persist("foo") and r.delete("foo") == 1
    assert r.dbsize() == 7, r.keys()
    # Pipelines: as a transaction, and not.
    assert r.pipeline().set("p", 1).incr("p").get("p").execute() == [True, 2, "2"]
    assert r.pipeline(transaction=False).get("p").hget("user", "name").execute() == ["2", "Ada"]
    with r.pipeline() as pipe:
        pipe.watch("p")
        r.set("p", "else")
        pipe.multi()
        pipe.set("p", "mine")
        try:
            pipe.execute()
            raise AssertionError("a watched key has changed")
        except redis.WatchError:
            pass
    assert r.transaction(lambda pipe: (pipe.multi(), pipe.incr("t")), "t") == [1]
    # Errors have their classes.
    for call, kind in [(lambda: r.incr("user"), "WRONGTYPE"), (lambda: r.execute_command("NOSUCH"), "unknown command")]:
        try:
            call()
            raise AssertionError(kind)
        except redis.ResponseError as error:
            assert kind in str(error), error
    try:
        redis.Redis(password="wrong", retry=Retry(NoBackoff(), 0), **where).ping()
        raise AssertionError("a wrong password")
    except redis.AuthenticationError:
        pass
    # Locks need a script; what they do without one is this.
    assert r.set("lock", "me", nx=True, px=50) and r.set("lock", "you", nx=True) is None
    time.sleep(0.1)
    assert r.set("lock", "you", nx=True) is True
    # Bytes as they are.
    raw = redis.Redis(password="secret", db=1, **where)
    raw.set(b"\x00\xff", bytes(range(256)))
    assert raw.get(b"\x00\xff") == bytes(range(256)) and raw.strlen(b"\x00\xff") == 256
    raw.delete(b"\x00\xff")
    assert raw.restore("copy", 0, raw.dump("z")) and raw.zcard("copy") == 2
    raw.delete("copy")
    info = r.info()
    assert info["redis_version"].startswith("7.0"), info
    assert r.config_get("databases") == {"databases": "16"} and r.client_setname("me") and r.client_getname() == "me"
    assert r.geoadd("g", (13.4, 52.5, "Berlin", 2.35, 48.86, "Paris")) == 2
    assert 870 < r.geodist("g", "Berlin", "Paris", unit="km") < 890
    assert r.bitcount("a") == 3 and r.pfadd("hll", "a", "b") == 1 and r.pfcount("hll") == 2
    assert r.lastsave() is not None and r.save() is True

print("all as expected")
