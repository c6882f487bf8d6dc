"""What differs between two configs, in words."""

from daemon.config.changes import changes, in_force_after, needs_restart
from daemon.config.settings import Settings
from daemon.log import masked

BEFORE = {
    "workspaces": [{"id": 7, "api_key": "first-secret"}, {"id": 8, "api_key_env": "KEY"}],
    "database": {"url": "postgresql://me:first-secret@host/db"},
    "erp": {"default": {"adapter": "files", "folder": "inbox", "password": "first-secret", "pin": {"token": "first-secret"}}},
}
AFTER = {
    "workspaces": [{"id": 9, "api_key_env": "KEY"}, {"id": 7, "api_key": "second-secret"}],
    "database": {"url": "postgresql://me:second-secret@other/db"},
    "http": {"port": 9090},
    "sync": {"poll_interval": "15s"},
    "erp": {"default": {"adapter": "files", "folder": "inbox", "password": "second-secret", "pin": {"token": "second-secret"}}},
}


def test_each_change_is_told_old_and_new_without_a_secret():
    """A secret that changed is told to have changed, and neither value; workspaces are known by their ids."""
    told = changes(Settings(**BEFORE), Settings(**AFTER), masked)

    assert told["sync.poll_interval"] == "1m → 15s"
    assert told["http.port"] == "8080 → 9090"
    assert told["workspaces[8].api_key_env"] == "KEY → (none)"
    assert told["workspaces[9].api_key_env"] == "(none) → KEY"
    assert {"workspaces[7].api_key", "database.url", "erp.default.password", "erp.default.pin.token"} <= told.keys()
    assert "secret" not in str(told)
    assert changes(Settings(**AFTER), Settings(**AFTER), masked) == {}


def test_what_only_a_restart_brings_is_not_in_force():
    """The database and the port stay as they are, the rest is the new file's."""
    old, new = Settings(**BEFORE), Settings(**AFTER)
    mixed = in_force_after(old, new)

    assert (mixed.database, mixed.http, mixed.sync, mixed.workspaces) == (old.database, old.http, new.sync, new.workspaces)
    assert [key for key in changes(old, new, masked) if needs_restart(key)] == ["database.url", "http.port"]
