"""Test which guarantees a generated service's job queue gives, and which other libraries give.

    uv run pytest benchmarks/queues -n 4 --tb=line

These tests are not part of the test suite, because they take 15 minutes on two cores, and most
libraries fail some tests. The tests need `redis-server` or `valkey-server`. `uv` installs each
library as declared in the inline metadata of its adapter. The service is rendered from the last
commit. Run the tests on a machine without other load, because they measure times.
"""

import json
import signal
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from benchmarks.queues.interface import ATTEMPTS, GRACE, TIMEOUT, VISIBILITY
from benchmarks.queues.processes import Client, ClientError, Processes, Worker, until

SLACK = 10
"""Seconds added to the visibility timeout, because some libraries poll for abandoned jobs."""


def wait_for(queue: Processes, event: str, count: int = 1, seconds: float = 30) -> None:
    until(lambda: len(queue.trace(event)) >= count, seconds)


def works(worker: Worker, queue: Processes, client: Client) -> bool:
    """Enqueue a `note` job, and return whether this worker has run any `note` job."""
    client.enqueue("note", text="warm-up")
    time.sleep(0.5)
    return any(worker.owns(line["pid"]) for line in queue.trace("note"))


# --- At-least-once delivery ---


def test_another_worker_runs_the_job_of_a_killed_worker(
    queue: Processes, client: Client, record_property: Callable[[str, object], None]
) -> None:
    workers = [queue.work(), queue.work()]
    until(lambda: all(works(worker, queue, client) for worker in workers))
    client.enqueue("hang", times=1)
    wait_for(queue, "began")
    (began,) = queue.trace("began")

    for worker in workers:
        if worker.owns(began["pid"]):
            worker.kill()
    killed = time.monotonic()
    wait_for(queue, "ended", seconds=VISIBILITY + SLACK)

    record_property("detail", f"{time.monotonic() - killed:.1f} s")
    assert queue.trace("ended")[0]["pid"] != began["pid"]
    assert len(queue.trace("began")) == 2


def test_a_worker_survives_an_outage_of_redis(queue: Processes, client: Client) -> None:
    worker = queue.work()
    client.enqueue("note", text="before")
    wait_for(queue, "note")

    queue.redis.kill()
    time.sleep(3)
    queue.redis.start()
    queue.client().enqueue("note", text="after")
    wait_for(queue, "note", 2)

    assert worker.is_running


def test_a_job_that_fails_during_an_outage_is_retried(queue: Processes, client: Client) -> None:
    """If the outage ends the worker, the test starts another worker, as a supervisor would."""
    worker = queue.work()
    client.enqueue("fail", times=1, seconds=1, text="a")
    wait_for(queue, "began")

    queue.redis.kill()
    time.sleep(3)
    queue.redis.start()
    if not worker.is_running:
        queue.work()

    wait_for(queue, "ended", seconds=VISIBILITY + SLACK + 5)


def test_enqueue_fails_within_six_seconds_during_an_outage(
    queue: Processes, client: Client
) -> None:
    """After the outage, the same client must be able to enqueue jobs again."""
    client.enqueue("note", text="before")
    queue.redis.kill()

    started = time.monotonic()
    with pytest.raises(ClientError):
        client.enqueue("note", text="during")
    assert time.monotonic() - started < 6

    queue.redis.start()
    time.sleep(2)
    client.enqueue("note", text="after")
    queue.work()
    until(lambda: {line["text"] for line in queue.trace("note")} == {"before", "after"})


