//! Operations on several keys and dbs at once, and strings read and changed in one call.
//!
//! Uses the run of `operations`. Invariant: the model changes exactly when the store says that it did.

use bytes::Bytes;
use windrow::{CopyOptions, CreateOptions, ErrorKind, GetExOptions, SetOptions, SortOptions};

use crate::operations::{DBS, Run, key, lifetime, value};
use crate::world::{self, Value};

/// What a string operation finds: nothing, a string, or something else.
fn string_of(entry: Option<&world::Entry>) -> Result<Option<Vec<u8>>, ErrorKind> {
    match entry.map(|entry| &entry.value) {
        None => Ok(None),
        Some(Value::String(bytes)) => Ok(Some(bytes.clone())),
        Some(Value::Set(_)) => Err(ErrorKind::WrongType),
    }
}

impl Run<'_> {
    /// Does one of them.
    pub(crate) fn transfer(&mut self) {
        match self.random.u8(..20) {
            0..=4 => self.copy(),
            5..=7 => self.move_to(),
            8..=9 => self.rename_if_absent(),
            10..=12 => self.set_many(),
            13..=14 => self.get_ex_or_del(),
            15..=16 => self.if_equals(),
            17 => self.count_up(),
            18 => self.look_around(),
            _ => self.flush_many(),
        }
    }

    fn copy(&mut self) {
        let (db, number, from) = self.place();
        let (to_db, to) = (self.random.usize(..DBS as usize), key(&mut self.random));
        let replaces = self.random.bool();
        let options = CopyOptions::new().to_db(to_db as u32);
        let result = db.copy_with(&from, &to, if replaces { options.replace() } else { options });
        if (number, &from) == (to_db, &to) {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
            return;
        }
        let source = self.world.dbs[number].entries.get(&from).cloned();
        let target = &mut self.world.dbs[to_db].entries;
        let expected = source.is_some() && (replaces || !target.contains_key(&to));
        assert_eq!(result.unwrap(), expected);
        if let (Some(entry), true) = (source, expected) {
            target.insert(to, entry);
        }
    }

    fn move_to(&mut self) {
        let (db, number, key) = self.place();
        let to_db = self.random.usize(..DBS as usize);
        let result = db.move_to(&key, to_db as u32);
        if number == to_db {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
            return;
        }
        let expected =
            self.world.dbs[number].entries.contains_key(&key) && !self.world.dbs[to_db].entries.contains_key(&key);
        assert_eq!(result.unwrap(), expected);
        if expected {
            let entry = self.world.dbs[number].entries.remove(&key).unwrap();
            self.world.dbs[to_db].entries.insert(key, entry);
        }
    }

    fn rename_if_absent(&mut self) {
        let (db, number, from) = self.place();
        let to = key(&mut self.random);
        let entries = &mut self.world.dbs[number].entries;
        let result = db.rename_if_absent(&from, &to);
        match entries.get(&from).cloned() {
            None => assert_eq!(result.unwrap_err().kind(), ErrorKind::NoSuchKey),
            Some(_) if entries.contains_key(&to) => assert!(!result.unwrap()),
            Some(entry) => {
                assert!(result.unwrap());
                entries.remove(&from);
                entries.insert(to, entry);
            }
        }
    }

    fn set_many(&mut self) {
        let (db, number, first) = self.place();
        let pairs: Vec<_> =
            [first, key(&mut self.random), key(&mut self.random)].map(|key| (key, value(&mut self.random))).into();
        let model = &mut self.world.dbs[number];
        let is_free = pairs.iter().all(|(key, _)| !model.entries.contains_key(key));
        let is_set = if self.random.bool() {
            assert_eq!(db.strings().mset_nx(pairs.clone()).unwrap(), is_free);
            is_free
        } else {
            db.strings().mset(pairs.clone()).unwrap();
            true
        };
        for (key, value) in pairs.into_iter().filter(|_| is_set) {
            model.put(&key, Value::String(value), None, self.world.now);
        }
    }

    fn get_ex_or_del(&mut self) {
        let (db, number, key) = self.place();
        let model = &mut self.world.dbs[number];
        let old = model.entries.get(&key).cloned();
        let expected = string_of(old.as_ref());
        let lifetime = lifetime(&mut self.random);
        let choice = self.random.u8(..4);
        let result = match choice {
            0 => db.strings().get_del(&key),
            1 => db.strings().get_ex(&key, GetExOptions::new()),
            2 => db.strings().get_ex(&key, GetExOptions::new().persist()),
            _ => db.strings().get_ex(&key, GetExOptions::new().expire_in(lifetime)),
        };
        let result = result.map_err(|error| error.kind());
        if choice == 3 && lifetime.is_zero() && matches!(expected, Ok(Some(_))) {
            assert_eq!(result, Err(ErrorKind::InvalidInput));
            return;
        }
        assert_eq!(result, expected.clone().map(|value| value.map(Bytes::from)));
        let (Ok(Some(value)), Some(old)) = (expected, old) else { return };
        let value = Value::String(value);
        match choice {
            0 => drop(model.entries.remove(&key)),
            1 => model.put(&key, value, old.expires_at, self.world.now),
            2 => model.put(&key, value, None, self.world.now),
            _ => model.put(&key, value, Some(self.world.now.saturating_add(lifetime)), self.world.now),
        }
    }

    fn if_equals(&mut self) {
        let (db, number, key) = self.place();
        let model = &mut self.world.dbs[number];
        let old = string_of(model.entries.get(&key));
        let expires_at = model.entries.get(&key).and_then(|entry| entry.expires_at);
        let expected = match &old {
            Ok(Some(bytes)) if self.random.u8(..4) > 0 => bytes.clone(),
            _ => value(&mut self.random),
        };
        let (new, lifetime) = (value(&mut self.random), lifetime(&mut self.random));
        let choice = self.random.u8(..3);
        let result = match choice {
            0 => db.strings().delete_if_equals(&key, &expected),
            1 => db.strings().expire_if_equals(&key, &expected, lifetime),
            _ => {
                let options = SetOptions::new().keep_ttl();
                db.strings().set_if_equals(&key, &expected, &new, options).map(|outcome| outcome.was_set)
            }
        };
        let is_equal = old.map(|old| old.as_ref() == Some(&expected));
        assert_eq!(result.map_err(|error| error.kind()), is_equal);
        if is_equal == Ok(true) {
            match choice {
                0 => drop(model.entries.remove(&key)),
                1 => {
                    let new = self.world.now.saturating_add(lifetime);
                    model.put(&key, Value::String(expected), Some(new), self.world.now);
                }
                _ => model.put(&key, Value::String(new), expires_at, self.world.now),
            }
        }
    }

    fn count_up(&mut self) {
        let (db, number, key) = self.place();
        let lifetime = lifetime(&mut self.random);
        let model = &mut self.world.dbs[number];
        if model.entries.contains_key(&key) {
            return;
        }
        let options = CreateOptions::new().expire_in(lifetime);
        assert_eq!(db.strings().incr_by_with(&key, 3, options).unwrap(), 3);
        model.put(&key, Value::String(b"3".into()), Some(self.world.now.saturating_add(lifetime)), self.world.now);
    }

    /// Reads that change nothing, and a list that is made and goes.
    fn look_around(&mut self) {
        let (db, number, key) = self.place();
        let model = &mut self.world.dbs[number];
        let found = db.random_key().unwrap();
        assert_eq!(found.is_some(), !model.entries.is_empty());
        assert!(found.is_none_or(|key| model.entries.contains_key(key.as_ref())));
        let all: Vec<_> = model.entries.keys().cloned().collect();
        assert_eq!(db.exists_many(&all).unwrap() as usize, all.len());
        let values = db.strings().mget(&all).unwrap();
        let expected = all.iter().map(|key| string_of(model.entries.get(key)).unwrap_or(None).map(Bytes::from));
        assert!(values.into_iter().eq(expected));
        let by_bytes = SortOptions::new().alphabetic();
        match model.entries.get(&key).map(|entry| entry.value.clone()) {
            Some(Value::String(_)) => assert_eq!(db.sort(&key, &by_bytes).unwrap_err().kind(), ErrorKind::WrongType),
            Some(Value::Set(set)) => {
                assert_eq!(db.sort_store(&key, "list", &by_bytes).unwrap() as usize, set.len());
                let items = db.sort("list", &SortOptions::new().by("nosort")).unwrap();
                assert!(items.into_iter().eq(set.into_iter().map(|item| Some(Bytes::from(item)))));
                assert!(db.delete(["list"]).unwrap() == 1);
            }
            None => assert!(db.sort(&key, &by_bytes).unwrap().is_empty()),
        }
    }

    fn flush_many(&mut self) {
        if self.random.bool() {
            self.store().flush_all().unwrap();
        } else {
            self.store().namespace("").flush().unwrap();
        }
        self.world.dbs.fill(world::Db::default());
    }
}
