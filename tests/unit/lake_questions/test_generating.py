"""GenerateQuery: one store of CloudTrail events, an alias that is kept, and a language model only where the settings name one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.lake.dashboards.aliases import QueryAliases
from opentrail.lake.event_data_store import PENDING_DELETION
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    EventDataStoreARNInvalidException,
    EventDataStoreNotFoundException,
    GenerateResponseException,
    InactiveEventDataStoreException,
    InvalidParameterException,
)
from opentrail.lake.questions.control import KEPT, Questions
from opentrail.lake.questions.endpoint import Endpoint, statement
from opentrail.storage.database import Database
from simulators.dashboards import ACCOUNT, PLACE, STORE, StoresInMemory

UNKNOWN = "Which zebras crossed the road?"


class Model(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint that says what a test puts in its mouth."""

    says: Any = "SELECT 1"
    status = 200
    location = ""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.heard.append((self.path, dict(self.headers), body))
        answer = json.dumps({"choices": [{"message": {"content": self.server.says}}]}).encode()
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("location", self.server.location)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def stores() -> StoresInMemory:
    stores = StoresInMemory()
    stores.add()
    return stores


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "state.db")
    yield database
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def questions(database: Database, clock: ManualClock, stores: StoresInMemory) -> Questions:
    return Questions(database, clock, stores)


def test_the_alias_stands_for_query_and_prompt_for_a_while(questions: Questions, database: Database, clock: ManualClock) -> None:
    draft = questions.draft(PLACE, [STORE], "top users last week")
    made = questions.keep(PLACE, draft)
    aliases = QueryAliases(database)
    assert made.statement == draft.statement == aliases.statement(made.alias, ACCOUNT, "us-east-1")
    assert aliases.prompt(made.alias, ACCOUNT, "us-east-1") == "top users last week"
    assert made.owner_account_id == ACCOUNT
    assert aliases.statement(made.alias, "999999999999", "us-east-1") is None
    clock.advance(KEPT + 1)
    questions.keep(PLACE, draft)
    assert aliases.statement(made.alias, ACCOUNT, "us-east-1") is None


@pytest.mark.parametrize("prompt", ["ab", "x" * 501, "top users \u2019", "top\tusers"])
def test_prompts_that_are_not_valid(questions: Questions, prompt: str) -> None:
    with pytest.raises(InvalidParameterException):
        questions.draft(PLACE, [STORE], prompt)


def test_exactly_one_store_of_cloudtrail_events(questions: Questions, stores: StoresInMemory) -> None:
    insights = stores.add("0a1b2c3d-1111-4222-8333-00000000000b", family=Family.INSIGHTS)
    gone = stores.add("0a1b2c3d-1111-4222-8333-00000000000c", status=PENDING_DELETION)
    for given, refusal in (
        ([], InvalidParameterException),
        ([STORE, STORE], InvalidParameterException),
        ([insights.id], InvalidParameterException),
        ([gone.arn], InactiveEventDataStoreException),
        (["0a1b2c3d-1111-4222-8333-00000000000d"], EventDataStoreNotFoundException),
        (["my-store"], EventDataStoreARNInvalidException),
    ):
        with pytest.raises(refusal):
            questions.draft(PLACE, given, "top users last week")


def test_without_a_setting_nobody_is_asked(questions: Questions, model: Model) -> None:
    with pytest.raises(GenerateResponseException):
        questions.draft(PLACE, [STORE], UNKNOWN)
    assert model.heard == []


def asking(model: Model, database: Database, stores: StoresInMemory, key: Path | None = None) -> Questions:
    return Questions(database, ManualClock(), stores, Endpoint(url=model.url, model="m", key_file=key))


def test_a_model_hears_the_columns_and_the_question_only(model: Model, database: Database, stores: StoresInMemory, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    model.says = "Here it is:\n```sql\nSELECT eventName FROM events LIMIT 3;\n```"
    draft = asking(model, database, stores, key).draft(PLACE, [STORE], UNKNOWN)
    assert (draft.statement, draft.foreign) == (f"SELECT eventName FROM {STORE} LIMIT 3", True)
    ((path, headers, body),) = model.heard
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert body["model"] == "m"
    assert "requestparameters map(varchar, varchar)" in body["messages"][0]["content"]
    assert STORE not in json.dumps(body)
    assert ACCOUNT not in json.dumps(body)


def test_what_is_known_here_is_not_asked_elsewhere(model: Model, database: Database, stores: StoresInMemory) -> None:
    assert not asking(model, database, stores).draft(PLACE, [STORE], "top users last week").foreign
    assert model.heard == []


@pytest.mark.parametrize(
    "said",
    [
        "UNKNOWN",
        "I would rather not.",
        "DROP TABLE events",
        "SELECT 1",
        "SELECT * FROM other",
        "SELECT * FROM events; DELETE FROM events",
        "SELECT * FROM events.secrets",
        7,
        None,
    ],
)
def test_anything_but_one_select_over_the_table_is_refused(said: Any) -> None:
    with pytest.raises(GenerateResponseException):
        statement(said, STORE)


@pytest.mark.parametrize(("status", "location"), [(500, ""), (404, ""), (302, "http://127.0.0.1:1/elsewhere")])
def test_a_model_that_fails_or_sends_elsewhere_is_a_refusal(
    model: Model, database: Database, stores: StoresInMemory, status: int, location: str
) -> None:
    model.status, model.location = status, location
    with pytest.raises(GenerateResponseException, match="language model"):
        asking(model, database, stores).draft(PLACE, [STORE], UNKNOWN)


def test_a_model_that_is_not_there_is_a_refusal(database: Database, stores: StoresInMemory) -> None:
    with Model() as server:
        url = server.url
    questions = Questions(database, ManualClock(), stores, Endpoint(url=url, model="m"))
    with pytest.raises(GenerateResponseException, match="language model"):
        questions.draft(PLACE, [STORE], UNKNOWN)