def test_no_job_is_lost_while_workers_and_redis_are_killed(
    queue: Processes, client: Client
) -> None:
    workers = [queue.work(), queue.work()]
    texts = set()
    for turn in range(6):
        for number in range(20):
            text = f"{turn}.{number}"
            client.enqueue("fail", times=0, seconds=0.2, text=text)
            texts.add(text)
        time.sleep(0.5)
        workers.pop(0).kill()
        workers.append(queue.work())
        if turn == 3:
            queue.redis.kill()
            queue.redis.start()
            client = queue.client()

    def are_done() -> bool:
        for worker in workers:
            if not worker.is_running:  # A supervisor would restart the worker.
                workers.remove(worker)
                workers.append(queue.work())
        done = {line["text"] for line in queue.trace("ended")}
        given_up = {kept["kwargs"].get("text") for kept in client.failed()}
        return texts <= done | given_up

    until(are_done, 240)


# --- Enqueue after the commit ---


@contextmanager
def unit_of_work(file: Path) -> Generator[tuple[sqlite3.Connection, list[Callable[[], None]]]]:
    """Yield a connection in a transaction, and a list of functions to call after the commit."""
    actions: list[Callable[[], None]] = []
    with closing(sqlite3.connect(file)) as connection, connection:
        yield connection, actions
    for action in actions:
        action()


def test_a_job_is_enqueued_only_after_the_commit(
    queue: Processes, client: Client, tmp_path: Path
) -> None:
    client.enqueue("note", text="warm-up")
    queue.redis.client.flushall()

    def roll_back() -> None:
        with unit_of_work(tmp_path / "a.db") as (connection, actions):
            actions.append(partial(client.enqueue, "note", text="rolled back"))
            connection.execute("no SQL")

    with pytest.raises(sqlite3.OperationalError):
        roll_back()
    with unit_of_work(tmp_path / "a.db") as (connection, actions):
        connection.execute("CREATE TABLE a (b)")
        actions.append(partial(client.enqueue, "note", text="committed"))
        assert not any(b"committed" in value for value in queue.redis.values())

    queue.work()
    wait_for(queue, "note")
    assert [line["text"] for line in queue.trace("note")] == ["committed"]


# --- Deduplication by key ---


def test_only_one_of_several_waiting_jobs_with_the_same_key_runs(
    queue: Processes, client: Client
) -> None:
    for text in "ab":
        client.enqueue("note", key="a-key", text=text)
    client.enqueue("note", key="another-key", text="c")

    queue.work()
    queue.work()
    wait_for(queue, "note", 2)
    time.sleep(2)

    texts = sorted(line["text"] for line in queue.trace("note"))
    assert texts in (["a", "c"], ["b", "c"])


def test_a_job_whose_key_is_done_does_not_run_again(queue: Processes, client: Client) -> None:
    queue.work()
    client.enqueue("note", key="a-key", text="a")
    wait_for(queue, "note")
    time.sleep(1)

    client.enqueue("note", key="a-key", text="b")
    client.enqueue("note", text="c")
    wait_for(queue, "note", 2)
    time.sleep(2)

    assert [line["text"] for line in queue.trace("note")] == ["a", "c"]


# --- Messages ---


def test_arguments_are_json(queue: Processes, client: Client) -> None:
    client.enqueue("note", text="a-marker")

    found = [value for value in queue.redis.values() if b"a-marker" in value]

    assert found
    for value in found:
        json.loads(value)


def test_the_request_id_reaches_the_job(queue: Processes, client: Client) -> None:
    queue.work()

    client.enqueue("note", request_id="a-request", text="a")

    wait_for(queue, "note")
    assert queue.trace("note")[0]["request_id"] == "a-request"


def test_an_unknown_job_waits_for_a_worker_that_knows_it(queue: Processes, client: Client) -> None:
    old = queue.work("nap")
    client.enqueue("note", text="new")
    client.enqueue("nap", seconds=0)
    wait_for(queue, "ended")  # The unknown job must not block other jobs.
    time.sleep(6)
    assert client.failed() == []

    queue.work()
    assert old.stop() == 0
    wait_for(queue, "note", seconds=VISIBILITY + SLACK)


