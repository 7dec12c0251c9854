"""Mail, text messages and chat: only by ways that the operator has set, whose secrets nobody hears of."""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from opentrail.config import MessagingSettings
from opentrail.errors import SettingError
from opentrail.messaging.topics import notifier as module
from opentrail.messaging.topics.notifier import Notifier, NotReached, NotSet, Ways
from opentrail.server.messages import notifier

SCHEMES = MessagingSettings().notify_schemes
SECRET = "CANARY-secret"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "notify.toml"
    path.write_text(text)
    return path


def test_the_file_tells_the_ways(tmp_path: Path) -> None:
    path = written(tmp_path, f'email = "mailtos://u:{SECRET}@example.com?to={{address}}"\n[chat]\nops = "slack://a/b/{SECRET}"\n')
    ways = Ways.read(path, SCHEMES)
    assert SECRET not in repr(ways)
    sent: list[Any] = []
    told = Notifier(ways, lambda *told: bool(sent.append(told)) or True)
    told.send("email", "ana+x@example.com", "t", "b")
    told.send("email", "ops@chat.opentrail", "t", "b")
    assert [url for url, _, _ in sent] == [f"mailtos://u:{SECRET}@example.com?to=ana%2Bx%40example.com", f"slack://a/b/{SECRET}"]
    with pytest.raises(NotSet, match="sms"):
        told.send("sms", "+491", "t", "b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("email = ", "no TOML file"),
        ('email = "nothing"', "must be an apprise URL"),
        ("email = 3", "must be an apprise URL"),
        (f'email = "mailto://u:{SECRET}@example.com"', "must hold {address}"),
        (f'email = "json://{SECRET}/{{address}}"', "messaging.notify_schemes does not allow"),
        (f'[chat]\nops = "exec://{SECRET}"', "messaging.notify_schemes does not allow"),
        (f'chat = "slack://{SECRET}"', "must be an apprise URL"),
        (f'pager = "slack://{SECRET}"', "may have email, sms"),
    ],
)
def test_a_file_of_no_use_is_refused_without_telling_what_it_holds(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingError) as error:
        Ways.read(written(tmp_path, text), SCHEMES)
    assert says in str(error.value)
    assert SECRET not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        notifier(MessagingSettings(notify=str(tmp_path / "absent")))


def test_without_apprise_the_server_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", absent)
    assert notifier(MessagingSettings()) is not None
    with pytest.raises(SettingError, match=r"pip install 'opentrail\[notify\]'"):
        notifier(MessagingSettings(notify=str(written(tmp_path, '[chat]\nops = "slack://a/b/c"'))))


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_is_asked_and_its_log_holds_no_url(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    path = written(tmp_path, f'[chat]\nlost = "ntfy://u:{SECRET}@127.0.0.1:1/topic"\nbroken = "slack://{SECRET}"\n')
    told = notifier(MessagingSettings(notify=str(path)))
    for channel in ("lost", "broken"):
        with pytest.raises(NotReached) as error:
            told.send("email", f"{channel}@chat.opentrail", "t", "b")
        assert SECRET not in str(error.value)
    assert SECRET not in caplog.text


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_channel_that_takes_messages_gets_them_through_apprise(tmp_path: Path) -> None:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    path = written(tmp_path, f'[chat]\nops = "ntfy://127.0.0.1:{server.server_port}/alerts"\n')
    notifier(MessagingSettings(notify=str(path))).send("email", "ops@chat.opentrail", "fire", "it burns")
    server.shutdown()
    server.server_close()
    thread.join(5)
    (body,) = got
    assert b"it burns" in body
    assert b"fire" in body