def test_an_unparsable_message_is_kept_and_does_not_block_others(
    queue: Processes, client: Client
) -> None:
    worker = queue.work()
    client.enqueue("note", text="before")
    wait_for(queue, "note")

    client.put_garbage()
    time.sleep(2)
    client.enqueue("note", text="after")
    wait_for(queue, "note", 2)

    assert worker.is_running
    until(client.failed)
    queue.redis.expire_keys()
    assert client.failed()


# --- Failed jobs ---


def test_a_failed_job_is_kept_with_its_error_until_it_is_retried(
    queue: Processes, client: Client
) -> None:
    queue.work()
    arguments = {"times": ATTEMPTS, "seconds": 0, "text": "a"}
    client.enqueue("fail", **arguments)
    wait_for(queue, "began", ATTEMPTS)
    until(client.failed)

    queue.redis.expire_keys()
    (kept,) = client.failed()
    assert "out of paper" in kept["error"]
    assert kept["name"] == "fail"
    assert kept["kwargs"].items() >= arguments.items()
    assert len(queue.trace("began")) == ATTEMPTS

    client.retry(kept["id"])
    wait_for(queue, "ended")
    assert client.failed() == []


def test_an_attempt_that_exceeds_the_timeout_fails(queue: Processes, client: Client) -> None:
    queue.work()

    client.enqueue("hang", times=99)

    until(client.failed, ATTEMPTS * (TIMEOUT + SLACK))
    assert len(queue.trace("began")) == ATTEMPTS


def test_the_record_of_a_finished_job_expires(queue: Processes, client: Client) -> None:
    queue.work()
    client.enqueue("note", text="a-marker")
    wait_for(queue, "note")
    time.sleep(1)

    queue.redis.expire_keys()

    assert not any(b"a-marker" in value for value in queue.redis.values())


def test_a_job_that_kills_its_workers_is_given_up_and_kept(
    queue: Processes, client: Client
) -> None:
    worker = queue.work()
    client.enqueue("die")

    def is_given_up() -> bool:
        nonlocal worker
        if not worker.is_running:
            worker = queue.work()  # A supervisor would restart the worker.
        assert len(queue.trace("began")) <= ATTEMPTS
        return bool(client.failed())

    until(is_given_up, (ATTEMPTS + 1) * (VISIBILITY + SLACK))
    assert len(queue.trace("began")) == ATTEMPTS


# --- Scheduled jobs ---


def test_only_one_of_two_workers_runs_a_scheduled_job(queue: Processes) -> None:
    queue.work("tick")
    queue.work("tick")
    # Count only runs in a later minute: some libraries also run the job for the current minute.
    minute = (time.time() + 10) // 60 + 1

    time.sleep((minute + 1) * 60 + 3 - time.time())

    assert sum(line["time"] // 60 == minute for line in queue.trace("tick")) == 1


# --- Shutdown ---


def test_a_stopping_worker_finishes_running_jobs_and_takes_no_new_ones(
    queue: Processes, client: Client
) -> None:
    worker = queue.work()
    client.enqueue("nap", seconds=GRACE * 0.8)
    wait_for(queue, "began")

    worker.request_stop()
    time.sleep(GRACE * 0.6)  # Some libraries check for signals only once a second.
    client.enqueue("note", text="a")

    assert worker.process.wait(GRACE + 8) == 0
    assert len(queue.trace("ended")) == 1
    assert queue.trace("note") == []
    queue.work()
    wait_for(queue, "note")
    assert len(queue.trace("began")) == 1


def test_an_interrupted_job_is_requeued_and_the_attempt_does_not_count(
    queue: Processes, client: Client
) -> None:
    client.enqueue("hang", times=ATTEMPTS + 1)
    for attempt in range(ATTEMPTS + 1):
        worker = queue.work()
        wait_for(queue, "began", attempt + 1)
        assert worker.stop(GRACE + 8) in (0, -signal.SIGTERM)

    queue.work()
    wait_for(queue, "ended")
    assert client.failed() == []
